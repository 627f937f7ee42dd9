"""Shows the fit of one stage to a user's callbacks as the fit of the whole model."""

import dataclasses
import functools

import keras

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.posteriors import check_storage
from keras_tsvae.training import inputs
from keras_tsvae.training.waiting_callbacks import WaitingCallbacks


class WholeModelCallbacks(WaitingCallbacks):
    """Callbacks of a stage's fit whose `model` is the model that the stage is part of.

    So `ModelCheckpoint` saves the whole model and `EarlyStopping` restores it, while the
    optimiser, the metrics and `stop_training` are those of the stage in training.
    """

    def __init__(self, callbacks, whole, stage):
        self._view = _WholeModelView(whole, stage)
        super().__init__(callbacks, model=self._view)

    def set_model(self, model):
        """Passes the whole model on, whichever model the fit names."""
        super().set_model(self._view)


class _WholeModelView:
    """The whole model, except for what belongs to the fit of the stage."""

    _OF_THE_STAGE = (
        "optimizer",
        "metrics",
        "stop_training",
        "train_function",
        "jax_state_sync",
        "history",
    )

    def __init__(self, whole, stage):
        object.__setattr__(self, "_whole", whole)
        object.__setattr__(self, "_stage", stage)

    def _owner(self, name):
        return self._stage if name in self._OF_THE_STAGE else self._whole

    def __getattr__(self, name):
        return getattr(self._owner(name), name)

    def __setattr__(self, name, value):
        setattr(self._owner(name), name, value)


@dataclasses.dataclass
class StageFit:
    """What one stage's fit is to do."""

    name: str
    batch_size: int | None
    initial_epoch: int
    epochs: int
    callbacks: list

    def run(self, whole, x, validation_data, verbose):
        """Fits the stage, and adds its history, under its name, to the whole model's."""
        stage = whole.stages()[self.name]
        if verbose:
            print({"stage1": "Stage 1: images", "stage2": "Stage 2: latent vectors"}[self.name])
        fitted = stage.fit(
            x,
            batch_size=self.batch_size,
            initial_epoch=self.initial_epoch,
            epochs=self.epochs,
            verbose=verbose,
            callbacks=[WholeModelCallbacks(self.callbacks, whole, stage)],
            validation_data=validation_data,
        )
        for key, values in fitted.history.items():
            whole.history.history[f"{self.name}_{key}"] = values


def plan_fit(
    whole,
    x,
    batch_size=None,
    epochs=1,
    second_stage_epochs=None,
    verbose="auto",
    callbacks=None,
    second_stage_callbacks=None,
    posteriors_memory_limit=2**30,
    posteriors_path=None,
    initial_epoch=0,
    second_stage_initial_epoch=0,
    second_stage_batch_size=None,
):
    """Checks what `TwoStageVAE.fit` takes, and builds the model if it is not.

    `x` are `Images` (see `keras_tsvae.training.images`).

    Returns:
        `fit_stages` as a function of `x` and `validation_data`: nothing has been trained yet.
    """
    epochs = non_negative_int("epochs", epochs)
    second_stage_epochs = non_negative_int(
        "second_stage_epochs", 2 * epochs if second_stage_epochs is None else second_stage_epochs
    )
    for name, size in (
        ("batch_size", batch_size),
        ("second_stage_batch_size", second_stage_batch_size),
    ):
        if size is not None:
            positive_int(name, size)
    callbacks = callback_list(callbacks)
    second_stage_callbacks = callback_list(second_stage_callbacks, callbacks)
    check_storage(posteriors_memory_limit, posteriors_path)
    x.require_finite()
    whole.first_stage._assert_compile_called("fit")
    if not whole.built:
        whole.build((None, *inputs.image_shape_of(x)))
    whole.build_optimizers()  # of both stages, so that a single process can save in the first
    storage = {"memory_limit": posteriors_memory_limit, "path": posteriors_path}
    sizes = (batch_size, second_stage_batch_size or batch_size)
    return functools.partial(
        fit_stages,
        whole,
        first=StageFit("stage1", sizes[0], initial_epoch, epochs, callbacks),
        second=StageFit(
            "stage2",
            sizes[1],
            second_stage_initial_epoch,
            second_stage_epochs,
            second_stage_callbacks,
        ),
        storage={**storage, "condition_dim": whole.condition_dim},
        verbose=verbose,
    )


def fit_stages(whole, x, first, second, validation_data, storage, verbose):
    """Runs the first `StageFit` on images, encodes them, and runs the second on that.

    `storage` says how posteriors of training images are kept (see `FirstStageVAE.posteriors`).
    Returns the whole model's history.
    """
    whole.history = keras.callbacks.History()
    best = initial_best(first.callbacks)
    batched = not x.is_array
    runs_first = first.epochs > first.initial_epoch
    if runs_first:
        first.batch_size = None if batched else first.batch_size
        first.run(whole, x, validation_data, verbose)
    if second.epochs > second.initial_epoch:
        if runs_first:
            shared = [c for c in second.callbacks if c in first.callbacks]
            second.callbacks = [*second.callbacks, reuse(shared, best)]
        encode = functools.partial(whole.first_stage.posteriors, verbose=verbose)
        posteriors = encode(x, **storage)
        if validation_data is not None:
            validation_data = encode(validation_data, **{**storage, "path": None})
        second.batch_size = 64 if second.batch_size is None else second.batch_size
        if batched:  # whose number of images need not be known before
            second.batch_size = min(second.batch_size, len(posteriors))
        second.run(whole, posteriors, validation_data, verbose)
    return whole.history


def initial_best(callbacks):
    """Returns each callback that keeps a best value, with the one it wants to see beaten first."""
    kinds = (keras.callbacks.ModelCheckpoint, keras.callbacks.EarlyStopping)
    return [(c, getattr(c, "best", None)) for c in callbacks if isinstance(c, kinds)]


def reuse(callbacks, best):
    """Prepares callbacks that have seen the first stage for the second.

    Without it a `CSVLogger` would write its second log over the first, or under columns that are
    not its own, and a `ModelCheckpoint` or `EarlyStopping` would compare the losses of two
    different models.

    Returns:
        A callback to be put behind those of the second stage.
    """
    for callback, value in best:
        callback.best = value
    columns = {c: c.keys for c in callbacks if isinstance(c, keras.callbacks.CSVLogger)}
    for callback in columns:
        callback.append = True

    def keep_columns(logs):
        for callback, keys in columns.items():
            callback.keys = keys

    return keras.callbacks.LambdaCallback(on_train_begin=keep_columns)


def callback_list(callbacks, default=()):
    """Returns callbacks as a list; raises for one that cannot work across two stages."""
    callbacks = as_list(default if callbacks is None else callbacks)
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ValueError(
                "`callbacks` must not hold a `BackupAndRestore`: it knows nothing of a training "
                "in two stages. Fit the stages by hand, with one backup folder each. "
                f"Received: {callback}"
            )
    return callbacks


def as_list(callbacks):
    """Returns what a user passes as `callbacks` as a new list."""
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
