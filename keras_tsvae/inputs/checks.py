"""What holds of images, of arrays as of batches: rank, type, shape and values."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from keras_tsvae.arrays.numbers import native
from keras_tsvae.arrays.types import ArrayLike, ImageShape

_DTYPES = {"uint8", "float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"}
DARKEST = 17  # of 255; the greatest value of uint8 images that are right is hardly ever less
_ROWS_AT_ONCE = 1024


def values_rule(name: str) -> str:
    """Returns the rule for values of floats, as the beginning of a message."""
    return f"`{name}` must hold finite values in [0, 1], or be uint8 in [0, 255]. Received: "


def check_array(x: ArrayLike, name: str) -> np.ndarray:
    """Returns images as a checked NumPy array, or raises a `ValueError`.

    Args:
        x: What NumPy turns into an array.
        name: The argument that messages name.
    """
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"`{name}` must hold images of one shape. Received: {error}") from error
    x = native(x)
    check_rank_and_dtype(x.ndim, x.shape, x.dtype.name, name)
    if 0 in x.shape:
        raise ValueError(
            f"`{name}` must not be empty, n at least 1. Received: {name}.shape={x.shape}"
        )
    if x.dtype != np.uint8:
        for start in range(0, len(x), _ROWS_AT_ONCE):
            rows = x[start : start + _ROWS_AT_ONCE]
            lowest, highest = rows.min(), rows.max()  # NaN if there is one
            if not (lowest >= 0 and highest <= 1):
                raise ValueError(f"{values_rule(name)}min={lowest}, max={highest}")
    return x


def check_rank_and_dtype(
    rank: int | None, shape: Iterable[Any], dtype: str, name: str, stream: bool = False
) -> None:
    """Raises a `ValueError` unless images have four axes and are uint8 or floats.

    Args:
        rank: Number of axes, or None if it is not known.
        shape: The shape, for messages.
        dtype: Name of a dtype.
        name: The argument that messages name.
        stream: Whether they come from a data set, which has to be batched.
    """
    if rank is not None and rank != 4:
        hint = " (grey images need a last axis of length 1)" if rank == 3 else ""
        if rank == 3 and stream:
            hint = " (call `.batch(n)` on a data set of single images; grey images need a last axis"
            hint += " of length 1)"
        raise ValueError(
            f"`{name}` must have shape (batch, height, width, channels), of rank 4{hint}. "
            f"Received: shape={tuple(shape)}"
        )
    if dtype not in _DTYPES:
        raise ValueError(
            f"`{name}` must be uint8 in [0, 255] or floating point in [0, 1]. "
            f"Received: dtype={dtype}"
        )


def warn_if_dark(images: np.ndarray, name: str) -> None:
    """Warns if uint8 images are all but black: they were divided, or cast wrongly."""
    starts = range(0, len(images), _ROWS_AT_ONCE)
    if images.dtype == np.uint8 and all(
        images[start : start + _ROWS_AT_ONCE].max() < DARKEST for start in starts
    ):
        warnings.warn(
            f"`{name}` holds uint8 images in which no value reaches {DARKEST} of 255: they are "
            "taken for black. Images that were divided by 255 must be floats, in [0, 1].",
            stacklevel=2,
        )


def check_shape(received: Sequence[int | None], image_shape: ImageShape, name: str) -> None:
    """Raises a `ValueError` unless images of shape `received` are of `image_shape`."""
    found, wanted = tuple(received), tuple(image_shape)
    if found != wanted:
        first = found == (wanted[2], *wanted[:2])
        hint = "; channels are the last axis, not the first" if first else ""
        raise ValueError(
            f"`{name}` must hold images of shape {wanted} (height, width, channels){hint}. "
            f"Received: images of shape {found}"
        )
