"""HDF5 files: what is read as it is, and what is refused."""

import os

import h5py
import numpy as np
import pytest

from keras_tsvae.reading.hdf5 import read_hdf5

pytestmark = pytest.mark.backend_free

NUMBERS = np.arange(12, dtype="float32").reshape(3, 4)


def test_arrays_come_as_they_were(tmp_path):
    packings = {
        "plain": {},
        "gzip": {"compression": "gzip", "shuffle": True},
        "lzf": {"compression": "lzf", "fletcher32": True},
        "rows": {"chunks": (1, 4)},
    }
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, options in packings.items():
            file.create_dataset(name, data=NUMBERS, **options)
        file["flags"] = NUMBERS > 3
    found = read_hdf5(tmp_path / "a.h5")
    np.testing.assert_array_equal(found.pop("flags"), NUMBERS > 3)
    assert sorted(found) == sorted(packings)
    for array in found.values():
        np.testing.assert_array_equal(array, NUMBERS, strict=True)


def external_link(file, folder):
    file["x"] = h5py.ExternalLink(str(folder / "secret.h5"), "x")


def soft_link(file, folder):
    file["y"], file["x"] = NUMBERS, h5py.SoftLink("/y")


def external_storage(file, folder):
    place = [(str(folder / "secret.h5"), 0, 48)]
    file.create_dataset("x", (12,), "float32", external=place)


def virtual(file, folder):
    layout = h5py.VirtualLayout((3, 4), "float32")
    layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "x", (3, 4))
    file.create_virtual_dataset("x", layout)


def unwritten(file, folder):
    file.create_dataset("x", (2**40,), "float32", chunks=(2**20,))


def large_chunk(file, folder):
    file.create_dataset("x", (1,), "u1", chunks=(2**30,), maxshape=(None,))


def bomb(file, folder):
    file.create_dataset("x", data=np.zeros(2**25, "float32"), compression="gzip")


def packed_twice(file, folder):
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((4,))
    properties.set_deflate(9)
    properties.set_deflate(9)
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, properties)


def text(file, folder):
    file["x"] = "text"


def references(file, folder):
    file["x"] = file.ref


def null(file, folder):
    file["x"] = h5py.Empty("f4")


REFUSED = {
    external_link: "is a link",
    soft_link: "is a link",
    external_storage: "lies in other files",
    virtual: "lies in other files",
    unwritten: "asks for .* bytes of memory",
    large_chunk: "asks for .* bytes of memory",
    bomb: "asks for .* bytes of memory",
    packed_twice: "filters that are not read",
    text: "not an array of numbers",
    references: "not an array of numbers",
    null: "not an array of numbers",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_what_is_refused(make, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = NUMBERS
    with h5py.File(tmp_path / "a.h5", "w") as file:
        make(file, tmp_path)
    with pytest.raises(ValueError, match=REFUSED[make]):
        read_hdf5(tmp_path / "a.h5")


def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        read_hdf5(tmp_path / "pipe")
