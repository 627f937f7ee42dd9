"""Inference in batches: what comes out of a model, checked and gathered."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TypeVar

import keras
import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import Tensor

_Batch = TypeVar("_Batch")


class DivergedError(ValueError):
    """A model gives numbers that are not finite."""


def batched(
    function: Callable[..., Tensor], arrays: Sequence[np.ndarray], batch_size: int
) -> Iterator[np.ndarray]:
    """Yields `function` of equally long arrays, batch by batch, as NumPy arrays."""
    batch_size = positive_int("batch_size", batch_size)
    for rows in batches_of(arrays, len(arrays[0]), batch_size):
        yield keras.ops.convert_to_numpy(function(*rows))


def batches_of(
    arrays: Sequence[np.ndarray], n: int, batch_size: int
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields `n` rows of equally long arrays in batches, each a tuple, empty of no arrays."""
    for start in range(0, n, batch_size):
        yield tuple(array[start : start + batch_size] for array in arrays)


def finite(batches: Iterable[np.ndarray], what: str) -> Iterator[np.ndarray]:
    """Yields what `require_finite` returns of each batch."""
    return (require_finite(batch, what) for batch in batches)


def require_finite(array: np.ndarray, what: str) -> np.ndarray:
    """Returns an array that a model made, or raises a `DivergedError` for NaN or infinity."""
    if not np.isfinite(array).all():
        raise DivergedError(
            "The model must have weights with which it gives finite numbers; its training has "
            "diverged: train it anew, at a lower learning rate, or load a checkpoint. "
            f"Received: {what} with NaN or infinity"
        )
    return array


def collect(batches: Iterable[np.ndarray], n: int) -> np.ndarray:
    """Returns `n` rows yielded in batches as one array, allocated once."""
    result: np.ndarray = np.empty(0)
    done = 0
    for batch in batches:
        if done == 0:
            result = np.empty((n, *batch.shape[1:]), batch.dtype)
        result[done : done + len(batch)] = batch
        done += len(batch)
    return result


def with_progress(batches: Iterable[_Batch], total: int | None) -> Generator[_Batch, None, None]:
    """Yields `batches` while Keras's progress bar counts them; `total` may be None."""
    bar = keras.utils.Progbar(total, unit_name="batch")
    count = 0
    for count, batch in enumerate(batches, start=1):
        yield batch
        bar.update(count, finalize=False)
    bar.update(count, finalize=True)
