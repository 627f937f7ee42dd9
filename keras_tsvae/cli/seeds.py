"""Seeds as they are written on a command line."""

import re

import typer

_MOST = 1_000_000


def parse_seeds(text: str) -> list[int]:
    """Returns the seeds of text such as `"0,1,4-6"`, or raises a usage error.

    Args:
        text: Non-negative numbers and ranges of them, both ends included, with commas in between.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*([0-9]{1,9})\s*(?:-\s*([0-9]{1,9})\s*)?", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if last < first or len(seeds) + last - first >= _MOST:
            raise typer.BadParameter(
                f"{text!r} is no list of numbers and ranges such as 0,1,4-6",
                param_hint="'--seed'",
            )
        seeds += range(first, last + 1)
    return list(dict.fromkeys(seeds))
