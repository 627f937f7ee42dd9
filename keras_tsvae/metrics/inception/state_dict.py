"""Weights by name, from the files other programs keep them in."""

import zipfile

import h5py
import numpy as np

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.files import expanded
from keras_tsvae.metrics.inception import torch_file
from keras_tsvae.reading.bounds import check_bytes, file_size
from keras_tsvae.reading.hdf5 import read_hdf5
from keras_tsvae.reading.npz import read_npz


def read_state_dict(path: PathLike) -> dict[str, np.ndarray]:
    """Returns the arrays of a file of weights by their names.

    What a file is, is told from its content: a file of PyTorch's, `.pth` or `.pt`, zipped or as
    before version 1.6; an `.npz` of NumPy's; or an HDF5 file with one data set for each weight.
    PyTorch is not needed, no code is run that a file might hold, and none gets more memory than
    `keras_tsvae.reading.bounds` says.

    Args:
        path: Path of the file.

    Returns:
        Dict from str to arrays of numbers, in the file's order. They may be read-only, and may
        share memory.

    Raises:
        ValueError: If there is no such file, or it is damaged, is of another kind, or holds
            anything but arrays of numbers by name.

    Example:
        >>> read_state_dict("pt_inception-2015-12-05-6726825d.pth")["fc.weight"].shape
        (1008, 2048)
    """
    path = expanded(path)
    if not path.is_file():
        raise ValueError(f"`path` must name a file of weights. Received: path={str(path)!r}")
    try:
        arrays = _read(path)
        if not arrays:
            raise ValueError("it holds nothing")
        for name, array in arrays.items():
            if not isinstance(name, str) or array.dtype.kind not in "fiub":
                raise ValueError(f"its entry {name!r} is not an array of numbers with a name")
        return arrays
    except Exception as error:  # there is hardly an error that a damaged file cannot cause
        raise ValueError(
            "The file must be a dict of tensors that PyTorch saved, an npz, or an HDF5 file of "
            f"arrays. Received: {str(path)!r} ({str(error) or type(error).__name__})"
        ) from error


def _read(path):
    with open(path, "rb") as file:
        is_zip = file.read(4) == b"PK\x03\x04"
        file.seek(0)
        if h5py.is_hdf5(path):
            return read_hdf5(path)
        if not is_zip:
            return torch_file.read_legacy(file)
        with zipfile.ZipFile(file) as archive:
            if all(name.endswith(".npy") for name in archive.namelist()):
                return read_npz(path)
            check_bytes((info.file_size for info in archive.infolist()), file_size(path))
            return torch_file.read_zip(archive)
