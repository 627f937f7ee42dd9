"""JAX: inference that is compiled for few sizes of batches, and keeps the weights if it fails."""

import math
from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np

from keras_tsvae.backend.keras_internals import JAXStateOfCopies

SMALLEST = 8  # rows that are computed at least: fewer take no less time worth another compilation


def compile_function(model: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles `function` of batches, which reads the variables of `model`, for inference.

    It is compiled for few sizes of batches: others are padded, and their results cut. Under a
    `keras.distribution` every process computes by itself what it asks for, on its own copy of the
    variables.

    Args:
        model: A layer or model.
        function: Function of arrays `(batch, ...)` whose results have as many rows. Each row of
            them depends on the same row of the arguments alone.

    Returns:
        A function of the same arrays and, by name, `full`: the rows of a full batch, if known.
    """

    @jax.jit
    def stateless(values, *arguments):
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values))):
            return function(*arguments)

    def call(*batches, full=None):
        rows = len(batches[0])
        size = padded_size(rows, full)
        results = stateless(
            [_own_copy(v.value) for v in model.variables],
            *(padded(batch, size) for batch in batches),
        )
        if size == rows:
            return results
        return jax.tree.map(lambda result: np.asarray(result)[:rows], results)

    return call


def padded_size(rows: int, full: int | None = None, devices: int = 1) -> int:
    """Returns how many rows are computed for a batch of `rows`.

    It is a power of two, but never more than a full batch, and divides evenly over the devices.
    """
    size = max(SMALLEST, 1 << (rows - 1).bit_length())
    if full is not None:
        size = rows if rows >= full else min(size, full)
    return -(-size // devices) * devices


def padded(batch: Any, size: int) -> Any:
    """Returns an array with its last row repeated until there are `size`."""
    missing = size - len(batch)
    if not missing:
        return batch
    batch = np.asarray(batch)
    return np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])


class Inference(JAXStateOfCopies):
    """What Keras's inference lacks on JAX, in front of `keras.Model`.

    Weights stay where they are when it fails or is interrupted. It is compiled for few numbers of
    examples: arrays are padded to them, and results cut.
    """

    def predict(self, x: Any, batch_size: int | None = None, **kwargs: Any) -> Any:
        """Returns the outputs as `keras.Model.predict` does."""
        if not _are_arrays(x):
            with self.state_kept():
                return super().predict(x, batch_size=batch_size, **kwargs)
        batches = _PaddedBatches(x, 32 if batch_size is None else batch_size)
        with self.state_kept():
            outputs = super().predict(batches, **kwargs)
        return keras.tree.map_structure(lambda output: output[: batches.rows], outputs)

    def predict_on_batch(self, x: Any) -> Any:
        """Returns the outputs as `keras.Model.predict_on_batch` does."""
        with self.state_kept():
            if not _are_arrays(x):
                return super().predict_on_batch(x)
            batch, rows = _padded_batch(x)
            outputs = super().predict_on_batch(batch)
        return keras.tree.map_structure(lambda output: output[:rows], outputs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Measures as `keras.Model.evaluate` does."""
        with self.state_kept():
            return super().evaluate(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Measures as `keras.Model.test_on_batch` does."""
        with self.state_kept():
            return super().test_on_batch(*args, **kwargs)

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does."""
        with self.state_kept():
            return super().fit(*args, **kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Trains as `keras.Model.train_on_batch` does."""
        with self.state_kept():
            return super().train_on_batch(*args, **kwargs)


class _PaddedBatches(keras.utils.PyDataset):
    """Batches of arrays for `predict`, the last one padded; all have the same few sizes.

    Args:
        x: An array, or a list, tuple or dict of equally long ones.
        batch_size: Positive int.
    """

    def __init__(self, x: Any, batch_size: int) -> None:
        super().__init__()
        self.x = x
        self.rows = _rows(x)
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(self.rows / self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any]:
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        part = keras.tree.map_structure(lambda array: array[rows], self.x)
        batch, _ = _padded_batch(part, self.batch_size)
        return (batch,)


def _padded_batch(x: Any, full: int | None = None) -> tuple[Any, int]:
    """Returns a batch, which may be several arrays, padded, and its number of rows."""
    distribution = keras.distribution.distribution()
    devices = 1 if distribution is None else distribution.device_mesh.shape[0]
    rows = _rows(x)
    size = padded_size(rows, full, devices)
    return keras.tree.map_structure(lambda array: padded(array, size), x), rows


def _rows(x: Any) -> int:
    return len(keras.tree.flatten(x)[0])


def _are_arrays(x: Any) -> bool:
    """Whether `x` is an array, or a list, tuple or dict of arrays of equal length, not empty."""
    parts = keras.tree.flatten(x)
    if not all(isinstance(part, (np.ndarray, jax.Array)) and part.ndim for part in parts):
        return False
    return len({len(part) for part in parts}) == 1 and len(parts[0]) > 0


def _own_copy(value: jax.Array) -> jax.Array:
    return value.addressable_data(0) if value.is_fully_replicated else value
