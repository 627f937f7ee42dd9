"""NumPy's `.npz` and `.npy` files."""

import math
import zipfile
from collections.abc import Iterable
from typing import IO

import numpy as np

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.reading.bounds import ZIP_METHODS, check_bytes, file_size

_ENDING = ".npy"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npz(path: PathLike, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Returns arrays of an `.npz` file by name, their checksums verified.

    No memory is taken before the headers of all arrays are known to say what the file holds, and
    that this is no more than `bounds.check_bytes` lets a file ask for. Nothing is unpickled.

    Args:
        path: Path of the file.
        names: The arrays to read. Defaults to None: all.

    Raises:
        ValueError: If an array is not there, or is not as its header says; other errors of
            `zipfile`, `zlib` and NumPy if the file is damaged.
    """
    size = file_size(path)
    with zipfile.ZipFile(path) as archive:
        members = {
            info.filename.removesuffix(_ENDING): info
            for info in archive.infolist()
            if info.filename.endswith(_ENDING)
        }
        if names is None and len(members) < len(archive.infolist()):
            raise ValueError("it has members that are no arrays, or two of one name")
        names = list(members if names is None else names)
        for name in names:
            if name not in members:
                raise ValueError(f"it has no array {name!r}")
            if members[name].compress_type not in ZIP_METHODS:
                raise ValueError(f"its array {name!r} is packed in a way that is not read")
        check_bytes((members[name].file_size for name in names), size)
        for name in names:
            with archive.open(members[name]) as file:
                _check_header(file, members[name].file_size)
        arrays = {}
        for name in names:  # opened anew: a member that is read from its start is checked whole
            with archive.open(members[name]) as file:
                arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
        return arrays


def read_npy(path: PathLike) -> np.ndarray:
    """Returns the array of an `.npy` file; memory as of `read_npz`.

    Raises:
        ValueError: If it is not as its header says.
    """
    with open(path, "rb") as file:
        _check_header(file, file_size(path))
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def _check_header(file: IO[bytes], size: int) -> None:
    """Raises a `ValueError` unless numbers or text of the header's shape fill the file's bytes."""
    read_header = _HEADERS.get(np.lib.format.read_magic(file))
    if read_header is None:
        raise ValueError("an array in it is of an unknown version")
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("an array in it holds Python objects, which are not read")
    if not dtype.itemsize or min(shape, default=0) < 0:
        raise ValueError(f"an array in it is of an impossible shape or type, {shape} of {dtype}")
    if file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"an array in it is not of the shape {shape} of {dtype} that it claims")
