"""The forms in which a whole model is exported, and where."""

import pathlib

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.files import expanded

FORMATS = ("tf_saved_model", "onnx", "litert")
LIST = "functions.json"  # what says of a folder of ONNX or LiteRT files which they are


def free_folder(filepath: PathLike) -> pathlib.Path:
    """Returns the path of a folder that does not exist or is empty, or raises a `ValueError`."""
    filepath = expanded(filepath)
    if filepath.exists() and not (filepath.is_dir() and not any(filepath.iterdir())):
        raise ValueError(
            "`filepath` must not exist, or be an empty folder. "
            f"Received: filepath={str(filepath)!r}"
        )
    return filepath
