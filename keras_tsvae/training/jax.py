"""Train and test step of a stage on JAX, and fits that leave weights where they were."""

import contextlib
import functools

import jax
import keras
from keras import ops

from keras_tsvae.backend import local_replicas
from keras_tsvae.batching import ArrayBatches
from keras_tsvae.training.transformed_batches import TransformedBatches


class Trainer:
    """What Keras's `fit` lacks on JAX, in front of `keras.Model`.

    Batches of data sets need not divide evenly over a process's devices: as many rows of each as
    are too many are left out.
    """

    def fit(self, x, validation_data=None, **kwargs):
        """Trains as `keras.Model.fit` does."""
        return super().fit(_split(x), validation_data=_split(validation_data), **kwargs)

    def evaluate(self, x, **kwargs):
        """Measures as `keras.Model.evaluate` does."""
        return super().evaluate(_split(x), **kwargs)

    def scope(self):
        """Returns a context in which optimisers belong to the devices of the model: any does."""
        return contextlib.nullcontext()

    def build_optimizers(self):
        """Creates the optimiser's state, if there is none yet."""
        if self.compiled and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def _purge_model_variables(self, **kinds):
        """Leaves variables their values: Keras loses them where an epoch's first batch fails.

        No memory is held: what a step takes, it donates.
        """


def _split(x):
    """Returns `x` as a data set whose batches divide evenly over the process's devices."""
    devices = local_replicas()
    if devices == 1 or x is None or isinstance(x, ArrayBatches):
        return x
    if isinstance(x, keras.utils.PyDataset):
        return TransformedBatches(x, functools.partial(_cut_not_empty, devices=devices))
    import tensorflow as tf

    cut_rows = x.map(lambda *batch: _cut(batch, tf.shape(batch[0])[0], devices))
    return cut_rows.filter(lambda *batch: tf.shape(batch[0])[0] > 0)


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


class StageTrainer(Trainer):
    """Custom `train_step` and `test_step`, in front of `keras.Model` in the bases of a stage.

    A stage gives `loss_terms(data, training)`, a dict with one value per example, and
    `update_metrics(terms)`. Both steps are pure functions of the stage's state, as Keras's
    JAX trainer asks.
    """

    def train_step(self, state, data):
        """Makes one optimiser step on one batch; returns the running means and the new state."""
        trainable, non_trainable, optimizer_variables, metrics_variables = state
        gradient = jax.grad(self._stateless_loss, has_aux=True)
        gradients, (terms, non_trainable) = gradient(
            trainable, non_trainable, optimizer_variables, data
        )
        trainable, optimizer_variables = self.optimizer.stateless_apply(
            optimizer_variables, gradients, trainable
        )
        logs, metrics_variables = self._stateless_metrics(metrics_variables, terms)
        return logs, (trainable, non_trainable, optimizer_variables, metrics_variables)

    def test_step(self, state, data):
        """Measures one batch; returns the running means and the new state."""
        trainable, non_trainable, metrics_variables = state
        with self._scope(trainable, non_trainable) as scope:
            terms = self.loss_terms(data, training=False)
        non_trainable = _current(scope, self.non_trainable_variables)
        logs, metrics_variables = self._stateless_metrics(metrics_variables, terms)
        return logs, (trainable, non_trainable, metrics_variables)

    def _stateless_loss(self, trainable, non_trainable, optimizer_variables, data):
        optimizer_mapping = list(zip(self.optimizer.variables, optimizer_variables))
        with self._scope(trainable, non_trainable, optimizer_mapping) as scope:
            terms = self.loss_terms(data, training=True)
            penalty = sum((ops.cast(loss, "float32") for loss in self.losses), 0.0)
            loss = self.optimizer.scale_loss(ops.mean(terms["loss"]) + penalty)
            self.update_gamma(ops.mean(terms["mse"]))
        return loss, (terms, _current(scope, self.non_trainable_variables))

    def _stateless_metrics(self, metrics_variables, terms):
        mapping = list(zip(self.metrics_variables, metrics_variables))
        with keras.StatelessScope(state_mapping=mapping) as scope:
            logs = self.update_metrics(terms)
        return logs, _current(scope, self.metrics_variables)

    def _scope(self, trainable, non_trainable, further=()):
        mapping = [
            *zip(self.trainable_variables, trainable),
            *zip(self.non_trainable_variables, non_trainable),
            *further,
        ]
        return keras.StatelessScope(state_mapping=mapping, collect_losses=True)


def _current(scope, variables):
    values = [scope.get_current_value(variable) for variable in variables]
    return [v.value if value is None else value for v, value in zip(variables, values)]
