"""Rows of an array, read from its file where it is a memory map."""

import contextlib
import os
import pathlib
import typing
from collections.abc import Callable, Iterator

import numpy as np


class Rows:
    """Reads rows of an array into fresh memory, wherever they lie.

    Rows of a `np.memmap` are read from the file itself: pages touched through the map would count
    as memory of the process, until the whole file does. If the file is no longer the one that was
    mapped (it was replaced or removed since), the map is read after all: it still holds the rows.

    Args:
        array: Array or `np.memmap` of any shape.
    """

    def __init__(self, array: np.ndarray):
        self.array = array
        self.path, self.offset = _place(array)
        self.file_id = _file_id(self.path)

    @contextlib.contextmanager
    def reader(self) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
        """Yields a function from an array of row numbers to those rows."""
        if self.file_id is None:
            yield self.array.__getitem__
            return
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError:
            yield self.array.__getitem__
            return
        try:
            same = _identity(os.fstat(descriptor)) == self.file_id
            yield (lambda rows: self._read(descriptor, rows)) if same else self.array.__getitem__
        finally:
            os.close(descriptor)

    def _read(self, descriptor, rows):
        result = np.empty((len(rows), *self.array.shape[1:]), self.array.dtype)
        size = result.nbytes // len(rows)
        for target, row in zip(result.reshape(len(rows), -1), rows):
            data = os.pread(descriptor, size, self.offset + int(row) * size)
            if len(data) != size:
                raise OSError(f"The file {str(self.path)!r} has become shorter while it was read")
            target[:] = np.frombuffer(data, result.dtype)
        return result


def _place(array):
    """Returns the file that `array` maps and the offset of its first row, or `(None, None)`."""
    root: typing.Any = array
    while isinstance(root, np.memmap) and isinstance(root.base, np.memmap):
        root = root.base
    mapped = isinstance(root, np.memmap) and isinstance(root.filename, (str, os.PathLike))
    if not (mapped and array.flags.c_contiguous and array.size and hasattr(os, "pread")):
        return None, None
    return pathlib.Path(root.filename), root.offset + array.ctypes.data - root.ctypes.data


def _file_id(path):
    if path is None:
        return None
    try:
        return _identity(os.stat(path))
    except OSError:
        return None


def _identity(stat):
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
