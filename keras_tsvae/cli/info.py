"""`keras-tsvae info`: what is in the file of a model."""

import pathlib
import typing
from typing import Annotated

import typer

from keras_tsvae.cli.answer import Answer
from keras_tsvae.cli.options import MODEL, Json

EXAMPLES = ("model.keras", "runs/digits_fast --json", "hf://user/model", "saved_model")
_WRITTEN = ("keras_version", "keras_tsvae_version", "backend", "date_saved")


def run(
    file: Annotated[str, typer.Argument(metavar="FILE", help=f"{MODEL}; or a SavedModel.")],
    as_json: Json = False,
) -> Answer:
    """Tell what a model is: stages, shapes, conditions, versions, training so far."""
    from keras_tsvae.cli import models
    from keras_tsvae.cli.paths import is_saved_model, located, model_in
    from keras_tsvae.saving.addresses import is_address

    path = model_in(located(file, "FILE"))
    if path is None:
        raise ValueError(f"FILE must hold a model. Received: the folder {file!r} with none")
    if is_saved_model(path):
        from keras_tsvae.export.saved_sampler import SavedSampler

        saved = SavedSampler(path)
        known = {
            "file": str(path),
            "model": "SavedModel",
            "image_shape": list(saved.image_shape),
            "conditions": _conditions(saved.conditions),
            "functions": saved.functions,
        }
    else:
        model = models.read_model(path, compile=True)
        known = {"file": str(path), **_versions(path), **_model(model), **_epochs(path)}
    if is_address(file):  # rather than where it was downloaded to
        known["file"] = file
    return Answer("\n".join(_lines(known)), known)


def _versions(path: pathlib.Path) -> dict[str, typing.Any]:
    """Returns what is written down of how a file or folder came to be."""
    from keras_tsvae.reading.keras_files import described

    metadata = described(path).metadata
    return {name: metadata.get(name) for name in _WRITTEN if name in metadata}


def _epochs(path: pathlib.Path) -> dict[str, typing.Any]:
    """Returns how many epochs a run has made; the model's own file does not keep optimisers."""
    from keras_tsvae.experiments import RunFolder

    folder = RunFolder(path.parent)
    if path != folder.model or not folder.is_run:
        return {}
    history = folder.history
    return {"epochs": [len(history.get(f"stage{stage}_loss", ())) for stage in (1, 2)]}


def _model(model: typing.Any) -> dict[str, typing.Any]:
    shape = getattr(model, "image_shape", None)
    known: dict[str, typing.Any] = {
        "model": type(model).__name__,
        "image_shape": None if shape is None else list(shape),
        "latent_dim": getattr(model, "latent_dim", None),
        "parameters": model.count_params(),
        "conditions": _conditions(getattr(model, "conditions", None)),
    }
    preset = getattr(model, "preset", None)
    known["preset"] = None if preset is None else preset.name
    if hasattr(model, "second_stage"):
        known["mixture"] = model.mixture is not None
        known["stages"] = {
            name: _stage(getattr(model, name)) for name in ("first_stage", "second_stage")
        }
    else:
        known |= _training(model)
    return known


def _stage(stage: typing.Any) -> dict[str, typing.Any]:
    known = {"class": type(stage).__name__, "parameters": stage.count_params()}
    for name in ("encoder", "decoder"):
        if hasattr(stage, name):
            known[name] = type(getattr(stage, name)).__name__
    known["condition_dim"] = stage.condition_dim
    known["dtype_policy"] = stage.dtype_policy.name
    return known | _training(stage)


def _training(model: typing.Any) -> dict[str, typing.Any]:
    """Returns how far a model was trained, as its optimiser knows."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return {"steps": None}
    return {
        "steps": int(optimizer.iterations),
        "optimizer": type(optimizer).__name__,
        "learning_rate": float(optimizer.learning_rate),
    }


def _conditions(conditions: typing.Any) -> dict[str, typing.Any] | None:
    if conditions is None:
        return None
    names = None if conditions.names is None else list(conditions.names)
    return {"kind": conditions.kind, "size": conditions.size, "names": names}


def _lines(known: dict[str, typing.Any], indent: str = "") -> typing.Iterator[str]:
    for name, value in known.items():
        if isinstance(value, dict):
            yield f"{indent}{name}"
            yield from _lines(value, indent + "  ")
        elif value is not None:
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            yield f"{indent}{name:{24 - len(indent)}}{text}"
