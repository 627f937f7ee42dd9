"""Models as folders that can be shared, in the layout of Keras's own."""

import contextlib
import datetime
import json
import pathlib
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.files import expanded, written_beside
from keras_tsvae.reading.keras_files import ASSETS, CONFIG, METADATA, WEIGHTS
from keras_tsvae.version import __version__

_OURS = {ASSETS, CONFIG, METADATA, WEIGHTS}
_PARTS = ("first_stage", "second_stage", "recognizer")


def write_model_folder(model: keras.Model, folder: PathLike, name: str) -> None:
    """Writes a built model, whole or not at all: config, weights, metadata and assets.

    `metadata.json` holds the versions of this package, of Keras and of the backend, which is named,
    the numbers of parameters of the whole and of each stage, and the date.

    Args:
        model: A `keras.Model`.
        folder: Path; `~` is expanded.
        name: What errors call it.

    Raises:
        ValueError: If there is anything else but a model at `folder`.
    """
    folder = expanded(folder)
    if not may_be_replaced(folder):
        raise ValueError(
            f"`{name}` must be the path of a new folder, an empty one, or one that holds a model "
            f"and nothing else. Received: {name}={str(folder)!r}"
        )
    with written_beside(folder) as partial, without_distribution():
        keras.saving.save_model(model, partial, zipped=False)
        (partial / METADATA).write_text(json.dumps(_metadata(model), indent=2), encoding="utf-8")


def may_be_replaced(folder: pathlib.Path) -> bool:
    """Whether nothing is lost where a model is written to `folder`, but for an older model."""
    if not folder.exists():
        return True
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else {""}
    return not found or (CONFIG in found and found <= _OURS)


@contextlib.contextmanager
def without_distribution() -> Iterator[None]:
    """Lets one process save: Keras makes variables meanwhile, which all would have to make."""
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def check_version(metadata: Mapping[str, Any]) -> None:
    """Raises a `ValueError` if a later release of this package wrote a model, 0.2 for 0.1.x."""
    written = metadata.get("keras_tsvae_version", __version__)
    if _release(written) > _release(__version__):
        raise ValueError(
            f"it was written by keras_tsvae {written}, which is newer than the {__version__} that "
            "is installed: install a newer one"
        )


def newer_keras(metadata: Mapping[str, Any]) -> str:
    """Returns what to say, where reading fails, of a later Keras that wrote a model, or nothing."""
    written = metadata.get("keras_version", keras.__version__)
    with contextlib.suppress(ValueError):
        if _release(written) > _release(keras.__version__):
            return f"; it was written with Keras {written}, {keras.__version__} is installed"
    return ""


def _release(version: Any) -> tuple[int, int]:
    found = re.match(r"([0-9]{1,9})\.([0-9]{1,9})", str(version))
    if found is None:
        raise ValueError(f"the version that wrote it is {version!r}, which is none")
    return int(found[1]), int(found[2])


def _metadata(model):
    backend = keras.backend.backend()
    parts = {name: getattr(model, name, None) for name in _PARTS}
    return {
        "keras_version": keras.__version__,
        "keras_tsvae_version": __version__,
        "backend": backend,
        "backend_version": sys.modules[backend].__version__,
        "class": type(model).__name__,
        "parameter_count": model.count_params(),
        "parameter_counts": {
            name: part.count_params() for name, part in parts.items() if part is not None
        },
        "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S"),  # as Keras has it
    }
