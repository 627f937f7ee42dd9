"""Checks of latent vectors and of the conditions that they come with."""

import numpy as np

from keras_tsvae.arrays.numbers import finite_in_float32
from keras_tsvae.arrays.types import ArrayLike


def check_vectors(name: str, value: ArrayLike, dimensions: int) -> np.ndarray:
    """Returns `value` as a float32 array `(n, dimensions)`, or raises a `ValueError`."""
    vectors = _as_array(name, value)
    if vectors.ndim != 2 or vectors.shape[1] != dimensions or not len(vectors):
        raise ValueError(
            f"`{name}` must have shape (n, {dimensions}), n at least 1. "
            f"Received: {name}.shape={vectors.shape}"
        )
    if vectors.dtype.kind not in "fiu" or not finite_in_float32(vectors):
        raise ValueError(f"`{name}` must hold finite numbers. Received: dtype={vectors.dtype}")
    return vectors.astype("float32", copy=False)


def broadcast_condition(
    condition: ArrayLike | None, n: int, condition_dim: int | None
) -> tuple[np.ndarray, ...]:
    """Returns coded conditions, checked, as `((n, condition_dim),)`; `()` for a model without.

    Args:
        condition: Array `(n, condition_dim)`, or one row `(condition_dim,)` for all, or None.
        n: Int.
        condition_dim: The width that the model takes, or None if it takes none.

    Raises:
        ValueError: If there is none where there has to be one, or the other way round, or it has
            another shape.
    """
    if condition_dim is None or condition is None:
        if condition_dim is not None or condition is not None:
            raise ValueError(
                "`condition` must be given if and only if the model is conditioned. Received: "
                f"condition={condition!r} for a model with condition_dim={condition_dim}"
            )
        return ()
    rows = np.atleast_2d(_as_array("condition", condition))
    if rows.ndim == 2 and len(rows) == 1:
        rows = np.broadcast_to(rows, (n, rows.shape[1]))
    if rows.shape != (n, condition_dim):
        raise ValueError(
            f"`condition` must have shape ({n}, {condition_dim}) or ({condition_dim},). "
            f"Received: condition.shape={np.shape(condition)}"
        )
    return (check_vectors("condition", rows, condition_dim),)


def _as_array(name, value):
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"`{name}` must have rows of one length. Received: {error}") from error
