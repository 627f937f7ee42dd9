"""A model of two stages, as a fit and its callbacks see it: as the stage in training."""

import typing
from collections.abc import Callable

import keras

from keras_tsvae import presets
from keras_tsvae.models.base import BaseModel
from keras_tsvae.models.stage import Stage
from keras_tsvae.models.stage_configs import compile_configs, compile_stages


class StagedModel(BaseModel):
    """A model whose optimiser, metrics and history are those of the stage in training.

    Keras's callbacks ask these of the model that they watch. Outside of a fit they are the first
    stage's, except that it is compiled once both stages are. Subclasses have a `first_stage` and
    a `second_stage`.
    """

    def __init__(self, **kwargs: typing.Any):
        self._stage_in_training: str | None = None
        self._history: keras.callbacks.History | None = None
        super().__init__(**kwargs)

    @property
    def stage_in_training(self) -> str | None:
        """`"stage1"` or `"stage2"` while `fit` trains it, else None. For callbacks."""
        return self._stage_in_training

    def stages(self) -> dict[str, Stage]:
        """Returns both stages by their names in logs."""
        return {"stage1": self.first_stage, "stage2": self.second_stage}

    def compile(
        self,
        optimizer: keras.Optimizer | str | None = None,
        second_stage_optimizer: keras.Optimizer | str | None = None,
        **kwargs: typing.Any,
    ) -> None:
        """Sets how both stages are trained.

        Args:
            optimizer: The first stage's Keras optimiser or its name. Defaults to None: that of
                the preset, or `Adam(1e-4)`, as in the paper.
            second_stage_optimizer: The second stage's, likewise.
            **kwargs: `jit_compile`, `steps_per_execution`, `run_eagerly` and `auto_scale_loss`,
                for both stages, as in `FirstStageVAE.compile`.

        Raises:
            ValueError: If one optimiser object is given for both stages.
        """
        if isinstance(optimizer, keras.Optimizer) and optimizer is second_stage_optimizer:
            raise ValueError(
                "`optimizer` and `second_stage_optimizer` must be two objects, since each holds "
                f"the state of one stage. Received: {getattr(optimizer, 'name')!r} twice"
            )
        if self.preset is not None:
            with self.first_stage.scope():
                defaults = presets.optimizers(self.preset)
            optimizer = defaults[0] if optimizer is None else optimizer
            if second_stage_optimizer is None:
                second_stage_optimizer = defaults[1]
        self.first_stage.compile(optimizer, **kwargs)
        self.second_stage.compile(second_stage_optimizer, **kwargs)

    def build_optimizers(self) -> None:
        """Creates the state of both stages' optimisers, if there is none yet."""
        for stage in self.stages().values():
            stage.build_optimizers()

    def get_compile_config(self) -> dict[str, typing.Any] | None:
        """Returns what both stages' `get_compile_config` return, by the names of the stages."""
        return compile_configs(self.stages())

    def compile_from_config(self, config: dict[str, typing.Any]) -> None:
        """Compiles the stages with what `get_compile_config` returned."""
        compile_stages(self.stages(), config)

    @property
    def _watched(self):
        """The stage that is meant where Keras speaks of the model in training."""
        return self.stages()[self._stage_in_training or "stage1"]

    @property
    def optimizer(self) -> keras.Optimizer | None:
        """The optimiser of the stage in training; outside of a fit, the first stage's."""
        return self._watched.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: keras.Optimizer | None) -> None:
        self._watched.optimizer = optimizer

    @property
    def compiled(self) -> bool:
        """Whether the stage in training is compiled; outside of a fit, whether both are."""
        if self._stage_in_training is not None:
            return self._watched.compiled
        return all(stage.compiled for stage in self.stages().values())

    @compiled.setter
    def compiled(self, compiled: bool) -> None:
        """Ignored: Keras sets it before there are stages, each of which has its own."""

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means of the stage in training; outside of a fit, the first stage's."""
        return self._watched.metrics

    @property
    def stop_training(self) -> bool:
        """Set to True by a callback, ends the training of the stage in training."""
        return getattr(self._watched, "stop_training", False)

    @stop_training.setter
    def stop_training(self, stop: bool) -> None:
        self._watched.stop_training = stop

    @property
    def train_function(self) -> Callable[..., typing.Any] | None:
        """The compiled training step of the stage in training."""
        return self._watched.train_function

    @train_function.setter
    def train_function(self, function: Callable[..., typing.Any] | None) -> None:
        if hasattr(self, "first_stage"):  # Keras sets it before there are stages
            self._watched.train_function = function

    def make_train_function(self, force: bool = False) -> Callable[..., typing.Any] | None:
        """Compiles the training step of the stage in training, if it is not."""
        return self._watched.make_train_function(force)

    @property
    def history(self) -> keras.callbacks.History:
        """The `keras.callbacks.History` of the stage in training; afterwards, of the last fit."""
        history = self._history
        if self._stage_in_training is not None:
            history = getattr(self._watched, "history", None)
        if history is None:
            raise AttributeError("`history` is there once the model has been fitted")
        return history

    @history.setter
    def history(self, history: keras.callbacks.History | None) -> None:
        if self._stage_in_training is None:
            self._history = history
        else:
            self._watched.history = history

    def jax_state_sync(self) -> None:
        """Gives variables their current values, which on JAX live elsewhere during an epoch."""
        if self._stage_in_training is not None:
            getattr(self._watched, "jax_state_sync", bool)()
        getattr(super(), "jax_state_sync", bool)()

    def train_on_batch(self, *args: typing.Any, **kwargs: typing.Any) -> typing.NoReturn:
        """Raises: both stages are trained in turn, by `fit`, or each by itself."""
        raise _of_a_stage("train_on_batch", "fit")

    def test_on_batch(self, *args: typing.Any, **kwargs: typing.Any) -> typing.NoReturn:
        """Raises: both stages are measured by `evaluate`, or each by itself."""
        raise _of_a_stage("test_on_batch", "evaluate")

    def __dir__(self) -> list[str]:
        """Returns the attributes, without those that Keras would save twice.

        Its saving walks through them, and would write the optimiser of one stage, and read it
        back, as that of the whole.
        """
        return [name for name in super().__dir__() if name != "optimizer"]


def _of_a_stage(method, whole):
    return NotImplementedError(
        f"`{method}` is for one stage: call `model.first_stage.{method}(images)` or "
        f"`model.second_stage.{method}(mean, std)`, or `model.{whole}(images)` for both."
    )
