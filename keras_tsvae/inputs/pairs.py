"""Coded conditions that images are paired with."""

from typing import Any

import numpy as np

from keras_tsvae.arrays.numbers import finite_in_float32
from keras_tsvae.arrays.types import ArrayLike


def pairs_rule(name: str) -> str:
    """Returns the rule for pairs of images and conditions, as the beginning of a message."""
    return f"`{name}` must pair images with finite conditions"


def paired_condition(condition: ArrayLike, n: int, condition_dim: int, name: str) -> np.ndarray:
    """Returns coded conditions as float32 `(n, condition_dim)`, or raises."""
    try:
        condition = np.asarray(condition)
    except ValueError as error:
        raise ValueError(f"{pairs_rule(name)} of one length. Received: {error}") from error
    if condition.shape != (n, condition_dim) or condition.dtype.kind not in "fiu":
        raise ValueError(
            f"{pairs_rule(name)} of shape (n, {condition_dim}). Received: conditions of "
            f"dtype={condition.dtype}, shape={condition.shape} for {n} images"
        )
    if not finite_in_float32(condition):
        raise ValueError(f"{pairs_rule(name)}. Received: NaN, infinity or more than float32 holds")
    return condition.astype("float32", copy=False)


def second_of(element: Any, name: str) -> Any:
    """Returns the conditions of a pair of images and conditions."""
    if not isinstance(element, (tuple, list)) or len(element) != 2:
        raise ValueError(
            f"{pairs_rule(name)} for a model that is conditioned. "
            f"Received: a {type(element).__name__} without them"
        )
    return element[1]
