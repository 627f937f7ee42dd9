"""Errors of the package in the words of a command line."""

import contextlib
import re
from collections.abc import Iterator, Mapping

_NAME = re.compile(r"`([a-z_]+)(?:=True)?`")


@contextlib.contextmanager
def as_typed(names: Mapping[str, str]) -> Iterator[None]:
    """Lets `ValueError`s call arguments what they are called on the command line.

    Args:
        names: Dict from names of arguments to what was typed, such as `"--output"`.
    """
    try:
        yield
    except ValueError as error:
        text = _NAME.sub(lambda found: names.get(found[1], found[0]), str(error))
        if text == str(error):
            raise
        raise ValueError(text) from error
