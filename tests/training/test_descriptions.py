"""What tells trainings apart."""

import pytest

from keras_tsvae.training.descriptions import differences

pytestmark = pytest.mark.backend_free

BEFORE = {"a": {"b": [1, {"c": None}]}, "d": 1}


@pytest.mark.parametrize(
    "now, lines",
    [
        (BEFORE, []),
        ({"a": {"b": [1, {"c": None, "new": 3}], "new": 1}, "d": 1}, []),  # of a later version
        ({"a": {"b": [2, {"c": {}}]}, "d": 1}, ["a.b[0] was 1, and is 2", "a.b[1].c was null, an"]),
        ({"a": {"b": [1]}}, ["a.b was [1, ", "d was 1, and is null"]),
    ],
)
def test_differences_have_the_names_of_what_differs(now, lines):
    found = differences(BEFORE, now)
    assert len(found) == len(lines)
    assert all(line.startswith(start) for line, start in zip(found, lines))


def test_no_more_than_eight_are_told():
    assert len(differences({str(n): n for n in range(20)}, {})) == 8
