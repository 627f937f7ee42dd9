"""Coded conditions that images are paired with."""

import numpy as np

CONDITIONS = "`x` must pair images with finite conditions "


def check_condition(condition, n, condition_dim):
    """Returns coded conditions as float32 `(n, condition_dim)`, or raises."""
    condition = np.asarray(condition)
    if condition.shape != (n, condition_dim) or condition.dtype.kind not in "fiu":
        raise ValueError(
            f"{CONDITIONS}of shape (n, {condition_dim}). Received: conditions of "
            f"dtype={condition.dtype}, shape={condition.shape} for {n} images"
        )
    if not np.isfinite(condition).all():
        raise ValueError(f"{CONDITIONS.rstrip()}. Received: NaN or infinity")
    return condition.astype("float32", copy=False)


def second_of(element):
    """Returns the conditions of a pair of images and conditions."""
    if not isinstance(element, (tuple, list)) or len(element) != 2:
        raise ValueError(
            f"{CONDITIONS}for a model that is conditioned. "
            f"Received: a {type(element).__name__} without them"
        )
    return element[1]
