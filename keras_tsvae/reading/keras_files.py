"""Keras's files and folders of models and weights: whether they hold no more than they should."""

import io
import json
import pathlib
import stat
import zipfile
from typing import Any, NamedTuple

from keras_tsvae.reading.bounds import ZIP_METHODS, check_bytes, file_size
from keras_tsvae.reading.hdf5 import check_hdf5

CONFIG, WEIGHTS, METADATA, ASSETS = "config.json", "model.weights.h5", "metadata.json", "assets"


class Described(NamedTuple):
    """What a file or folder says of its model before anything is made of it.

    Args:
        config: What the model is made from.
        metadata: By which versions it was written, and when.
        size: Bytes whose multiple the model may take.
    """

    config: dict[str, Any]
    metadata: dict[str, Any]
    size: int


def check_weights(path: pathlib.Path) -> None:
    """Raises a `ValueError` if a file of weights leads elsewhere or asks for too much memory.

    Args:
        path: Path that ends in `.keras` or `.weights.h5`; of another file nothing is checked.
    """
    if path.suffix == ".keras":
        described(path)
    elif path.suffix == ".h5":
        check_hdf5(path, file_size(path))


def is_model_folder(path: pathlib.Path) -> bool:
    """Whether it is a folder that holds a model, rather than files of models."""
    return (path / CONFIG).is_file() and (path / WEIGHTS).is_file()


def described(path: pathlib.Path) -> Described:
    """Returns what a `.keras` file or a model's folder says, members and weights checked.

    Raises:
        ValueError: If anything in it leads elsewhere, is missing, or asks for more memory than
            `bounds.check_bytes` lets it; other errors of `zipfile`, h5py and so on if it is
            damaged.
    """
    return _folder(path) if path.is_dir() else _archive(path)


def _archive(path):
    size = file_size(path)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for info in members:
            _check_member(info)
        check_bytes((info.file_size for info in members), size)
        check_hdf5(io.BytesIO(archive.read(WEIGHTS)), size)
        metadata = archive.read(METADATA) if METADATA in archive.namelist() else b"{}"
        return Described(_object(CONFIG, archive.read(CONFIG)), _object(METADATA, metadata), size)


def _check_member(info):
    parts = info.filename.replace("\\", "/").split("/")
    if parts[0] == "" or ":" in parts[0] or ".." in parts:
        raise ValueError(f"its member {info.filename!r} would leave the archive")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ValueError(f"its member {info.filename!r} is a link")
    if info.compress_type not in ZIP_METHODS:
        raise ValueError(f"its member {info.filename!r} is packed in a way that is not read")


def _folder(folder):
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise ValueError(f"it has no {name}")
    metadata = folder / METADATA
    for path in (folder / CONFIG, folder / WEIGHTS, metadata, *(folder / ASSETS).rglob("*")):
        _check_place(folder, path)
    size = file_size(folder / CONFIG) + file_size(folder / WEIGHTS)
    check_hdf5(folder / WEIGHTS, size)
    told = metadata.read_bytes() if metadata.is_file() else b"{}"
    return Described(_object(CONFIG, (folder / CONFIG).read_bytes()), _object(METADATA, told), size)


def _check_place(folder, path):
    """Raises unless `path` lies in the folder, or where Hugging Face's cache keeps its files."""
    real, homes = path.resolve(), [folder.resolve()]
    if folder.parent.name == "snapshots":
        homes.append((folder.parent.parent / "blobs").resolve())
    if not any(real.is_relative_to(home) for home in homes):
        raise ValueError(f"its file {path.name!r} leads out of the folder")


def _object(name, text):
    """Returns the JSON object of a member."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"its {name} holds no object")
    return found
