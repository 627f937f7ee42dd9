"""NumPy's files: what is read as it is, and what is refused before memory is taken for it."""

import io
import os
import zipfile

import numpy as np
import pytest

from keras_tsvae.reading.npz import read_npy, read_npz

pytestmark = pytest.mark.backend_free

ARRAYS = {
    "numbers": np.arange(12, dtype="float32").reshape(3, 4),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "empty": np.zeros((0, 3)),
    "one": np.array(7),
    "text": np.array("identity"),
}


def header(shape, dtype="<f4", order=False):
    """The bytes of an `.npy` file before its numbers."""
    file = io.BytesIO()
    described = {"descr": dtype, "fortran_order": order, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
    return file.getvalue()


def archive(path, method=zipfile.ZIP_STORED, **members):
    with zipfile.ZipFile(path, "w", method) as made:
        for name, data in members.items():
            made.writestr(f"{name}.npy", data)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_as_they_were(save, tmp_path):
    save(tmp_path / "a.npz", **ARRAYS)
    found = read_npz(tmp_path / "a.npz")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array, strict=True)
    assert list(read_npz(tmp_path / "a.npz", ["one", "numbers"])) == ["one", "numbers"]
    np.save(tmp_path / "a.npy", ARRAYS["columns"])
    np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), ARRAYS["columns"])


CLAIMS = {
    "terabytes": header((2**40,)) + bytes(64),
    "more than 2**63": header((2**62, 2**62)) + bytes(64),
    "too little": header((4,)) + bytes(64),
    "items of no size": header((2**40,), "|V0"),
    "negative sides": header((-4, -4)) + bytes(64),
    "wide items": header((1,), ("<f4", (2**38,))) + bytes(64),
    "objects": header((2,), "|O") + bytes(16),
    "no header": b"hello",
    "a header cut off": header((4,))[:40],
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_headers_that_claim_other_things_are_refused(claim, tmp_path, monkeypatch):
    archive(tmp_path / "a.npz", x=CLAIMS[claim])
    (tmp_path / "a.npy").write_bytes(CLAIMS[claim])

    def reads(*args, **kwargs):
        pytest.fail("memory was taken")

    monkeypatch.setattr(np.lib.format, "read_array", reads)
    for read, name in ((read_npz, "a.npz"), (read_npy, "a.npy")):
        with pytest.raises(ValueError):
            read(tmp_path / name)


@pytest.mark.parametrize("parts", [1, 8])
def test_bombs_are_refused_alone_and_together(parts, tmp_path):
    bomb = header((2**27 // parts,), "|u1") + bytes(2**27 // parts)
    members = {f"x{part}": bomb for part in range(parts)}
    path = archive(tmp_path / "a.npz", zipfile.ZIP_DEFLATED, **members)
    assert os.path.getsize(path) < 2**18
    with pytest.raises(ValueError, match="asks for 134,.* bytes of memory, and may ask for 67,"):
        read_npz(path)


def test_damaged_numbers_are_found(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(100))
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    whole[300] ^= 1
    (tmp_path / "a.npz").write_bytes(whole)
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        read_npz(tmp_path / "a.npz")


def test_other_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ValueError, match="not a regular file"):
            read_npz(path)
    with pytest.raises(ValueError, match="no array 'y'"):
        read_npz(archive(tmp_path / "a.npz", x=header((0,))), ["y"])
    archive(tmp_path / "a.npz", x=header((0,)), y=header((0,)))
    damaged = (tmp_path / "a.npz").read_bytes().replace(b"y.npy", b"y.nqy")
    (tmp_path / "a.npz").write_bytes(damaged)
    with pytest.raises(ValueError, match="members that are no arrays"):
        read_npz(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="packed in a way"):
        read_npz(archive(tmp_path / "a.npz", zipfile.ZIP_LZMA, x=header((0,))))
