"""How a training gets on, on a terminal's stderr."""

import typing

import keras
from rich.console import Console
from rich.progress import Progress, TextColumn

from keras_tsvae.presets import Preset

_SHOWN = ("loss", "val_loss")


class TrainProgress(keras.callbacks.Callback):
    """A bar of epochs for either stage, with the losses of the last one.

    It is a context, in which the bars are shown.

    Args:
        preset: The `Preset` that is trained.
    """

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        console = Console(stderr=True)
        columns = (*Progress.get_default_columns(), TextColumn("{task.fields[losses]}"))
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._epochs = {"stage1": preset.epochs, "stage2": preset.second_stage_epochs}
        self._tasks: dict[str, typing.Any] = {}

    def __enter__(self) -> "TrainProgress":
        """Shows the bars."""
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leaves them as they are."""
        self._progress.stop()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Adds the bar of a stage."""
        stage = self._stage
        text = f"Stage {stage[-1]}"
        self._tasks[stage] = self._progress.add_task(text, total=self._epochs[stage], losses="")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Moves it on."""
        known = logs or {}
        losses = ", ".join(f"{name} {known[name]:.4g}" for name in _SHOWN if name in known)
        self._progress.update(self._tasks[self._stage], completed=epoch + 1, losses=losses)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Fills it: a mixture may need fewer rounds; behind the last one, the run is written."""
        stage = self._stage
        self._progress.update(self._tasks[stage], completed=self._epochs[stage])
        if stage == "stage2":
            self._progress.add_task("Pictures", total=None, losses="and models are written")

    @property
    def _stage(self) -> str:
        model: typing.Any = self.model
        return model.stage_in_training
