"""Train and test step of a stage on TensorFlow, and fits under a `tf.distribute` strategy."""

import functools
import random

import keras
import numpy as np
import tensorflow as tf

from keras_tsvae.batching import ArrayBatches
from keras_tsvae.training.streams import not_autotuned
from keras_tsvae.training.transformed_batches import TransformedBatches


class Trainer:
    """What Keras's `fit` lacks under a `tf.distribute` strategy, in front of `keras.Model`.

    Batches need not divide evenly over the devices, but in training none may go without: batches of
    a `tf.data.Dataset` that are too small for that are left out, others are refused.
    """

    def fit(self, x, validation_data=None, shuffle=False, **kwargs):
        """Trains as `keras.Model.fit` does, on batches of which each device gets a part."""
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

    def evaluate(self, x, **kwargs):
        """Measures as `keras.Model.evaluate` does."""
        return super().evaluate(_fed(_split(x, self._devices)), **kwargs)

    @property
    def _devices(self):
        return self.distribute_strategy.num_replicas_in_sync

    def scope(self):
        """Returns a context in which optimisers belong to the devices of the model."""
        return self.distribute_strategy.scope()

    def build_optimizers(self):
        """Creates the optimiser's state, if there is none yet.

        Left to the first training step, it would make TensorFlow trace that step twice.
        """
        if not self.compiled:
            return
        belongs = self.distribute_strategy.extended.variable_created_in_scope
        for variable in (self.optimizer.iterations, *self.trainable_variables[:1]):
            if not belongs(variable.value):
                raise ValueError(
                    "The model must be made and compiled, and its optimizers made, in the scope of "
                    f"one strategy, or all in none. Received: {variable.path!r} of another"
                )
        if not self.optimizer.built:
            with self.scope():
                self.optimizer.build(self.trainable_variables)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Builds nothing: all is built, and Keras would average the first batch over devices."""


def _split(x, devices, training=False):
    """Returns `x` as a data set whose batches can be split, in training so that all get a part."""
    if devices == 1 or x is None:
        return x
    if isinstance(x, ArrayBatches):
        if training:
            _require_part_for_all("batch_size` must", x.batch_size, devices)
        return x
    if isinstance(x, keras.utils.PyDataset):
        function = functools.partial(_copied, devices=devices if training else 1)
        return TransformedBatches(x, function)
    if training:
        return x.filter(lambda *batch: _reaches_all(tf.shape(batch[0])[0], devices))
    return x


def _copied(batch, devices):
    """Returns arrays of its own: TensorFlow reuses the memory of those that it is given."""
    _require_part_for_all("x` must yield batches that", len(batch[0]), devices)
    return tuple(np.array(array) for array in batch)


def _require_part_for_all(subject, rows, devices):
    if not _reaches_all(rows, devices):
        raise ValueError(
            f"`{subject} leave no device without an example: TensorFlow splits {rows} over "
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

    signature = tuple(tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in batches[0])
    dataset = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    return not_autotuned(dataset.prefetch(2))


class StageTrainer(Trainer):
    """Custom `train_step` and `test_step`, in front of `keras.Model` in the bases of a stage.

    A stage gives `loss_terms(data, training)`, a dict with one value per example, and
    `update_metrics(terms)`. The loss is averaged over the *global* batch: under a
    `tf.distribute` strategy each replica divides its sum by the number of examples on all
    replicas, and the gradients, which the optimiser sums, are those of the whole batch.
    """

    def train_step(self, data):
        """Makes one optimiser step on one batch and returns the running means."""
        with tf.GradientTape() as tape:
            terms = self.loss_terms(data, training=True)
            loss = _global_mean(terms["loss"]) + self._penalty()
            scaled_loss = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables))
        if self.follows_mse:
            self.update_gamma(_sum_over_replicas(_global_mean(terms["mse"])))
        return self.update_metrics(terms)

    def test_step(self, data):
        """Measures one batch, of which a device may get nothing; returns the running means."""
        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return self.update_metrics(self.loss_terms(data, training=False))
        rows = tf.shape(tf.nest.flatten(data)[0])[0]
        terms = self.loss_terms(tf.nest.map_structure(_never_empty, data), training=False)
        return self.update_metrics({name: values[:rows] for name, values in terms.items()})

    def _penalty(self):
        """Regularisers of user-made networks, which every replica counts in full."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return tf.add_n([tf.cast(loss, tf.float32) for loss in self.losses] or [0.0]) / replicas


def _never_empty(batch):
    """Returns a batch, with one row of zeros if it has none: convolutions on CPU fail on none."""
    missing = tf.cast(tf.shape(batch)[0] == 0, tf.int32)
    return tf.pad(batch, [[0, missing], *[[0, 0]] * (batch.shape.rank - 1)])


def _global_mean(values):
    count = _sum_over_replicas(tf.shape(values)[0])
    return tf.reduce_sum(values) / tf.cast(count, values.dtype)


def _sum_over_replicas(value):
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)
