"""Keras's files of models and weights: whether they hold no more than they should."""

import io
import json
import pathlib
import stat
import zipfile
from typing import Any

from keras_tsvae.reading.bounds import ZIP_METHODS, check_bytes, file_size
from keras_tsvae.reading.hdf5 import check_hdf5

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"


def check_weights(path: pathlib.Path) -> None:
    """Raises a `ValueError` if a file of weights leads elsewhere or asks for too much memory.

    Args:
        path: Path that ends in `.keras` or `.weights.h5`; of another file nothing is checked.
    """
    if path.suffix == ".keras":
        checked_config(path)
    elif path.suffix == ".h5":
        check_hdf5(path, file_size(path))


def checked_config(path: pathlib.Path) -> dict[str, Any]:
    """Returns the config of a `.keras` file, whose members and weights are checked.

    Raises:
        ValueError: If the archive or its weights lead elsewhere, or ask for more memory than
            `bounds.check_bytes` lets them; other errors of `zipfile`, h5py and so on if the file
            is damaged.
    """
    size = file_size(path)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for info in members:
            _check_member(info)
        check_bytes((info.file_size for info in members), size)
        check_hdf5(io.BytesIO(archive.read(_WEIGHTS)), size)
        return json.loads(archive.read(_CONFIG))


def _check_member(info):
    parts = info.filename.replace("\\", "/").split("/")
    if parts[0] == "" or ":" in parts[0] or ".." in parts:
        raise ValueError(f"its member {info.filename!r} would leave the archive")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ValueError(f"its member {info.filename!r} is a link")
    if info.compress_type not in ZIP_METHODS:
        raise ValueError(f"its member {info.filename!r} is packed in a way that is not read")
