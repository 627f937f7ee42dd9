"""What the fit of one stage is to do, as part of the whole model's."""

import dataclasses
import typing
from collections.abc import Sequence

import keras

from keras_tsvae.training.no_backup import NoBackup
from keras_tsvae.training.stage_callbacks import StageCallbacks

_TITLES = {"stage1": "Stage 1: images", "stage2": "Stage 2: latent vectors"}


@dataclasses.dataclass
class StageFit:
    """What the fit of one stage is to do."""

    name: str
    batch_size: int | None
    initial_epoch: int
    epochs: int
    callbacks: list[keras.callbacks.Callback]
    options: dict[str, typing.Any]

    @property
    def runs(self) -> bool:
        """Whether there is an epoch to be made."""
        return self.epochs > self.initial_epoch

    def run(
        self,
        whole: keras.Model,
        x: typing.Any,
        validation_data: typing.Any,
        verbose: int | str,
        backup: NoBackup,
        earlier: Sequence[keras.callbacks.Callback] = (),
    ) -> None:
        """Fits the stage, and adds its history, under its name, to the whole model's."""
        stage = whole.stages()[self.name]
        before = getattr(stage, "history", None)
        if verbose:
            print(_TITLES[self.name])
        backup.rewind()
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
                    backup=backup,
                    **self.options,
                )
            backup.end(stage.title)
        finally:
            fitted = getattr(stage, "history", None)
            if fitted is not before and hasattr(fitted, "epoch"):  # the training has begun
                self._add(fitted, whole.history)

    def recall(self, whole: keras.Model, backup: NoBackup) -> None:
        """Adds the history of a stage that an earlier call has fitted, and tells its callbacks."""
        stage = whole.stages()[self.name]
        backup.recall(stage.title, self.callbacks)
        self._add(backup.kept_history(stage.title, stage), whole.history)

    def _add(self, fitted, history):
        history.epoch += fitted.epoch
        steps = "steps" if self.name == "stage1" else "second_stage_steps"
        history.params[steps] = (fitted.params or {}).get("steps")
        for key, values in fitted.history.items():
            history.history[f"{self.name}_{key}"] = values
