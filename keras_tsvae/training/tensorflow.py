"""Train and test step of a stage on TensorFlow."""

from typing import Any

import tensorflow as tf

from keras_tsvae.training.tensorflow_fit import Trainer


class StageTrainer(Trainer):
    """Custom `train_step` and `test_step`, in front of `keras.Model` in the bases of a stage.

    A stage gives `loss_terms(data, training)`, a dict with one value per example, and
    `update_metrics(terms)`. The loss is averaged over the *global* batch: under a
    `tf.distribute` strategy each replica divides its sum by the number of examples on all
    replicas, and the gradients, which the optimiser sums, are those of the whole batch.
    """

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Makes one optimiser step on one batch and returns the running means."""
        # Where a stream of unknown length ends there is no data, and nothing must be counted.
        parts = [part for part in tf.nest.flatten(data) if part is not None]
        with tf.control_dependencies(parts):
            return self._step(data)

    def _step(self, data):
        with tf.GradientTape() as tape:
            terms = self.loss_terms(data, training=True)
            loss = _global_mean(terms["loss"]) + self._penalty()
            scaled_loss = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        if variables:
            self.optimizer.apply_gradients(zip(gradients, variables))
        if self.follows_mse:
            self.update_gamma(_sum_over_replicas(_global_mean(terms["mse"])))
        return self.update_metrics(terms)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
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
