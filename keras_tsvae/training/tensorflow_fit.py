"""Keras's fit on TensorFlow, on one device or several, fed without waits."""

import contextlib
import functools
import random
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_tsvae.arrays.array_batches import ArrayBatches
from keras_tsvae.arrays.types import Dataset
from keras_tsvae.backend.keras_internals import TensorFlowFitOfBuilt
from keras_tsvae.inputs.iterable_batches import first_batch
from keras_tsvae.inputs.streams import not_autotuned
from keras_tsvae.inputs.transformed_batches import TransformedBatches
from keras_tsvae.training.large_batches import large_batches
from keras_tsvae.training.optimized import check_optimized


class Trainer(TensorFlowFitOfBuilt):
    """What Keras's `fit` lacks on TensorFlow, in front of `keras.Model`.

    Data is fed without autotuning. Under a `tf.distribute` strategy batches need not divide
    evenly over the devices, but in training none may go without: batches of a `tf.data.Dataset`
    that are too small for that are left out, others are refused.
    """

    def fit(
        self,
        x: Dataset,
        *,
        validation_data: Dataset | None = None,
        shuffle: bool = False,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does, on batches of which each device gets a part."""
        check_optimized(self)
        if self._devices > 1 and self.steps_per_execution > 1:
            raise ValueError(
                "`steps_per_execution` must be 1 under a strategy of several devices, with which "
                f"Keras cannot do more. Received: {self.steps_per_execution}"
            )
        x = _fed(_split(x, self._devices, training=True), shuffle)
        return super().fit(
            x,
            validation_data=_fed(_split(validation_data, self._devices)),
            shuffle=shuffle and isinstance(x, keras.utils.PyDataset),  # others are already
            **kwargs,
        )

    def evaluate(self, x: Dataset, **kwargs: Any) -> Any:
        """Measures as `keras.Model.evaluate` does."""
        return super().evaluate(_fed(_split(x, self._devices)), **kwargs)

    @property
    def _devices(self):
        return self.distribute_strategy.num_replicas_in_sync

    def check_batch_size(self, name: str, batch_size: int) -> None:
        """Raises a `ValueError` unless batches of a training can be split over the devices."""
        _require_part_for_all(f"`{name}` must", batch_size, self._devices)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Returns a context in which optimisers belong to the devices of the model."""
        return self.distribute_strategy.scope()

    def build_optimizers(self, variables: list[keras.Variable] | None = None) -> None:
        """Creates the optimiser's state, if there is none yet, for `variables` or the trainable.

        Left to the first training step, it would make TensorFlow trace that step twice.
        """
        if not self.compiled:
            return
        belongs = self.distribute_strategy.extended.variable_created_in_scope
        for variable in (*self.optimizer.variables[:1], *self.trainable_variables[:1]):
            if not belongs(variable.value):
                raise ValueError(
                    "The model must be made and compiled, and its optimizers made, in the scope of "
                    f"one strategy, or all in none. Received: {variable.path!r} of another"
                )
        optimizer: keras.optimizers.Optimizer = getattr(
            self.optimizer, "inner_optimizer", self.optimizer
        )
        if self._devices > 1 and optimizer.gradient_accumulation_steps:
            raise ValueError(
                "`optimizer` must not have `gradient_accumulation_steps` under a strategy of "
                "several devices, with which Keras cannot accumulate. "
                f"Received: gradient_accumulation_steps={optimizer.gradient_accumulation_steps}"
            )
        if not self.optimizer.built:
            with self.scope():
                self.optimizer.build(variables or self.trainable_variables)

    def build_loss(self, *batch: keras.KerasTensor) -> None:
        """Builds nothing: Keras does, without reading any data for that."""


def _split(x, devices, training=False):
    """Returns `x` as a data set whose batches can be split, in training so that all get a part."""
    if devices == 1 or x is None:
        return x
    if isinstance(x, ArrayBatches):
        if training:
            _require_part_for_all("`batch_size` must", x.batch_size, devices)
        return x
    if isinstance(x, keras.utils.PyDataset):
        function = functools.partial(_copied, devices=devices if training else 1)
        return TransformedBatches(x, function)
    if training:
        return large_batches(x, functools.partial(_reaches_all, devices=devices), devices)
    return x


def _copied(batch, devices):
    """Returns arrays of its own: TensorFlow reuses the memory of those that it is given."""
    _require_part_for_all("`x` must yield batches that", len(batch[0]), devices)
    return tuple(np.array(array) for array in batch)


def _require_part_for_all(subject, rows, devices):
    if not _reaches_all(rows, devices):
        raise ValueError(
            f"{subject} leave no device without an example: TensorFlow splits {rows} over "
            f"{devices} devices by {-(-rows // devices)}. Received: a batch of {rows}"
        )


def _reaches_all(rows, devices):
    """Whether the last device gets any of `rows`, of which each takes `ceil(rows / devices)`."""
    return (devices - 1) * (-(-rows // devices)) < rows


def _fed(batches, shuffle=False):
    """Returns a `PyDataset` of tuples of arrays as Keras best reads it, all else as it is.

    By itself Keras has it autotuned (see `not_autotuned`). One with workers goes its own way.

    Args:
        batches: A `keras.utils.PyDataset`, or what else Keras can fit.
        shuffle: Whether the batches of each epoch come in an order of their own.
    """
    if not isinstance(batches, keras.utils.PyDataset) or batches.workers > 1:
        return batches
    count = batches.num_batches

    def epoch():
        order = list(range(count))
        if shuffle:
            random.shuffle(order)
        batches.on_epoch_begin()
        try:
            yield from (batches[index] for index in order)
        finally:
            batches.on_epoch_end()

    signature = tuple(
        tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in first_batch(batches)
    )
    dataset = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    return not_autotuned(dataset.prefetch(2))
