"""How a stage is compiled, fitted and measured, in Keras's words."""

import keras

from keras_tsvae.backend import resolve_jit
from keras_tsvae.backend.keras_internals import from_within_fit, keep_from_decay
from keras_tsvae.inputs.batches import clear_errors
from keras_tsvae.models.base import BaseModel
from keras_tsvae.optimizers import FusedAdam
from keras_tsvae.training import StageTrainer
from keras_tsvae.training.divergence import REMEDY, Divergence
from keras_tsvae.training.fit_arguments import callback_list, check_epochs, check_steps, refuse
from keras_tsvae.training.optimized import loss_scaled, optimized_indices
from keras_tsvae.training.schedules import warn_of_schedule


class Stage(StageTrainer, BaseModel):
    """The training of a stage, whose arguments are checked alike whatever it is trained on.

    Subclasses check and cut the data: `fit_checked` and `batches_to_measure`.
    """

    title = "the stage"  # in messages

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._jit_compile_argument = "auto"

    def compile(
        self,
        optimizer=None,
        jit_compile="auto",
        steps_per_execution=1,
        run_eagerly=False,
        auto_scale_loss=True,
    ):
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
        self._keep_log_gamma()

    def build_optimizers(self, variables=None):
        """Creates the optimiser's state, if there is none yet, for `variables` or the trainable."""
        self._keep_log_gamma()
        super().build_optimizers(variables)

    def _keep_log_gamma(self):
        """Keeps log gamma, a measured quantity, from weight decay, which would draw it to 0."""
        if self.compiled and self.log_gamma is not None:
            keep_from_decay(self.optimizer, self.log_gamma)

    def get_compile_config(self):
        """Returns the arguments of `compile`, with `jit_compile` as it was asked for."""
        config = super().get_compile_config()
        if config:
            kept = ("optimizer", "steps_per_execution", "run_eagerly")
            config = {key: config[key] for key in kept}
            config["jit_compile"] = self._jit_compile_argument
            config["auto_scale_loss"] = self._auto_scale_loss
            config["optimized"] = optimized_indices(self)
        return config

    def compile_from_config(self, config):
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

    def require_compiled(self):
        """Raises a `ValueError` if the stage has not been compiled."""
        if not self.compiled:
            raise ValueError(
                f"{self.title.capitalize()} must be compiled before it is fitted: call "
                f"`compile()`. Received: {type(self).__name__} {self.name!r}, which is not"
            )

    def fit(
        self,
        x,
        y=None,
        batch_size=None,
        epochs=1,
        *,
        verbose="auto",
        callbacks=None,
        validation_data=None,
        shuffle=True,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
        **others,
    ):
        """Trains this stage.

        An epoch over arrays is shuffled anew and drops its last partial batch.

        Args:
            x: What the class says.
            y: What the class says, where `x` is an array.
            batch_size: Int, for arrays only. Defaults to None: 64.
            epochs: Passes over the data. Defaults to 1.
            verbose: As in `keras.Model.fit`.
            callbacks: List of `keras.callbacks.Callback`.
            validation_data: In the same forms as `x`, or a pair of `x` and `y`.
            shuffle: Whether arrays, and the batches of a `keras.utils.PyDataset`, are shuffled.
                Defaults to True.
            initial_epoch: Epochs that are done already; `epochs` counts them. Defaults to 0.
            steps_per_epoch: Batches per epoch. Defaults to None: as many as there are.
            validation_steps: Batches of `validation_data` at the most. Defaults to None: all.
            validation_batch_size: Int, for arrays only. Defaults to None: `batch_size`.
            validation_freq: Epochs from one validation to the next, or a list of epochs, counted
                from 1. Defaults to 1.
            **others: Not taken: `validation_split`, `class_weight` and `sample_weight` of
                `keras.Model.fit` are refused by name.

        Returns:
            A `keras.callbacks.History` of loss, kl, nll, mse and gamma, means over each epoch.

        Raises:
            ValueError: If data or arguments are not as described. Values of streamed batches are
                checked as they come; a bad batch leaves the weights alone.
            FloatingPointError: If the loss of an epoch is not finite.
        """
        refuse("fit", others)
        check_epochs(epochs, initial_epoch)
        steps = {"steps_per_epoch": steps_per_epoch, "validation_steps": validation_steps}
        sizes = {"batch_size": batch_size, "validation_batch_size": validation_batch_size}
        check_steps(shuffle, validation_freq, **steps, **sizes)
        callbacks = callback_list(callbacks)
        self.require_compiled()
        return self.fit_checked(
            x,
            y,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_data=validation_data,
            shuffle=shuffle,
            initial_epoch=initial_epoch,
            validation_freq=validation_freq,
            **steps,
            **sizes,
        )

    def fit_checked(self, x, y=None, **arguments):
        """As `fit`, whose arguments, but for the data, have been checked."""
        raise NotImplementedError

    def evaluate(
        self,
        x,
        y=None,
        batch_size=None,
        *,
        verbose="auto",
        steps=None,
        callbacks=None,
        return_dict=False,
        **others,
    ):
        """Measures loss, kl, nll, mse and gamma.

        Args:
            x: As in `fit`.
            y: As in `fit`.
            batch_size: Int, for arrays only. Defaults to None: 64.
            verbose: As in `keras.Model.evaluate`.
            steps: Batches at the most. Defaults to None: all.
            callbacks: List of `keras.callbacks.Callback`.
            return_dict: Whether to return a dict. Defaults to False.
            **others: Not taken: `sample_weight` of `keras.Model.evaluate` is refused by name.

        Returns:
            A dict of means over all examples, or a list of them in the order of `metrics_names`.

        Raises:
            ValueError: If data or arguments are not as described.
        """
        options = {
            "verbose": verbose,
            "steps": steps,
            "callbacks": callbacks,
            "return_dict": return_dict,
        }
        others, inner = from_within_fit(others)
        if inner:  # checked already
            return super().evaluate(x, **options, **inner)
        refuse("evaluate", others)
        check_steps(batch_size=batch_size, steps=steps)
        self.require_compiled()
        data = self.batches_to_measure(x, y, batch_size, steps)
        with clear_errors():
            return super().evaluate(data, **options)

    def batches_to_measure(self, x, y, batch_size, steps):
        """Returns what `evaluate` takes as a data set of checked batches."""
        raise NotImplementedError

    def _train(self, data, callbacks, epochs, initial_epoch, warn=True, **options):
        """Runs Keras's fit over checked batches, and raises if the loss has not stayed finite."""
        batches = options["steps_per_epoch"] or _num_batches(data)
        if warn and batches:
            steps = batches * (epochs - initial_epoch)
            warn_of_schedule(self.title, self.optimizer, steps)
        divergence = Divergence(self.title, REMEDY)
        self.build_optimizers()
        with clear_errors():
            history = super().fit(
                data,
                callbacks=[*callbacks, divergence],
                epochs=epochs,
                initial_epoch=initial_epoch,
                **options,
            )
        divergence.check()
        return history


def _num_batches(data):
    """Returns how many batches a data set for Keras has, or None if that is not known."""
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches
    return max(int(data.cardinality()), 0) or None
