"""How both stages are fitted in turn: all is checked and decided before the first step."""

import dataclasses

import keras

from keras_tsvae import inputs
from keras_tsvae.arguments import non_negative_int
from keras_tsvae.arrays.inference import DivergedError
from keras_tsvae.latents.posteriors import check_storage
from keras_tsvae.training.divergence import diverged
from keras_tsvae.training.fit_arguments import (
    callback_list,
    check_averaged,
    check_epochs,
    check_steps,
    refuse,
)
from keras_tsvae.training.schedules import REMEDY, warn_of_schedule
from keras_tsvae.training.stage_callbacks import StageCallbacks

BATCH_SIZE = 64
_TITLES = {"stage1": "Stage 1: images", "stage2": "Stage 2: latent vectors"}


@dataclasses.dataclass
class StageFit:
    """What the fit of one stage is to do."""

    name: str
    batch_size: int | None
    initial_epoch: int
    epochs: int
    callbacks: list
    options: dict

    @property
    def runs(self):
        """Whether there is an epoch to be made."""
        return self.epochs > self.initial_epoch

    def run(self, whole, x, validation_data, verbose, earlier=()):
        """Fits the stage, and adds its history, under its name, to the whole model's."""
        stage = whole.stages()[self.name]
        before = getattr(stage, "history", None)
        if verbose:
            print(_TITLES[self.name])
        try:
            with StageCallbacks(self.callbacks, whole, self.name, earlier) as callbacks:
                stage.fit_checked(
                    x,
                    batch_size=self.batch_size,
                    initial_epoch=self.initial_epoch,
                    epochs=self.epochs,
                    verbose=verbose,
                    callbacks=[callbacks],
                    validation_data=validation_data,
                    warn=False,
                    **self.options,
                )
        finally:
            fitted = getattr(stage, "history", None)
            if fitted is not before and hasattr(fitted, "epoch"):  # the training has begun
                self._add(fitted, whole.history)

    def _add(self, fitted, history):
        history.epoch += fitted.epoch
        steps = "steps" if self.name == "stage1" else "second_stage_steps"
        history.params[steps] = fitted.params["steps"]
        for key, values in fitted.history.items():
            history.history[f"{self.name}_{key}"] = values


