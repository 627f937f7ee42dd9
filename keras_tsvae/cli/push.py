"""`keras-tsvae push`: a model for all others, on Hugging Face's hub."""

import json
import pathlib
import typing
from typing import Annotated

import typer

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer

EXAMPLES = (
    "runs/mine user/mine --license apache-2.0",
    "model.keras user/digits --dataset digits --evaluation evaluation.json --private",
    "runs/mine user/mine --revision v2 --overwrite-card",
)
_OF_DATA = ("num_train", "num_test", "resize")
_OF_FIT = ("budget", "seed", "dtype_policy")


def run(
    model: options.Model,
    repository: Annotated[
        str, typer.Argument(metavar="USER/MODEL", help="Where it goes; made if it is not there.")
    ],
    evaluation: Annotated[
        str | None,
        typer.Option(help="A file of figures. [default: the run's evaluation.json]"),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Name of the data set. [default: that of run or preset]")
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="Of the model, such as apache-2.0 or mit.")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Let a new repository be seen by you alone.")
    ] = False,
    revision: Annotated[
        str | None, typer.Option(help="A branch, made if it is not there. [default: main]")
    ] = None,
    overwrite_card: Annotated[
        bool, typer.Option("--overwrite-card", help="Write a model card anew that is there.")
    ] = False,
    as_json: options.Json = False,
) -> Answer:
    """Share a model on Hugging Face's hub, with a model card; log in before: hf auth login."""
    from keras_tsvae import hub
    from keras_tsvae.cli import models
    from keras_tsvae.cli.paths import existing, located
    from keras_tsvae.cli.progress import busy

    known: dict[str, typing.Any] = _of_run(located(model, "MODEL"))
    if evaluation is not None:
        known["evaluation"] = _read(existing(evaluation, "--evaluation"), "--evaluation")
    if dataset is not None:
        known["dataset"] = dataset
    pushed = models.two_stage(model, compile=True)
    with busy("Uploading"):
        address = hub.push(
            repository,
            pushed,
            license=license,
            private=private or None,
            revision=revision,
            overwrite_card=overwrite_card,
            **known,
        )
    return Answer(address, {"address": address})


def _of_run(place: pathlib.Path) -> dict[str, typing.Any]:
    """Returns what the folder of a run tells of its model, or nothing."""
    from keras_tsvae.experiments import RunFolder
    from keras_tsvae.reading.keras_files import is_model_folder

    run = RunFolder(place if place.is_dir() else place.parent)
    if is_model_folder(place) or not run.is_run or (place.is_file() and place != run.model):
        return {}
    known: dict[str, typing.Any] = {}
    if run.evaluation.is_file():
        known["evaluation"] = _read(run.evaluation, "MODEL")
    if (run.path / "config.json").is_file():
        config = run.config
        data, fit = config.get("data", {}), config.get("fit", {})
        known["dataset"] = pathlib.PurePath(str(data.get("source", "unknown"))).name
        known["settings"] = {name: data[name] for name in _OF_DATA if name in data}
        known["settings"] |= {name: fit[name] for name in _OF_FIT if fit.get(name) is not None}
    return {**known, "history": run.history or None}


def _read(path, argument):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{argument} must have figures in JSON. Received: {str(path)!r} ({error})"
        ) from error
