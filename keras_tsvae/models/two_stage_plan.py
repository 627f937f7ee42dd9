"""What a fit of both stages is asked to do: checked and decided before the first step."""

import typing

import keras

from keras_tsvae import inputs
from keras_tsvae.arguments import non_negative_int
from keras_tsvae.arrays.types import PathLike
from keras_tsvae.inputs.images import Images
from keras_tsvae.latents.posteriors import check_storage
from keras_tsvae.models.stage_fit import StageFit
from keras_tsvae.models.two_stage_fit import FitPlan
from keras_tsvae.training.fit_arguments import (
    callback_list,
    check_averaged,
    check_epochs,
    check_steps,
    refuse,
    started_backup,
    without_backups,
)

BATCH_SIZE = 64


def plan_fit(
    whole: keras.Model,
    x: Images,
    batch_size: int | None = None,
    epochs: int | None = None,
    *,
    second_stage_epochs: int | None = None,
    second_stage_batch_size: int | None = None,
    verbose: int | str = "auto",
    callbacks: list[keras.callbacks.Callback] | None = None,
    second_stage_callbacks: list[keras.callbacks.Callback] | None = None,
    shuffle: bool = True,
    initial_epoch: int = 0,
    second_stage_initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | list[int] = 1,
    posteriors_memory_limit: int = 2**30,
    posteriors_path: PathLike | None = None,
    **others: typing.Any,
) -> FitPlan:
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
    second_stage_callbacks = callback_list(second_stage_callbacks, both_stages=True)
    backup = started_backup([*callbacks, *second_stage_callbacks])
    callbacks, second_stage_callbacks = map(without_backups, (callbacks, second_stage_callbacks))
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
        second_stage_callbacks,
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
    return FitPlan(whole, first, second, size, storage, verbose, backup)


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