@dataclasses.dataclass
class FitPlan:
    """What `TwoStageVAE.fit` is to do, checked."""

    whole: keras.Model
    first: StageFit
    second: StageFit
    batch_size: int
    storage: dict
    verbose: int | str

    def run(self, x, validation_data=None):
        """Fits the first stage on images, encodes them, and fits the second on that.

        Returns:
            The whole model's history.
        """
        whole, first, second = self.whole, self.first, self.second
        whole.history = self._history()
        if first.runs:
            first.run(whole, x, validation_data, self.verbose)
            whole.check_mixture()  # that of the former first stage
        if second.runs:
            encode, options = whole.first_stage.posteriors, {"verbose": self.verbose}
            options["condition_dim"] = whole.condition_dim
            try:
                posteriors = encode(x, **options, **self.storage)
            except DivergedError as error:
                if not first.runs:  # the model came so
                    raise
                raise diverged("stage 1", first.epochs - 1, "its posteriors are NaN") from error
            if validation_data is not None:
                validation_data = encode(validation_data, **options)
                self._cap_validation(len(validation_data))
            if not x.is_array:  # whose number of images need not be known before
                second.batch_size = min(second.batch_size, len(posteriors))
            earlier = first.callbacks if first.runs else ()
            second.run(whole, posteriors, validation_data, self.verbose, earlier)
        return whole.history

    def check(self, x, validation_data):
        """Raises a `ValueError` unless both stages can be trained and validated on that.

        It warns of learning rate schedules that are not as long as the fit.

        Args:
            x: `Images`.
            validation_data: `Images`, or coded ones with their conditions, or None.
        """
        if validation_data is not None:
            data = inputs.as_images(validation_data, "validation_data")
            size = self.first.options["validation_batch_size"] or self.batch_size
            inputs.images_for_fit(
                data,
                size if data.is_array else None,
                self.whole.image_shape,
                training=False,
                condition_dim=self.whole.first_stage.condition_dim,
            )
        if x.is_array:
            _check_sizes(self.whole, len(x.data), self.first, self.second)
        _warn_of_schedules(self.whole, x, self.first, self.second)

    def _cap_validation(self, rows):
        steps, second = self.second.options["validation_steps"], self.second
        if steps is not None:
            size = second.options["validation_batch_size"] or second.batch_size
            second.options["validation_steps"] = min(steps, -(-rows // size))

    def _history(self):
        history = keras.callbacks.History()
        history.set_model(self.whole)
        history.epoch = []
        history.params = {
            "verbose": self.verbose,
            "epochs": self.first.epochs,
            "steps": None,
            "second_stage_epochs": self.second.epochs,
            "second_stage_steps": None,
        }
        return history


def plan_fit(
    whole,
    x,
    batch_size=None,
    epochs=None,
    *,
    second_stage_epochs=None,
    second_stage_batch_size=None,
    verbose="auto",
    callbacks=None,
    second_stage_callbacks=None,
    shuffle=True,
    initial_epoch=0,
    second_stage_initial_epoch=0,
    steps_per_epoch=None,
    validation_steps=None,
    validation_batch_size=None,
    validation_freq=1,
    posteriors_memory_limit=2**30,
    posteriors_path=None,
    **others,
):
    """Checks what `TwoStageVAE.fit` takes, and builds the model if it is not.

    `x` are `Images` (see `keras_tsvae.inputs.images`).

    Returns:
        A `FitPlan`: nothing has been trained yet.
    """
    refuse("fit", others)
    check_steps(
        shuffle,
        validation_freq,
        batch_size=batch_size,
        second_stage_batch_size=second_stage_batch_size,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        validation_batch_size=validation_batch_size,
    )
    epochs, second_stage_epochs = _epochs(whole, epochs, second_stage_epochs)
    check_epochs(epochs, initial_epoch)
    check_epochs(second_stage_epochs, second_stage_initial_epoch, "second_stage_")
    size, second_size = _batch_sizes(whole.preset, batch_size, second_stage_batch_size)
    callbacks = callback_list(callbacks, both_stages=True)
    if second_stage_callbacks is None:
        second_stage_callbacks = callbacks
    check_storage(posteriors_memory_limit, posteriors_path, "posteriors_")
    validation = {
        "validation_steps": validation_steps,
        "validation_batch_size": validation_batch_size,
        "validation_freq": validation_freq,
    }
    first = StageFit(
        "stage1",
        size if x.is_array else None,
        initial_epoch,
        epochs,
        callbacks,
        {"shuffle": shuffle, "steps_per_epoch": steps_per_epoch, **validation},
    )
    second = StageFit(
        "stage2",
        second_size,
        second_stage_initial_epoch,
        second_stage_epochs,
        callback_list(second_stage_callbacks, both_stages=True),
        {"shuffle": shuffle, "steps_per_epoch": None, **validation},
    )
    if second.runs or steps_per_epoch is None:  # the second stage trains on all of them
        x.require_finite()
    running = [fit for fit in (first, second) if fit.runs]
    for fit in running:
        stage = whole.stages()[fit.name]
        stage.require_compiled()
        check_averaged(fit.callbacks, stage.optimizer, stage.title)
    if not whole.built:
        whole.build((None, *inputs.image_shape_of(x)))
    for callback in [c for fit in running for c in fit.callbacks]:
        if hasattr(callback, "check_model"):  # this package's, whichever stage they watch
            callback.check_model(whole)
    whole.build_optimizers()  # of both stages, so that a single process can save in the first
    storage = {"memory_limit": posteriors_memory_limit, "path": posteriors_path}
    return FitPlan(whole, first, second, size, storage, verbose)


def _epochs(whole, epochs, second):
    """Returns the epochs of both stages: those given, a preset's, or one and twice as many."""
    if epochs is None:
        epochs = 1 if whole.preset is None else whole.preset.epochs
        epochs = 0 if whole.frozen_first_stage else epochs
        if second is None and whole.preset is not None:
            return epochs, whole.preset.second_stage_epochs
    epochs = non_negative_int("epochs", epochs)
    if second is None:
        second = 2 * epochs
        if whole.takes_conditions and not epochs:
            second = 2
    return epochs, non_negative_int("second_stage_epochs", second)


def _batch_sizes(preset, first, second):
    """Returns the batch sizes of both stages: those given, a preset's, or one for both."""
    if preset is not None:
        first = first or preset.batch_size
        second = second or preset.second_stage_batch_size
    first = first or BATCH_SIZE
    return first, second or first


def _check_sizes(whole, rows, *fits):
    """Raises a `ValueError` unless each stage that is fitted has a whole batch of arrays."""
    for fit, name in zip(fits, ("batch_size", "second_stage_batch_size")):
        if not fit.runs:
            continue
        if rows < fit.batch_size:
            raise ValueError(
                f"`{name}` must not exceed the number of examples: an epoch drops its last "
                f"partial batch. Received: {name}={fit.batch_size} for {rows} examples"
            )
        whole.stages()[fit.name].check_batch_size(name, fit.batch_size)


def _warn_of_schedules(whole, x, first, second):
    """Warns of learning rate schedules that are not as long as the fit."""
    preset = whole.preset
    rows = len(x.data) if x.is_array else None
    batches = rows // first.batch_size if x.is_array else inputs.num_batches(x, None)
    batches = first.options["steps_per_epoch"] or batches
    lengths, remedy = (None, None), REMEDY
    if preset is not None:
        remedy = (
            "give `from_preset` the `epochs`, `second_stage_epochs`, `batch_size` and "
            "`train_size` of the fit, or the fit those of the preset"
        )
        if preset.schedule == "halved":
            epochs = (preset.epochs, preset.second_stage_epochs)
            lengths = [n * steps for n, steps in zip(epochs, preset.steps_per_epoch)]
    for fit, steps, length, title in (
        (first, batches, lengths[0], "stage 1"),
        (second, None if rows is None else rows // second.batch_size, lengths[1], "stage 2"),
    ):
        if fit.runs and steps:
            steps *= fit.epochs - fit.initial_epoch
            warn_of_schedule(title, whole.stages()[fit.name].optimizer, steps, remedy, length)
