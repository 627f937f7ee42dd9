"""What the paths of a command line stand for."""

import pathlib

import typer

from keras_tsvae.cli.progress import busy
from keras_tsvae.files import expanded
from keras_tsvae.reading.keras_files import is_model_folder
from keras_tsvae.saving.addresses import fetched, is_address

JUDGE = "judge.keras"  # beside a run's model


def existing(path: str, argument: str) -> pathlib.Path:
    """Returns a path that exists, or raises a usage error that names the argument."""
    hint = f"'{argument}'"
    try:
        found = expanded(path)
    except ValueError as error:  # an address
        raise typer.BadParameter(str(error), param_hint=hint) from error
    if not found.exists():
        raise typer.BadParameter(f"there is no {path!r}", param_hint=hint)
    return found


def located(path: str, argument: str) -> pathlib.Path:
    """Returns the path of a model: as `existing`, or of what an `hf://` or `kaggle://` names."""
    if not is_address(path):
        return existing(path, argument)
    try:
        with busy("Fetching"):
            return fetched(path)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=f"'{argument}'") from error


def is_saved_model(path: pathlib.Path) -> bool:
    """Whether it is the folder of a SavedModel."""
    return (path / "saved_model.pb").is_file()


def is_export(path: pathlib.Path) -> bool:
    """Whether it is a folder that `export` wrote."""
    from keras_tsvae.export.formats import LIST

    return is_saved_model(path) or (path / LIST).is_file()


def model_in(path: pathlib.Path) -> pathlib.Path | None:
    """Returns the model that a path means: itself, or the one in the folder of a run.

    The folder that `save_to_preset` wrote is a model itself. In that of a run it is `model.keras`,
    a file with the folder's own name, or the only `.keras` file that is no judge; where there is
    none, `saved_model`.

    Returns:
        Path of a file, or of the folder of a model or a SavedModel; None of a folder without one.

    Raises:
        ValueError: If a folder holds several models.
    """
    if not path.is_dir() or is_saved_model(path) or is_model_folder(path):
        return path
    for name in ("model.keras", f"{path.resolve().name}.keras"):
        if (path / name).is_file():
            return path / name
    found = sorted(file for file in path.glob("*.keras") if file.name != JUDGE)
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise ValueError(f"{str(path)!r} holds several models, name one of them: {names}")
    if found:
        return found[0]
    return path / "saved_model" if is_saved_model(path / "saved_model") else None
