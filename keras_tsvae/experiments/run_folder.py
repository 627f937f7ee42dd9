"""The folder of a run: where everything of it lies."""

import csv
import datetime
import json
import pathlib
import platform
import shutil
import sys
import typing

import keras

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.experiments.experiment import Experiment
from keras_tsvae.files import expanded, writable_folder, written_beside
from keras_tsvae.training.descriptions import differences
from keras_tsvae.version import __version__

_MARKS = ("config.json", "backup", "stage1.csv")  # the last two also of earlier versions
_OF_A_TRAINING = ("judge.keras", "evaluation.json", "report.html")
_LENGTHS = {"model": ("epochs", "second_stage_epochs", "source"), "fit": ("budget",)}


class RunFolder:
    """The folder of a run. What is written there is written beside, then renamed.

    Args:
        path: Path of the folder; `~` is expanded. It need not exist.

    Attributes:
        path: A `pathlib.Path`.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = expanded(path)

    @property
    def model(self) -> pathlib.Path:
        """Path of the trained model."""
        return self.path / "model.keras"

    @property
    def judge(self) -> pathlib.Path:
        """Path of the classifier that measures it, where there is one."""
        return self.path / "judge.keras"

    @property
    def saved_model(self) -> pathlib.Path:
        """Path of the SavedModel, which TensorFlow writes."""
        return self.path / "saved_model"

    @property
    def pictures(self) -> pathlib.Path:
        """Path of the folder of pictures."""
        return self.path / "pictures"

    @property
    def backup(self) -> pathlib.Path:
        """Path of the folder that an interrupted training goes on from."""
        return self.path / "backup"

    @property
    def evaluation(self) -> pathlib.Path:
        """Path of the figures."""
        return self.path / "evaluation.json"

    def table(self, stage: int) -> pathlib.Path:
        """Returns the path of a stage's losses, epoch by epoch."""
        return self.path / f"stage{stage}.csv"

    @property
    def is_run(self) -> bool:
        """Whether a training has been begun there."""
        return any((self.path / name).exists() for name in _MARKS)

    @property
    def config(self) -> dict[str, typing.Any]:
        """What `config.json` says.

        Raises:
            ValueError: If there is none that can be read.
        """
        path = self.path / "config.json"
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(config, dict):
                raise ValueError("it holds no settings")
        except (OSError, ValueError) as error:
            raise ValueError(
                f"The folder of a run must hold a config.json. Received: {str(path)!r} ({error})"
            ) from error
        return config

    @property
    def experiment(self) -> Experiment:
        """The experiment, as `config.json` says.

        Raises:
            ValueError: If there is none that can be read.
        """
        config = self.config
        try:
            return Experiment.from_dict(config)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                "config.json must hold the settings of an experiment. "
                f"Received: {str(self.path / 'config.json')!r} ({error!r})"
            ) from error

    @property
    def history(self) -> dict[str, list[float]]:
        """The losses of all epochs so far, by names such as `"stage1_loss"`."""
        history: dict[str, list[float]] = {}
        for stage in (1, 2):
            if self.table(stage).is_file():
                with open(self.table(stage), encoding="utf-8", newline="") as file:
                    for row in csv.DictReader(file):
                        row.pop("epoch", None)
                        for key, value in row.items():
                            history.setdefault(f"stage{stage}_{key}", []).append(float(value))
        return history

    def begin(
        self,
        experiment: Experiment,
        facts: dict[str, typing.Any],
        restart: bool = False,
        command: str | None = None,
    ) -> None:
        """Writes `config.json`, of a new run or of one that goes on.

        Args:
            experiment: An `Experiment`.
            facts: What is known of its pictures, which goes to `data`.
            restart: Whether a run that is there is begun anew. Defaults to False.
            command: What was typed. Defaults to None: the arguments of this process.

        Raises:
            ValueError: If the folder holds anything but a run, or a run of another experiment, or
                cannot be written to.
        """
        self.check(experiment, restart)
        writable_folder("output", self.path)
        if restart:
            for name in _OF_A_TRAINING:
                (self.path / name).unlink(missing_ok=True)
            shutil.rmtree(self.pictures, ignore_errors=True)
        goes_on = not restart and (self.path / "config.json").is_file()
        former = self.config if goes_on else {}
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        config = {
            "command": former.get("command", " ".join(sys.argv) if command is None else command),
            "created": former.get("created", now),
            "versions": _versions(),
            **experiment.to_dict(),
        }
        config["data"] = {**config["data"], "resize": experiment.data.resize, **facts}
        self.write_json("config.json", config)

    def check(self, experiment: Experiment | None = None, restart: bool = False) -> None:
        """Raises as `begin` does of a folder that holds anything else; writes nothing."""
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"`output` must be a folder. Received: output={str(self.path)!r}")
        if self.path.is_dir() and any(self.path.iterdir()) and not self.is_run:
            raise ValueError(
                "`output` must be a new folder, an empty one, or that of a run. "
                f"Received: output={str(self.path)!r}, which holds something else"
            )
        if experiment is None or restart or not (self.path / "config.json").is_file():
            return
        different = differences(_compared(self.experiment), _compared(experiment))
        if different:
            raise ValueError(
                "`output` must be the run of this experiment, or a new folder: `restart=True` "
                f"begins anew. Received: output={str(self.path)!r}, the run of another one: "
                f"{'; '.join(different)}"
            )

    def write_json(self, name: str, content: typing.Any) -> None:
        """Writes a file of what JSON can hold."""
        with written_beside(self.path / name) as partial:
            partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _compared(experiment):
    """Returns what tells an experiment from others: neither how long nor how it is measured."""
    settings = json.loads(json.dumps(experiment.to_dict()))
    settings.pop("evaluation")
    for part, names in _LENGTHS.items():
        for name in names:
            settings[part].pop(name)
    return settings


def _versions():
    backend = keras.backend.backend()
    versions = {"keras_tsvae": __version__, "keras": keras.version()}
    versions[backend] = getattr(sys.modules.get(backend), "__version__", None)
    return {**versions, "python": platform.python_version()}
