"""`keras-tsvae export`: a model for those who do not have this package."""

import pathlib
from typing import Annotated

import typer

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer

EXAMPLES = (
    "runs/digits_fast",
    "model.keras --format saved_model --output exported",
)
_FORMATS = ("saved_model",)


def run(
    model: options.Model,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", help="A folder. [default: saved_model beside the model, or here]"
        ),
    ] = None,
    format: Annotated[str, typer.Option(metavar="saved_model", help="The only one.")] = _FORMATS[0],
    overwrite: options.Overwrite = False,
) -> Answer:
    """Write a SavedModel, which draws pictures with TensorFlow alone."""
    from keras_tsvae.cli import models
    from keras_tsvae.cli.outputs import check_free
    from keras_tsvae.cli.paths import is_saved_model, located, model_in
    from keras_tsvae.files import expanded, writable_folder, written_beside
    from keras_tsvae.saving.addresses import is_address

    if format not in _FORMATS:
        raise typer.BadParameter(f"{format!r} is not saved_model", param_hint="'--format'")
    place = located(model, "MODEL")
    beside = pathlib.Path() if is_address(model) else (model_in(place) or place).parent
    path = expanded(output) if output else beside / _FORMATS[0]
    check_free(path, overwrite)
    if path.exists() and not is_saved_model(path) and (path.is_file() or any(path.iterdir())):
        raise ValueError(f"--output must not be anything but a SavedModel. Received: {str(path)!r}")
    writable_folder("--output", path.parent)
    exported = models.two_stage(model)
    with written_beside(path) as partial:
        exported.export(partial)
    return Answer(str(path))
