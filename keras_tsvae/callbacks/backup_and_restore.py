"""Keeps a training, so that it goes on where it was interrupted."""

from typing import Any

import keras
import numpy as np

from keras_tsvae.arguments import is_number, positive_int
from keras_tsvae.arrays.types import PathLike
from keras_tsvae.backend import gather, process_index
from keras_tsvae.files import writable_folder
from keras_tsvae.saving.backup_folder import BackupFolder
from keras_tsvae.training.training_backup import TrainingBackup


class BackupAndRestore(keras.callbacks.Callback):
    """Keeps a training at the ends of epochs; the same call goes on where it was interrupted.

    A training that is interrupted, by a crash, SIGTERM or Ctrl-C, and started again by the same
    script ends with the weights of one that was not interrupted, bit for bit on one machine and
    backend. It is given to the `fit` of a `TwoStageVAE`, of a `ConditionalTwoStageVAE`, or of
    either stage by hand.

    Kept are weights, optimisers, seed generators and the states of Python's and NumPy's random
    numbers; which of recognizer, stage 1, encoding and stage 2 the training is in; the order of
    arrays; conditions; the History; and what callbacks remember: `EarlyStopping`,
    `ModelCheckpoint`, `ReduceLROnPlateau`, `CSVLogger` (whose file neither repeats nor lacks
    rows), `SwapEMAWeights` and those of this package. Another callback's is kept if it has methods
    `state_dict()`, which returns a dict of numbers, strings, arrays, and lists and dicts of them,
    and `load_state_dict(state)`.

    On another machine or backend it goes on as well, with other last bits or random numbers.
    Backups of earlier versions of this package are read, or an error says why not.

    The epoch that was interrupted is made again. Encoding is made again, unless `posteriors_path`
    names a file, which is kept where it belongs to the same first stage.

    Streams go on bit for bit where their order depends on nothing but the epoch: a
    `tf.data.Dataset` that is read alike every time, or shuffles with a seed, and a
    `keras.utils.PyDataset`, whose `on_epoch_begin` and `on_epoch_end` are called for epochs that
    were made before. What draws from a generator of its own begins anew with it. A data set of
    which `steps_per_epoch` reads a part in each epoch begins at its start, so that batches of the
    interrupted pass come again.

    Processes of JAX that train one model together keep what is theirs in folders of their own
    inside of `folder`, every epoch, and go on from the newest backup that all of them have. So
    `keep` must be 2 or more there.

    A backup is written beside, flushed to the disk and renamed, and has a checksum: a damaged one
    is named and left out, and the one before is used. Where the disk is full, a warning says so,
    and the training goes on. Once the training has ended, the same call returns its History at
    once, or goes on if more epochs are asked for.

    Args:
        folder: Where backups go, of one training alone; `~` is expanded.
        save_freq: `"epoch"`, or a positive number of seconds from one backup to the next, which is
            written at the next end of an epoch. Beginnings and ends of stages are kept as well.
            Defaults to `"epoch"`.
        keep: Positive int, how many backups stay. Each is as long as all weights and the state of
            both optimisers. Defaults to 2.
        restart: Whether to begin anew, whatever there is in `folder`, which is removed once there
            is a backup of the new training. Defaults to False.

    Raises:
        ValueError: If an argument is not as described, or, when training begins, if `folder` holds
            backups of another training: other data, batch size, architecture, optimiser or
            preset. The error lists what differs. Epochs may be more than before.

    Example:
        >>> backup = keras_tsvae.callbacks.BackupAndRestore("runs/mine")
        >>> model = keras_tsvae.TwoStageVAE.from_preset("cifar10")
        >>> model.compile()
        >>> model.fit(images, callbacks=[backup])
    """

    def __init__(
        self,
        folder: PathLike,
        save_freq: str | float = "epoch",
        keep: int = 2,
        restart: bool = False,
    ) -> None:
        super().__init__()
        seconds: Any = 0.0 if save_freq == "epoch" else save_freq
        if save_freq != "epoch" and not (is_number(seconds) and 0 < seconds < float("inf")):
            raise ValueError(
                "`save_freq` must be 'epoch' or a positive number of seconds. "
                f"Received: save_freq={save_freq!r}"
            )
        if not isinstance(restart, bool):
            raise ValueError(f"`restart` must be True or False. Received: restart={restart!r}")
        self.folder = writable_folder("folder", folder)
        self.save_freq, self._seconds = save_freq, float(seconds)
        self.keep = positive_int("keep", keep)
        self.restart = restart

    def start_backup(self) -> TrainingBackup:
        """Returns the backup of one fit, which asks for it."""
        number = process_index()
        folder = self.folder / f"process_{number}" if number else self.folder
        alone = len(gather(np.array([number]))) == 1
        seconds = self._seconds if alone else 0.0  # clocks differ
        return TrainingBackup(BackupFolder(folder, self.keep), seconds, self.restart)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Raises: fits of this package's models ask for the backup themselves."""
        raise ValueError(
            "`model` must be a stage of this package, or a model of both. "
            f"Received: type(model)={type(self.model).__name__}"
        )
