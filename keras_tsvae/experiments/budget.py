"""How long a training may take, as one says it."""

import re

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_BUDGET = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(s|m|min|h|d|epochs?|)\s*")


def parse_budget(budget: str) -> tuple[float | None, int | None]:
    """Returns seconds and None, or None and epochs of the first stage.

    Args:
        budget: Such as `"90s"`, `"10m"`, `"1.5h"`, `"2d"`, `"30 epochs"` or `"30"`.

    Raises:
        ValueError: If it is anything else, or nothing.
    """
    found = _BUDGET.fullmatch(str(budget))
    number, unit = (float(found[1]), found[2]) if found else (0.0, "")
    is_time = unit in _SECONDS
    if not number > 0 or (not is_time and number != int(number)):
        raise ValueError(
            "`budget` must be a time such as '90s', '10m' or '2h', or a number of epochs such as "
            f"'30 epochs'. Received: budget={budget!r}"
        )
    return (number * _SECONDS[unit], None) if is_time else (None, int(number))
