"""The HDF5 file that posteriors are kept in.

One float32 data set, in one piece, for each array, so that it can be memory-mapped; its attribute
`crc32` is a checksum, which HDF5 has none of for such data. Files written before there were
checksums are read without.
"""

import io
import pathlib
import zlib
from collections.abc import Iterator, Sequence

import h5py
import numpy as np

from keras_tsvae.reading.bounds import file_size
from keras_tsvae.reading.hdf5 import dataset_of

NAMES = ("mean", "std", "condition")
ROWS_AT_ONCE = 65_536
_CHECKSUM = "crc32"


def write_arrays(path: pathlib.Path, arrays: Sequence[np.ndarray]) -> None:
    """Writes mean, std and, if there is one, condition.

    Raises:
        OSError: If they cannot be written.
    """
    raw = _Forgiving(path, "w+")
    with io.BufferedRandom(raw) as target, h5py.File(target, "w") as file:
        for name, array in zip(NAMES, arrays):
            dataset = file.create_dataset(name, array.shape, "float32")
            checksum = 0
            for rows in row_slices(len(array)):
                values = np.ascontiguousarray(array[rows], "float32")
                checksum = zlib.crc32(values.data, checksum)
                dataset[rows] = values
                raw.check()
            dataset.attrs[_CHECKSUM] = np.uint32(checksum)
    raw.check()


class _Forgiving(io.FileIO):
    """A file that keeps the first error of a write, for `check` to raise.

    HDF5 itself does not outlive one: h5py frees what belongs to its file a second time, which ends
    the process.
    """

    error: OSError | None = None

    def write(self, data):
        try:
            return super().write(data)
        except OSError as error:
            self.error = self.error or error
            return memoryview(data).nbytes

    def truncate(self, size=None):
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size

    def check(self):
        if self.error is not None:
            raise self.error


def map_arrays(path: pathlib.Path) -> list[np.ndarray]:
    """Returns the arrays, memory-mapped.

    Raises:
        ValueError: If the file is not as `write_arrays` makes it, or does not fit its checksums;
            other errors of h5py if it is damaged.
    """
    size = file_size(path)
    with h5py.File(path, "r") as file:
        names = NAMES if NAMES[-1] in file else NAMES[:-1]
        datasets = [dataset_of(file, name) for name in names]
        places = [_place(dataset, size) for dataset in datasets]
        checksums = [dataset.attrs.get(_CHECKSUM) for dataset in datasets]
    arrays: list[np.ndarray] = []
    for name, (offset, shape), checksum in zip(names, places, checksums):
        array = np.memmap(path, "float32", mode="r", offset=offset, shape=shape)
        if checksum is not None and _checksum(array) != checksum:
            raise ValueError(f"its data set {name!r} is not what was written")
        arrays.append(array)
    return arrays


def row_slices(n: int) -> Iterator[slice]:
    """Yields slices of a bounded number of rows that together make n."""
    return (slice(start, start + ROWS_AT_ONCE) for start in range(0, n, ROWS_AT_ONCE))


def _place(dataset, size):
    """Returns offset and shape of float32 rows in one piece within the file's bytes."""
    offset, shape = dataset.id.get_offset(), dataset.shape
    if dataset.dtype != np.dtype("<f4") or len(shape) != 2 or offset is None:
        raise ValueError(
            f"its data set {dataset.name!r} is not of float32 rows in one piece, but of "
            f"{dataset.dtype} and shape {shape}"
        )
    if offset + 4 * shape[0] * shape[1] > size:
        raise ValueError(f"its data set {dataset.name!r} reaches beyond its end")
    return offset, shape


def _checksum(array):
    checksum = 0
    for rows in row_slices(len(array)):
        checksum = zlib.crc32(array[rows].data, checksum)
    return checksum
