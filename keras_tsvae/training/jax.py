"""Train and test step of a stage on JAX."""

import warnings
from typing import Any

import jax
import keras
from keras import ops

from keras_tsvae.backend.keras_internals import built_for
from keras_tsvae.training.jax_fit import Trainer


class StageTrainer(Trainer):
    """Custom `train_step` and `test_step`, in front of `keras.Model` in the bases of a stage.

    A stage gives `loss_terms(data, training)`, a dict with one value per example, and
    `update_metrics(terms)`. Both steps are pure functions of the stage's state, as Keras's
    JAX trainer asks.
    """

    def train_step(
        self, state: tuple[list[jax.Array], ...], data: Any
    ) -> tuple[dict[str, jax.Array], tuple[list[jax.Array], ...]]:
        """Makes one optimiser step on one batch; returns the running means and the new state."""
        trainable, non_trainable, optimizer_variables, metrics_variables = state
        gradient = jax.grad(self._stateless_loss, has_aux=True)
        gradients, (terms, non_trainable) = gradient(
            trainable, non_trainable, optimizer_variables, data
        )
        if gradients:
            trainable, optimizer_variables = self._apply(
                optimizer_variables, gradients, trainable, non_trainable
            )
        logs, metrics_variables = self._stateless_metrics(metrics_variables, terms)
        return logs, (trainable, non_trainable, optimizer_variables, metrics_variables)

    def test_step(
        self, state: tuple[list[jax.Array], ...], data: Any
    ) -> tuple[dict[str, jax.Array], tuple[list[jax.Array], ...]]:
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
            if self.follows_mse:
                self.update_gamma(ops.mean(terms["mse"]))
        return loss, (terms, _current(scope, self.non_trainable_variables))

    def _apply(self, optimizer_variables, gradients, trainable, non_trainable):
        """Makes a step of the optimiser, which may have state for variables that are frozen now."""
        known = [id(variable) for variable in built_for(self.optimizer)]
        if len(known) == len(trainable):
            return self.optimizer.stateless_apply(optimizer_variables, gradients, trainable)
        keys = [id(variable) for variable in self.trainable_variables]
        values = dict(zip(map(id, self.non_trainable_variables), non_trainable))
        values |= zip(keys, trainable)
        gradient_of = dict(zip(keys, gradients))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Gradients do not exist")
            applied, optimizer_variables = self.optimizer.stateless_apply(
                optimizer_variables,
                [gradient_of.get(key) for key in known],
                [values[key] for key in known],
            )
        values = dict(zip(known, applied))
        return [values[key] for key in keys], optimizer_variables

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
