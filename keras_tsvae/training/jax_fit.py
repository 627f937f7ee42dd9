"""Keras's fit on JAX, on one device or several."""

import contextlib
import functools
from typing import Any

import keras

from keras_tsvae.arrays.array_batches import ArrayBatches, check_divisible
from keras_tsvae.arrays.types import Dataset
from keras_tsvae.backend import local_replicas
from keras_tsvae.backend.keras_internals import ModelPart, build_symbolically
from keras_tsvae.inputs.transformed_batches import TransformedBatches
from keras_tsvae.training.large_batches import large_batches
from keras_tsvae.training.optimized import check_optimized


class Trainer(ModelPart):
    """What Keras's `fit` lacks on JAX, in front of `keras.Model`.

    Batches of data sets need not divide evenly over a process's devices: as many rows of each as
    are too many are left out.
    """

    def fit(
        self, x: Dataset, *, validation_data: Dataset | None = None, **kwargs: Any
    ) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does."""
        check_optimized(self)
        _unshare([*self.variables, *self.optimizer.variables])
        return super().fit(_split(x), validation_data=_split(validation_data), **kwargs)

    def evaluate(self, x: Dataset, **kwargs: Any) -> Any:
        """Measures as `keras.Model.evaluate` does."""
        return super().evaluate(_split(x), **kwargs)

    def check_batch_size(self, name: str, batch_size: int) -> None:
        """Raises a `ValueError` unless batches of a training can be split over the devices."""
        check_divisible(name, batch_size)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Returns a context in which optimisers belong to the devices of the model: any does."""
        return contextlib.nullcontext()

    def build_optimizers(self, variables: list[keras.Variable] | None = None) -> None:
        """Creates the optimiser's state, if there is none yet, for `variables` or the trainable."""
        if self.compiled and not self.optimizer.built:
            self.optimizer.build(variables or self.trainable_variables)

    def build_loss(self, *batch: keras.KerasTensor) -> None:
        """Builds what `compile` was given for a batch of `keras.KerasTensor`s."""
        build_symbolically(self, batch)


def _unshare(variables):
    """Gives each variable an array of its own, since a step takes every one that it is given.

    Keras leaves an averaged weight and its average with one in common.
    """
    seen = set()
    for variable in variables:
        if id(variable.value) in seen:
            variable.assign(keras.ops.copy(variable.value))
        seen.add(id(variable.value))


def _split(x):
    """Returns `x` as a data set whose batches divide evenly over the process's devices."""
    devices = local_replicas()
    if devices == 1 or x is None or isinstance(x, ArrayBatches):
        return x
    if isinstance(x, keras.utils.PyDataset):
        return TransformedBatches(x, functools.partial(_cut_not_empty, devices=devices))
    import tensorflow as tf

    x = large_batches(x, lambda rows: rows >= devices, devices)
    return x.map(lambda *batch: _cut(batch, tf.shape(batch[0])[0], devices))


def _cut_not_empty(batch, devices):
    rows = len(batch[0])
    if rows < devices:
        raise ValueError(
            f"`x` must yield batches with an example for each of the {devices} devices of this "
            f"process. Received: a batch of {rows}"
        )
    return _cut(batch, rows, devices)


def _cut(batch, rows, devices):
    return tuple(part[: rows - rows % devices] for part in batch)
