"""The callback that keeps a phase of a training, and what a backup says of phases."""

from typing import Any

import keras
import numpy as np

_RECORD = {"epoch": int, "asked": int, "ended": bool, "stopped": bool}
_RECORD |= {"epochs": list, "history": dict, "callbacks": dict}


class Keeping(keras.callbacks.Callback):
    """Tells a `TrainingBackup` of a phase, after all other callbacks.

    Args:
        backup: The `TrainingBackup`.
        resumed: Whether the phase goes on.
    """

    def __init__(self, backup: Any, resumed: bool) -> None:
        super().__init__()
        self.backup, self.resumed = backup, resumed

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Lets other callbacks know what those before have known."""
        self.backup.started(self.resumed, bool(self.params.get("verbose")))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keeps the epoch."""
        logs = logs or {}
        if np.isfinite(logs.get("loss", 0.0)):  # else the training has diverged
            self.backup.add(epoch, logs, bool(self.model.stop_training))


def check_phases(phases: Any, files: Any) -> None:
    """Raises a `ValueError` unless a backup tells of phases and files what it is to tell.

    Args:
        phases: Dict of the record of each phase.
        files: Dict of what is known of each file.
    """
    for phase, record in phases.items():
        for name, kind in _RECORD.items():
            if not isinstance(record[name], kind):
                raise ValueError(f"{name} of {phase} is {record[name]!r}")
        made, columns = len(record["epochs"]), record["history"].values()
        if not made <= record["epoch"] or any(len(values) > made for values in columns):
            raise ValueError(f"the epochs of {phase} are {record['epochs']}")
        if record["seed"] is not None:
            np.random.default_rng(record["seed"])
    for name, file in files.items():
        if not isinstance(file["digest"], str) or not isinstance(file["belongs_to"], str):
            raise ValueError(f"of {name} it says {file!r}")
