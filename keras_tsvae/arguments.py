"""Checks of constructor arguments, shared by every public class."""

import contextlib
import numbers
import operator
import re
from collections.abc import Iterator
from typing import Any

CONDITIONING = ("concat", "modulate")  # how a network takes a condition
GAMMAS = ("learned", "computed", "optimal")
LEAST_GAMMA = 1e-6


def positive_int(name: str, value: Any) -> int:
    """Returns `value` as an `int`, or raises a `ValueError` that names the argument."""
    number = _int_at_least(name, value, 1, "a positive integer")
    if number >= 2**63:  # more than an array can have
        raise ValueError(f"`{name}` must be less than 2**63. Received: {name}={value!r}")
    return number


def non_negative_int(name: str, value: Any) -> int:
    """Returns `value` as an `int` of at least 0, or raises a `ValueError`."""
    return _int_at_least(name, value, 0, "an integer of at least 0")


def check_image_shape(value: Any) -> tuple[int, int, int]:
    """Returns `(height, width, channels)` as a tuple of positive ints, or raises."""
    try:
        height, width, channels = value
    except (TypeError, ValueError):
        raise ValueError(
            "`image_shape` must be three positive integers (height, width, channels). "
            f"Received: image_shape={value!r}"
        ) from None
    return (
        positive_int("image_shape", height),
        positive_int("image_shape", width),
        positive_int("image_shape", channels),
    )


def check_gamma(value: Any, name: str = "gamma") -> str | float:
    """Returns one of `GAMMAS` or a float, or raises a `ValueError`."""
    if isinstance(value, str) and value in GAMMAS:
        return value
    if not is_number(value) or not LEAST_GAMMA <= value <= 1e6:
        raise ValueError(
            f"`{name}` must be 'learned', 'computed', 'optimal' or a number from 1e-6 to 1e6, the "
            f"decoder's standard deviation. Received: {name}={value!r}"
        )
    return float(value)


def is_number(value: Any) -> bool:
    """Whether `value` is a real number, of Python or NumPy, and no bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def gamma_of_likelihood(likelihood: str, gamma: Any, decoder: Any) -> str | float | None:
    """Returns a checked `gamma`, None for the cross-entropy; raises if they do not fit."""
    if likelihood not in ("gaussian", "cross_entropy"):
        raise ValueError(
            "`likelihood` must be 'gaussian' or 'cross_entropy'. "
            f"Received: likelihood={likelihood!r}"
        )
    if likelihood == "gaussian":
        return check_gamma(gamma)
    if gamma != "learned":
        raise ValueError(
            "`gamma` must be left as it is, 'learned', where `likelihood` is 'cross_entropy', "
            f"which has none. Received: gamma={gamma!r}"
        )
    if not callable(getattr(decoder, "logits", None)):
        raise ValueError(
            "`decoder` must have a method `logits(z, training)` where `likelihood` is "
            f"'cross_entropy'. Received: decoder={type(decoder).__name__}"
        )
    return None


@contextlib.contextmanager
def naming_argument(name: str) -> Iterator[None]:
    """Lets errors about conditions call what was given by its `name`."""
    try:
        yield
    except ValueError as error:
        raise ValueError(re.sub("`conditions?`", f"`{name}`", str(error))) from error


def _int_at_least(name: str, value: Any, least: int, rule: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least:
        raise ValueError(f"`{name}` must be {rule}. Received: {name}={value!r}")
    return number
