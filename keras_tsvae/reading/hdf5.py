"""HDF5 files of arrays."""

import math
from typing import IO

import h5py
import numpy as np

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.reading.bounds import check_bytes, file_size

_FILTERS = {  # HDF5's own; others are libraries that it would load
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_LZF,
}
_BFLOAT16 = np.dtype("V2")  # as Keras writes it


def read_hdf5(path: PathLike) -> dict[str, np.ndarray]:
    """Returns the arrays of a file that holds one data set of numbers for each, by name.

    Raises:
        ValueError: If it holds anything else, see `dataset_of`, or asks for more memory than
            `bounds.check_bytes` lets it; other errors of h5py if it is damaged.
    """
    size = file_size(path)
    with h5py.File(path, "r") as file:
        datasets = {name: dataset_of(file, name) for name in file}
        check_bytes((_memory(dataset) for dataset in datasets.values()), size)
        return {name: np.asarray(dataset) for name, dataset in datasets.items()}


def check_hdf5(file: PathLike | IO[bytes], size: int) -> None:
    """Raises a `ValueError` unless all that a file holds is as `read_hdf5` takes it, in groups.

    Args:
        file: Path of a file, or one that is open for reading bytes.
        size: The bytes whose multiple its arrays may take.
    """
    with h5py.File(file, "r") as root:
        groups, seen, memory = [root], set[int](), 0
        while groups:
            group = groups.pop()
            place = h5py.h5o.get_info(group.id).addr
            if place in seen:
                raise ValueError("it has a group in several places")
            seen.add(place)
            for name in group:
                if group.get(name, getclass=True, getlink=True) is h5py.HardLink:
                    if group.get(name, getclass=True) is h5py.Group:
                        groups.append(group[name])
                        continue
                memory += _memory(dataset_of(group, name))
        check_bytes((memory,), size)


def dataset_of(group: h5py.Group, name: str) -> h5py.Dataset:
    """Returns a data set of numbers that lies in the file itself; nothing of it is read.

    Raises:
        ValueError: If it is a link, lies in other files, or is packed by other filters than those
            of HDF5's own, or by one of them twice.
    """
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"its entry {name!r} is a link")
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"its entry {name!r} is not a data set")
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"its entry {name!r} lies in other files")
    if not (dataset.dtype.kind in "fiub" or dataset.dtype == _BFLOAT16) or dataset.shape is None:
        raise ValueError(f"its entry {name!r} is not an array of numbers")
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
    if set(filters) - _FILTERS or len(set(filters)) < len(filters):
        raise ValueError(f"its entry {name!r} is packed by filters that are not read: {filters}")
    return dataset


def _memory(dataset):
    """Returns the bytes that it takes to read a data set: its own and those of a chunk."""
    return (math.prod(dataset.shape) + math.prod(dataset.chunks or (0,))) * dataset.dtype.itemsize
