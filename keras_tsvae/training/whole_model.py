"""Shows the fit of one stage to a user's callbacks as the fit of the whole model."""

import keras


class WholeModelCallbacks(keras.callbacks.CallbackList):
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


def fit_stage(whole, name, x, validation_data, callbacks, batch_size, epochs, verbose):
    """Fits one stage of `whole` and adds its history, under the stage's name, to the whole's."""
    stage = whole.stages()[name]
    if verbose:
        print({"stage1": "Stage 1: images", "stage2": "Stage 2: latent vectors"}[name])
    fitted = stage.fit(
        x,
        batch_size=batch_size,
        epochs=epochs,
        verbose=verbose,
        callbacks=[WholeModelCallbacks(callbacks, whole, stage)],
        validation_data=validation_data,
    )
    for key, values in fitted.history.items():
        whole.history.history[f"{name}_{key}"] = values


def initial_best(callbacks):
    """Returns each callback that keeps a best value, with the one it wants to see beaten first."""
    kinds = (keras.callbacks.ModelCheckpoint, keras.callbacks.EarlyStopping)
    return [(c, getattr(c, "best", None)) for c in callbacks if isinstance(c, kinds)]


def reuse(callbacks, best):
    """Prepares callbacks that have seen the first stage for the second.

    Without it a `CSVLogger` would write its second log over the first, and a `ModelCheckpoint`
    or `EarlyStopping` would compare the losses of two different models.
    """
    for callback, value in best:
        callback.best = value
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.append = True


def callback_list(callbacks, default=()):
    """Returns callbacks as a list; raises for one that cannot work across two stages."""
    callbacks = default if callbacks is None else callbacks
    callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ValueError(
                "`callbacks` must not hold a `BackupAndRestore`: it knows nothing of a training "
                "in two stages. Fit the stages by hand, with one backup folder each. "
                f"Received: {callback}"
            )
    return callbacks
