"""What any stage needs: how it is compiled, trained, measured and run, in Keras's words."""

import functools
import typing
from collections.abc import Callable

import keras

from keras_tsvae.arrays.array_batches import ArrayBatches
from keras_tsvae.arrays.types import Dataset, Shape, Tensor
from keras_tsvae.backend import compile_function
from keras_tsvae.backend.keras_internals import from_within_fit
from keras_tsvae.inputs import clear_errors
from keras_tsvae.models.compiled_stage import CompiledStage
from keras_tsvae.saving.exportable import Exportable
from keras_tsvae.training.descriptions import describe_fit
from keras_tsvae.training.divergence import REMEDY, Divergence
from keras_tsvae.training.fit_arguments import (
    callback_list,
    check_epochs,
    check_steps,
    refuse,
    started_backup,
    without_backups,
)
from keras_tsvae.training.no_backup import NO_BACKUP
from keras_tsvae.training.schedules import warn_of_schedule


class Stage(Exportable, CompiledStage):
    """One of the two trainings that a whole model consists of, whatever is trained.

    A subclass measures a batch by `loss_terms(data, training)`, checks and cuts its data by
    `fit_checked` and `batches_to_measure`, and says the shape of one example in
    `reconstructed_shape`. It calls `track` with the names of what `fit` shows beside the loss.
    """

    condition_dim: int | None = None  # the width of the conditions that come with the examples

    def __init__(self, **kwargs: typing.Any):
        super().__init__(**kwargs)
        self._compiled_functions: dict[str, Callable[..., typing.Any]] = {}
        self.track("loss")

    @property
    def follows_mse(self) -> bool:
        """Whether `update_gamma` is called at every step of the training."""
        return False

    def track(self, *names: str) -> None:
        """Sets what `fit` shows and keeps in its history: running means of these `loss_terms`.

        Call it in the constructor. Without a call, it is the loss alone.

        Args:
            *names: Keys of the dict that `loss_terms` returns, in the order to be shown.
        """
        self._trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means that `fit` shows."""
        return self._trackers

    def update_metrics(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """Adds one batch to the running means and returns them by name."""
        for tracker in self._trackers:
            tracker.update_state(terms[tracker.name])
        return {tracker.name: tracker.result() for tracker in self._trackers}

    def loss_terms(self, data: typing.Any, training: bool = False) -> dict[str, Tensor]:
        """Returns the terms of the objective for each example of one batch.

        Args:
            data: One batch, as the data set of a fit yields it.
            training: Whether layers act as in training.

        Returns:
            A dict of float32 tensors of shape `(batch,)`: `loss`, whose mean is minimised, and
            whatever else `track` names.
        """
        raise NotImplementedError

    @property
    def reconstructed_shape(self) -> tuple[int, ...]:
        """The shape of one image, or of one z."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: typing.Any) -> Shape:
        """Returns the shape of the reconstruction: that of the input."""
        return input_shape if self.condition_dim is None else input_shape[0]

    @property
    def input_shapes(self) -> typing.Any:
        """The shape of what is reconstructed, in a list with that of the condition, if there is."""
        if self.condition_dim is None:
            return self.reconstructed_shape
        return [self.reconstructed_shape, (self.condition_dim,)]

    def fit(
        self,
        x: typing.Any,
        y: typing.Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        *,
        verbose: int | str = "auto",
        callbacks: list[keras.callbacks.Callback] | None = None,
        validation_data: typing.Any = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | list[int] = 1,
        **others: typing.Any,
    ) -> keras.callbacks.History:
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
            A `keras.callbacks.History` of the loss and, of a VAE, kl, nll, mse and gamma, means
            over each epoch.

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
        with started_backup(callbacks) as backup:
            history = self.fit_checked(
                x,
                y,
                epochs=epochs,
                verbose=verbose,
                callbacks=without_backups(callbacks),
                validation_data=validation_data,
                shuffle=shuffle,
                initial_epoch=initial_epoch,
                validation_freq=validation_freq,
                backup=backup,
                **steps,
                **sizes,
            )
            backup.end(self.title)
        return history

    def fit_checked(self, *data: typing.Any, **arguments: typing.Any) -> keras.callbacks.History:
        """As `fit`, whose arguments, but for the data, have been checked."""
        raise NotImplementedError

    def evaluate(
        self,
        x: typing.Any,
        y: typing.Any = None,
        batch_size: int | None = None,
        *,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: typing.Any = None,
        return_dict: bool = False,
        **others: typing.Any,
    ) -> typing.Any:
        """Measures the loss and, of a VAE, kl, nll, mse and gamma.

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

    def batches_to_measure(
        self, x: typing.Any, y: typing.Any, batch_size: int | None, steps: int | None
    ) -> Dataset:
        """Returns what `evaluate` takes as a data set of checked batches."""
        raise NotImplementedError

    def _train(
        self, data, callbacks, epochs, initial_epoch, warn=True, backup=NO_BACKUP, **options
    ):
        """Runs Keras's fit over checked batches, and raises if the loss has not stayed finite."""
        if isinstance(data, ArrayBatches) and options["steps_per_epoch"]:
            data.begin_at(0, steps=options["steps_per_epoch"])
            options["steps_per_epoch"] = None
        batches = options["steps_per_epoch"] or _num_batches(data)
        if warn and batches:
            steps = batches * (epochs - initial_epoch)
            warn_of_schedule(self.title, self.optimizer, steps)
        divergence = Divergence(self.title, REMEDY)
        self.build_optimizers()
        backup.begin(self, lambda: describe_fit(self, data, options))
        if backup.is_done(self.title, epochs):
            return backup.kept_history(self.title, self)
        skipped = (data, options["validation_data"]) if options["steps_per_epoch"] is None else ()
        watch = backup.watch(
            self.title, self, [*callbacks, divergence], epochs, initial_epoch, *skipped
        )
        with clear_errors():
            history = super().fit(
                data,
                callbacks=watch.callbacks,
                epochs=watch.epochs,
                initial_epoch=watch.initial_epoch,
                **options,
            )
        divergence.check()
        backup.complete(self.title, history)
        return history

    def _compiled(self, function, batch_size=None):
        """Returns the compiled form, made once, of a bound method of inference.

        `batch_size` is how many rows full batches have, if that is known.
        """
        name = function.__name__
        if name not in self._compiled_functions:
            self._compiled_functions[name] = compile_function(self, function)
        return functools.partial(self._compiled_functions[name], full=batch_size)


def _num_batches(data):
    """Returns how many batches a data set for Keras has, or None if that is not known."""
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches
    return max(int(data.cardinality()), 0) or None
