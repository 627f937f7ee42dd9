"""What property tests share: few examples, the same in every run."""

import re

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

ODD = (None, 0, -1, 1.0, 2.5, True, "1", "a", b"a", (), [1], {}, 2**64, float("nan"), 1j)


def examples(n):
    """Returns a decorator for a test of so many examples."""
    checks = list(HealthCheck)
    return settings(
        max_examples=n, derandomize=True, database=None, deadline=None, suppress_health_check=checks
    )


def mostly(right, odd=st.sampled_from(ODD)):
    """Returns a strategy of what is right, three times in four, or odd."""
    return st.one_of(right, right, right, odd)


def refused(call):
    """Whether a call raises a `ValueError` that names an argument; any other error is raised."""
    try:
        call()
    except ValueError as error:
        assert re.search(r"`\w+`.*Received", str(error), re.DOTALL), error
        return True
    return False
