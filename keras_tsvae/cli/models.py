"""Models, wherever a command finds them."""

import pathlib
import typing

import typer

from keras_tsvae.cli.paths import is_saved_model, located, model_in
from keras_tsvae.cli.wording import as_typed

if typing.TYPE_CHECKING:
    import keras

    from keras_tsvae.export.saved_sampler import SavedSampler
    from keras_tsvae.models import ConditionalTwoStageVAE, TwoStageVAE


def read_model(path: pathlib.Path, compile: bool = False) -> "keras.Model":
    """Returns the model of a `.keras` file or a folder, of any class of this package's.

    Raises:
        ValueError: If it cannot be read.
    """
    from keras_tsvae import metrics, models  # noqa: F401  # whose classes files name
    from keras_tsvae.saving.load_model import load_model

    with as_typed({"filepath": "MODEL"}):
        return load_model(path, compile=compile)


def two_stage(path: str, argument: str = "MODEL", compile: bool = False) -> "TwoStageVAE":
    """Returns the `TwoStageVAE` that an argument means.

    Raises:
        typer.BadParameter: If nothing is there.
        ValueError: If it is no such model, or cannot be read.
    """
    file = _found(path, argument)
    if is_saved_model(file):
        raise ValueError(
            f"{argument} must be a .keras file here, or a folder with one: a SavedModel can only "
            f"be sampled. Received: {str(file)!r}"
        )
    return _checked(read_model(file, compile), file, argument)


def sampler(path: str, argument: str = "MODEL") -> "TwoStageVAE | SavedSampler":
    """Returns what `path` means and can be sampled: as `two_stage`, or a SavedModel."""
    file = _found(path, argument)
    return open_sampler(file, argument)


def open_sampler(file: pathlib.Path, argument: str) -> "TwoStageVAE | SavedSampler":
    """Returns the model of a `.keras` file, or of the folder of a model or a SavedModel."""
    if is_saved_model(file):
        from keras_tsvae.export.saved_sampler import SavedSampler

        return SavedSampler(file)
    return _checked(read_model(file), file, argument)


def conditional(path: str, command: str) -> "ConditionalTwoStageVAE":
    """Returns the conditional model that a path means; raises a usage error of another one."""
    from keras_tsvae.models import ConditionalTwoStageVAE

    model = two_stage(path)
    if not isinstance(model, ConditionalTwoStageVAE):
        raise typer.BadParameter(
            f"{path!r} was trained without conditions, which {command} needs", param_hint="'MODEL'"
        )
    return model


def _found(path, argument):
    file = model_in(located(path, argument))
    if file is None:
        raise ValueError(f"{argument} must hold a model. Received: the folder {path!r} with none")
    return file


def _checked(model, file, argument):
    from keras_tsvae.models import TwoStageVAE

    if not isinstance(model, TwoStageVAE):
        raise ValueError(
            f"{argument} must hold a TwoStageVAE. Received: {str(file)!r}, a {type(model).__name__}"
        )
    return model
