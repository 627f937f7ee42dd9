"""Shows the fit of one stage to a user's callbacks as the fit of the whole model."""

import keras


class WholeModelCallbacks(keras.callbacks.CallbackList):
    """Callbacks of a stage's fit whose `model` is the model that the stage is part of.

    So `ModelCheckpoint` saves the whole model and `EarlyStopping` restores it, while the
    optimiser, the metrics and `stop_training` are those of the stage in training.
    """

    def __init__(self, callbacks, whole, stage):
        self._view = _WholeModelView(whole, stage)
        super().__init__(list(callbacks or ()), model=self._view)

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


def reuse(callbacks):
    """Prepares callbacks that have seen the first stage for the second.

    Without it a `CSVLogger` would write its second log over the first, and a `ModelCheckpoint`
    that keeps the best would compare the losses of two different models.
    """
    for callback in callbacks or ():
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.append = True
        elif isinstance(callback, keras.callbacks.ModelCheckpoint):
            callback.best = None


def check_callbacks(*lists):
    """Raises a `ValueError` for a callback that cannot work across two stages."""
    for callback in (callback for callbacks in lists for callback in callbacks or ()):
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ValueError(
                "`callbacks` must not hold a `BackupAndRestore`: it knows nothing of a training "
                "in two stages. Fit the stages by hand, with one backup folder each. "
                f"Received: {callback}"
            )
