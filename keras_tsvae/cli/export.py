"""`keras-tsvae export`: a model for those who do not have this package."""

import pathlib
from typing import Annotated

import typer

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer

EXAMPLES = (
    "runs/digits_fast",
    "model.keras --format onnx --output exported",
)
_FORMATS = ("saved_model", "onnx", "litert")


def run(
    model: options.Model,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="A folder. [default: the format's name, beside the model or here]",
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            metavar="|".join(_FORMATS),
            help="For TensorFlow alone, ONNX Runtime, or LiteRT (formerly TensorFlow Lite).",
        ),
    ] = _FORMATS[0],
    overwrite: options.Overwrite = False,
) -> Answer:
    """Write a SavedModel, or ONNX or LiteRT files, which draw pictures without this package."""
    from keras_tsvae.cli import models
    from keras_tsvae.cli.outputs import check_free
    from keras_tsvae.cli.paths import is_export, located, model_in
    from keras_tsvae.files import expanded, writable_folder, written_beside
    from keras_tsvae.saving.addresses import is_address

    if format not in _FORMATS:
        raise typer.BadParameter(
            f"{format!r} is not one of {', '.join(_FORMATS)}", param_hint="'--format'"
        )
    place = located(model, "MODEL")
    beside = pathlib.Path() if is_address(model) else (model_in(place) or place).parent
    path = expanded(output) if output else beside / format
    check_free(path, overwrite)
    if path.exists() and not is_export(path) and (path.is_file() or any(path.iterdir())):
        raise ValueError(f"--output must not be anything but an export. Received: {str(path)!r}")
    writable_folder("--output", path.parent)
    exported = models.two_stage(model)
    with written_beside(path) as partial:
        exported.export(partial, "tf_saved_model" if format == _FORMATS[0] else format)
    return Answer(str(path))
