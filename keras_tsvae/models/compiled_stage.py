"""How a stage is compiled, and how that is written into files."""

import typing

import keras

from keras_tsvae.backend import resolve_jit
from keras_tsvae.backend.keras_internals import keep_from_decay
from keras_tsvae.models.base import BaseModel
from keras_tsvae.optimizers import FusedAdam
from keras_tsvae.training import StageTrainer
from keras_tsvae.training.optimized import loss_scaled, optimized_indices


class CompiledStage(StageTrainer, BaseModel):
    """The optimiser of a stage, and what else `compile` sets."""

    title = "the stage"  # in messages

    def __init__(self, **kwargs: typing.Any):
        super().__init__(**kwargs)
        self._jit_compile_argument: bool | str = "auto"

    @property
    def measured_variables(self) -> list[keras.Variable]:
        """Trainable variables that measure something: weight decay must leave them alone."""
        return []

    def compile(
        self,
        optimizer: keras.Optimizer | str | None = None,
        jit_compile: bool | str = "auto",
        steps_per_execution: int = 1,
        run_eagerly: bool = False,
        auto_scale_loss: bool = True,
    ) -> None:
        """Sets how this stage is trained.

        Args:
            optimizer: A Keras optimiser or its name. Defaults to None: `FusedAdam(1e-4)`,
                the paper's Adam. Weight decay leaves log gamma alone.
            jit_compile: Whether to use XLA. Defaults to `"auto"`: always on JAX; on TensorFlow
                with an accelerator, not on CPU, where it is slower.
            steps_per_execution: Training steps per call of the compiled function. Defaults to 1.
            run_eagerly: Whether to run step by step, for debugging. Defaults to False.
            auto_scale_loss: Whether a model with layers in `mixed_float16` gets a
                `LossScaleOptimizer`. Defaults to True.
        """
        self._jit_compile_argument = jit_compile
        self._auto_scale_loss = auto_scale_loss
        with self.scope():
            optimizer = FusedAdam(1e-4) if optimizer is None else optimizer
            super().compile(
                optimizer=loss_scaled(optimizer, self) if auto_scale_loss else optimizer,
                jit_compile=resolve_jit(jit_compile) and not run_eagerly,
                steps_per_execution=steps_per_execution,
                run_eagerly=run_eagerly,
                auto_scale_loss=auto_scale_loss,
            )
        self._keep_measured()

    def build_optimizers(self, variables: list[keras.Variable] | None = None) -> None:
        """Creates the optimiser's state, if there is none yet, for `variables` or the trainable."""
        self._keep_measured()
        super().build_optimizers(variables)

    def _keep_measured(self):
        """Keeps what is measured from weight decay, which would draw it to 0."""
        if self.compiled:
            for variable in self.measured_variables:
                keep_from_decay(self.optimizer, variable)

    def get_compile_config(self) -> dict[str, typing.Any] | None:
        """Returns the arguments of `compile`, with `jit_compile` as it was asked for."""
        config = super().get_compile_config()
        if config:
            kept = ("optimizer", "steps_per_execution", "run_eagerly")
            config = {key: config[key] for key in kept}
            config["jit_compile"] = self._jit_compile_argument
            config["auto_scale_loss"] = self._auto_scale_loss
            config["optimized"] = optimized_indices(self)
        return config

    def compile_from_config(self, config: dict[str, typing.Any]) -> None:
        """Compiles with what `get_compile_config` returned, and creates the optimiser's state."""
        config = keras.saving.deserialize_keras_object(config)
        optimized = config.pop("optimized", None)
        # Files without the entry are of a time when only the model's own policy counted.
        config.setdefault("auto_scale_loss", self.dtype_policy.name == "mixed_float16")
        self.compile(**config)
        if self.built and optimized is not None:
            variables = self.variables
            self.build_optimizers([variables[index] for index in optimized])
        elif self.built:
            self.build_optimizers()

    def require_compiled(self) -> None:
        """Raises a `ValueError` if the stage has not been compiled."""
        if not self.compiled:
            raise ValueError(
                f"{self.title.capitalize()} must be compiled before it is fitted: call "
                f"`compile()`. Received: {type(self).__name__} {self.name!r}, which is not"
            )
