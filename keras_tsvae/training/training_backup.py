"""What is kept of a training, and given back to it where it is started again."""

import contextlib
import os
import pathlib
import time
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_tsvae.arrays.array_batches import ArrayBatches
from keras_tsvae.files import file_digest
from keras_tsvae.saving.backup_folder import BackupFolder
from keras_tsvae.saving.nested import packed, unpacked
from keras_tsvae.training.callback_states import (
    flattened,
    restore_states,
    restore_tables,
    states_of,
)
from keras_tsvae.training.descriptions import FORMAT, check_same_training
from keras_tsvae.training.interruptions import interruptions
from keras_tsvae.training.keeping import Keeping, check_phases
from keras_tsvae.training.no_backup import NoBackup
from keras_tsvae.training.passes import skip_passes
from keras_tsvae.training.training_state import (
    assign_values,
    generator_states,
    phases_of,
    set_generators,
    values_of,
)
from keras_tsvae.training.watch import Watch


class TrainingBackup(NoBackup):
    """A training of which everything is kept at the ends of epochs.

    That is: all variables of the model and of its optimisers; of each phase, how many epochs have
    been made, their History, the seed of the order of arrays, and what callbacks remember; the
    states of Python's and NumPy's generators; what the model keeps beside its variables.

    Args:
        folder: Where it is kept.
        seconds: Least time from one backup to the next; 0 for one every epoch.
        restart: Whether what is kept already is left out.
    """

    def __init__(self, folder: BackupFolder, seconds: float, restart: bool) -> None:
        self.folder, self.seconds, self.restart = folder, seconds, restart
        self._model: Any = None
        self._description: Any = None
        self._phases: dict[str, dict[str, Any]] = {}
        self._files: dict[str, dict[str, str]] = {}
        self._generators: Any = None
        self._variables: dict[str, list[np.ndarray]] = {}  # of optimisers that are not there yet
        self._watched: tuple[str, keras.Model, list[keras.callbacks.Callback]] | None = None
        self._tables: list[tuple[keras.callbacks.CSVLogger, bool, bool]] = []
        self._written, self._path = -np.inf, ""
        self._context = contextlib.ExitStack()

    def __enter__(self) -> "TrainingBackup":
        """Begins; the training may be interrupted now."""
        self._context.enter_context(interruptions(self._message))
        return self

    def __exit__(self, *error: Any) -> None:
        """Ends, and gives back what was changed of callbacks."""
        for logger, append, append_header in self._tables:
            logger.append, logger.append_header = append, append_header
        self._context.__exit__(*error)

    def begin(self, model: keras.Model, describe: Callable[[], Any]) -> None:
        """Gives the model what is kept of this training, if that has not been done.

        Raises:
            ValueError: If what is kept is of another training, or damaged.
        """
        if self._model is not None:
            return
        description = describe()
        found = None if self.restart else self.folder.newest_of_all()
        for path in () if self.restart else self.folder.damaged:
            warnings.warn(f"A damaged backup was left out: {path}", stacklevel=2)
        if found is None and not self.restart and self.folder.damaged:
            raise ValueError(
                "`folder` must hold a backup that is whole, or none: `restart=True` begins anew. "
                f"Received: folder={str(self.folder.folder)!r}, in which all are damaged"
            )
        if found is not None:
            path, manifest, arrays = found
            self._path = str(path)
            with self._named():
                check_same_training(path, manifest, description)
                self._restore(model, manifest, arrays)
        self._model, self._description = model, description

    def is_done(self, phase: str, epochs: int) -> bool:
        """Whether a phase has been ended, and was asked for as many epochs at least."""
        record = self._phases.get(phase)
        if record is None or not record["ended"]:
            return False
        return record["epoch"] <= epochs <= record["asked"]

    def rewind(self) -> None:
        """Lets random numbers go on as if the fit had not drawn any since it got what was kept."""
        if self._generators is not None:
            set_generators(self._generators)

    def watch(
        self,
        phase: str,
        model: keras.Model,
        callbacks: list[keras.callbacks.Callback],
        epochs: int,
        initial_epoch: int,
        data: Any = None,
        validation_data: Any = None,
    ) -> Watch:
        """Returns how a phase is to be fitted: from which epoch on, and by which callbacks watched.

        Raises:
            ValueError: If more epochs have been made than are asked for.
        """
        record: dict[str, Any] | None = self._phases.get(phase)
        resumed = record is not None
        if record is None:
            record = {"epoch": initial_epoch, "stopped": False, "epochs": [], "history": {}}
            record |= {"seed": getattr(data, "seed", None), "callbacks": {}}
        elif epochs < record["epoch"]:
            raise ValueError(
                f"`epochs` of {phase} must not be fewer than those that {self._path} has made, "
                f"{record['epoch']}: `restart=True` begins anew. Received: epochs={epochs}"
            )
        initial_epoch = max(initial_epoch, record["epoch"])
        if record["stopped"] and not record["ended"]:  # but for what comes after the last epoch
            epochs = initial_epoch
        self._phases[phase] = {**record, "ended": False, "asked": epochs}
        self._watched = phase, model, flattened(callbacks)
        with self._named():
            self._restore_optimizer(phase, model)
        if resumed:
            if isinstance(data, ArrayBatches):
                data.begin_at(initial_epoch, record["seed"], data.steps)
            self.skip(phase, None if isinstance(data, ArrayBatches) else data, validation_data)
            self._continue_tables(callbacks, record["callbacks"])
        return Watch([*callbacks, Keeping(self, resumed)], epochs, initial_epoch)

    def skip(self, phase: str, data: Any, validation_data: Any = None) -> None:
        """Lets data be as a phase of earlier calls has left it."""
        record = self._phases[phase]
        skip_passes(data, len(record["epochs"]))
        measured = len(record["history"].get("val_loss", ()))
        skip_passes(validation_data, measured, measured=True)

    def started(self, resumed: bool, verbose: bool) -> None:
        """Gives callbacks what others have known, or keeps the beginning of a phase."""
        assert self._watched is not None
        phase, _, callbacks = self._watched
        record = self._phases[phase]
        if not resumed:
            self._write()
            return
        with self._named():
            restore_states(callbacks, record["callbacks"])
        self.rewind()
        if verbose:
            print(f"{phase} goes on after epoch {record['epoch']}: {self._path}")

    def add(self, epoch: int, logs: dict[str, Any], stopped: bool) -> None:
        """Keeps that an epoch has been made, and all else, if it is time."""
        assert self._watched is not None
        record = self._phases[self._watched[0]]
        record |= {"epoch": epoch + 1, "stopped": stopped}
        record["epochs"].append(epoch)
        for key, value in logs.items():
            record["history"].setdefault(key, []).append(value)
        if stopped or time.monotonic() >= self._written + self.seconds:
            self._write()

    def end(self, phase: str) -> None:
        """Keeps that a phase has ended, all of it."""
        if self._watched is not None and self._watched[0] == phase:
            self._phases[phase]["ended"] = True
            self._write()
            self._watched = None

    def recall(self, phase: str, callbacks: list[keras.callbacks.Callback]) -> None:
        """Gives callbacks what those before have known at the end of a phase."""
        states = self._phases[phase]["callbacks"]
        self._continue_tables(callbacks, states)
        with self._named():
            restore_states(callbacks, states, ended=True)

    def complete(self, phase: str, history: keras.callbacks.History) -> None:
        """Puts all epochs of a phase into a History, those of earlier calls as well."""
        record = self._phases[phase]
        history.epoch = list(record["epochs"])
        history.history = {key: list(values) for key, values in record["history"].items()}

    def kept_file(self, name: str, path: Any, belongs_to: str) -> bool:
        """Whether a file is the one that `keep_file` was told of, and belongs to the same."""
        kept, path = self._files.get(name), pathlib.Path(path)
        if kept is None or kept["belongs_to"] != belongs_to or not path.is_file():
            return False
        return kept["digest"] == file_digest(path)

    def keep_file(self, name: str, path: Any, belongs_to: str) -> None:
        """Keeps that a file has been written, and what it belongs to."""
        self._files[name] = {"belongs_to": belongs_to, "digest": file_digest(path)}

    def _write(self):
        """Writes a backup; where that fails, it says so, and the training goes on."""
        self._generators = None  # of a training that was started again: it is under way
        if self._watched is not None:
            phase, _, callbacks = self._watched
            self._phases[phase]["callbacks"] = states_of(callbacks)
        model, phases = self._model, phases_of(self._model)
        if self._watched is not None:
            phases.setdefault(*self._watched[:2])
        own: dict[str, Any] = {}
        if hasattr(model, "stages"):
            model.save_own_variables(own)
        arrays: dict[str, np.ndarray] = {}
        state = {
            "variables": values_of(model, phases),
            "own": own,
            "phases": self._phases,
            "generators": generator_states(),
        }
        manifest = {
            "format": FORMAT,
            "backend": keras.backend.backend(),
            "description": self._description,
            "files": self._files,
            "state": packed(state, arrays, "state"),
        }
        try:
            self._path = str(self.folder.write(manifest, arrays, alone=self.restart))
            self._written, self.restart = time.monotonic(), False
        except OSError as error:
            warnings.warn(
                f"A backup could not be written ({error.strerror or error}); the training goes on. "
                f"What stands is {self._path if os.path.exists(self._path) else 'no backup'}.",
                stacklevel=2,
            )

    def _restore(self, model, manifest, arrays):
        state = unpacked(manifest["state"], arrays)
        self._variables = state["variables"]
        assign_values("the model", model.variables, self._variables.pop("model"))
        for phase, stage in phases_of(model).items():
            self._restore_optimizer(phase, stage)
        if hasattr(model, "stages"):
            model.load_own_variables(state["own"])
        self._phases, self._generators = state["phases"], state["generators"]
        self._files = manifest["files"]
        check_phases(self._phases, self._files)
        self.rewind()

    def _restore_optimizer(self, phase, part):
        values = self._variables.pop(phase, None)
        if values is not None:
            assign_values(f"the optimizer of {phase}", part.optimizer.variables, values)

    def _continue_tables(self, callbacks, states):
        for logger in flattened(callbacks):
            if isinstance(logger, keras.callbacks.CSVLogger):
                if not any(logger is other for other, *_ in self._tables):
                    self._tables.append((logger, logger.append, logger.append_header))
        with self._named():
            restore_tables(callbacks, states)

    @contextlib.contextmanager
    def _named(self):
        """Lets errors of what is in the backup name it."""
        try:
            yield
        except Exception as error:  # there is hardly one that a file of others cannot cause
            if isinstance(error, ValueError) and self._path in str(error):
                raise
            raise ValueError(
                "A backup must be as it was written: `restart=True` begins anew. "
                f"Received: {self._path} ({type(error).__name__}: {error})"
            ) from error

    def _message(self):
        if not os.path.exists(self._path):
            return "Interrupted before anything was kept of the training."
        where = ""
        if self._watched is not None:
            epoch = self._phases[self._watched[0]]["epoch"]
            where = f" in epoch {epoch + 1} of {self._watched[0]}"
        return (
            f"Interrupted{where}. {self._path} holds what was before: "
            "the same call goes on from there."
        )
