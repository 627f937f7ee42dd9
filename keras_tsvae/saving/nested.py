"""Nested values as JSON and arrays, so that files can hold them that run no code."""

from typing import Any

import numpy as np

_ARRAY = "array of the file"


def packed(value: Any, arrays: dict[str, np.ndarray], name: str) -> Any:
    """Returns what JSON can hold of a nested value, and puts its arrays into a dict.

    Args:
        value: None, a bool, number, str or array, or a dict (of str), list or tuple of such.
        arrays: Where arrays go, named after where they are.
        name: What the names begin with.

    Raises:
        TypeError: If there is anything else in it.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: packed(part, arrays, f"{name}/{key}") for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [packed(part, arrays, f"{name}/{i}") for i, part in enumerate(value)]
    if not hasattr(value, "__array__"):
        raise TypeError(f"{name} must hold numbers, str and arrays. Received: {type(value)}")
    arrays[name] = plain(np.asarray(value))
    return {_ARRAY: name}


def unpacked(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Returns what `packed` was given; tuples are lists now."""
    if isinstance(value, dict):
        if value.keys() == {_ARRAY}:
            return arrays[value[_ARRAY]]
        return {key: unpacked(part, arrays) for key, part in value.items()}
    if isinstance(value, list):
        return [unpacked(part, arrays) for part in value]
    return value


def plain(array: np.ndarray) -> np.ndarray:
    """Returns an array as NumPy's files hold it: of bfloat16 and the like, the bits."""
    return array if array.dtype.isbuiltin == 1 else array.view(f"u{array.dtype.itemsize}")
