"""Backups are whole or not there, whatever happens while they are written or afterwards."""

import errno
import io
import json
import os
import resource
import zipfile

import numpy as np
import pytest

from keras_tsvae.saving import backup_folder
from keras_tsvae.saving.backup_folder import BackupFolder, read
from keras_tsvae.saving.nested import packed, unpacked

pytestmark = pytest.mark.backend_free

ARRAYS = {
    "weights/0": np.arange(3000, dtype="float32").reshape(30, 100),
    "weights/1": np.asfortranarray(np.ones((2, 3), "uint32")),
    "number": np.array(3.5),
    "none": np.zeros((0, 4), "int64"),
}


@pytest.fixture
def folder(tmp_path):
    return BackupFolder(tmp_path / "backups", keep=2)


def check_newest(folder, number):
    path, manifest, arrays = folder.newest()
    assert manifest == {"number": number} and path.name == f"{number:06}.backup"
    assert arrays.keys() == ARRAYS.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.dtype == ARRAYS[name].dtype


def write(folder, number):
    return folder.write({"number": number}, ARRAYS)


def test_the_newest_are_kept(folder):
    assert folder.newest() is None
    for number in (1, 2, 3, 4):
        write(folder, number)
        check_newest(folder, number)
    assert [path.name for path in folder.paths()] == ["000004.backup", "000003.backup"]
    folder.write({"number": 5}, ARRAYS, alone=True)
    assert [path.name for path in folder.paths()] == ["000005.backup"]


def test_a_damaged_backup_is_found_and_the_one_before_is_used(folder):
    write(folder, 1)
    path = write(folder, 2)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in [0, 20, *rng.integers(len(whole), size=40)]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << rng.integers(8)
        for bytes_there in (bytes(flipped), whole[:place], whole + b"\0"):
            path.write_bytes(bytes_there)
            check_newest(folder, 1)
            assert folder.damaged == [path]
    write(folder, 3)  # in its place
    assert [path.name for path in folder.paths()] == ["000002.backup", "000001.backup"]


def test_what_follows_an_older_backup_takes_the_place_of_newer_ones(folder):
    """As where another process has not written the newest one."""
    for number in (1, 2):
        write(folder, number)
    path, manifest, _ = folder.newest(at_most=1)
    assert manifest == {"number": 1} and folder.number == 1
    folder.write({"number": 2}, ARRAYS)
    check_newest(folder, 2)
    assert len(folder.paths()) == 2 and folder.number == 2


def test_what_cannot_be_removed_stays_for_the_next_time(folder, monkeypatch):
    for number in (1, 2):
        write(folder, number)
    (folder.folder / "000099.backup").mkdir()  # which is none of ours
    unlink = os.unlink

    def refuse(path):
        if path.name.startswith("0"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        unlink(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        check_newest(folder, 2)
        write(folder, 3)
        check_newest(folder, 3)
        assert len(folder.paths()) == 3
    write(folder, 4)
    assert [path.name for path in folder.paths()] == ["000004.backup", "000003.backup"]


@pytest.mark.parametrize("others, number", [([2, 2], 2), ([1, 1], 1), ([0, 0], None)])
def test_processes_go_on_from_what_all_of_them_have(others, number, folder, monkeypatch):
    for each in (1, 2):
        write(folder, each)
    others = iter(others)
    monkeypatch.setattr(backup_folder, "gather", lambda mine: [mine, np.array([next(others)])])
    found = folder.newest_of_all()
    assert (found and found[1]["number"]) == number


def calls(monkeypatch, names):
    """Lets system calls fail from the one of this number on; returns how to say which."""
    state = {"left": None}

    def failing(call):
        def wrapped(*args, **kwargs):
            if state["left"] is not None:
                state["left"] -= 1
                if state["left"] < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*args, **kwargs)

        return wrapped

    for name in names:
        monkeypatch.setattr(os, name, failing(getattr(os, name)))
    return state


def test_each_fsync_and_rename_may_fail(folder, monkeypatch):
    """A usable backup remains, and nothing half-written."""
    state = calls(monkeypatch, ("fsync", "replace", "open"))
    write(folder, 1)
    newest = 1
    for number in range(20):
        state["left"] = number
        try:
            write(folder, newest + 1)
        except OSError as error:
            assert error.errno == errno.ENOSPC
        else:
            assert number == 5  # open, fsync, replace, and open, fsync of the folder
            break
        finally:
            state["left"] = None
        there = [int(path.name[:6]) for path in folder.paths()]
        newest = max(there)
        check_newest(folder, newest)
        assert sorted(os.listdir(folder.folder)) == [f"{n:06}.backup" for n in sorted(there)]
    check_newest(folder, newest + 1)


def test_each_write_may_fail(folder):
    """The disk is full after any number of bytes."""
    length = write(folder, 1).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in [0, 1, 80, 84, 200, *range(1000, length, 1500), length - 1]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            with pytest.raises(OSError):
                write(folder, 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        check_newest(folder, 1)
        assert os.listdir(folder.folder) == ["000001.backup"]
    write(folder, 2)
    check_newest(folder, 2)


def written(path, members, compression=zipfile.ZIP_STORED):
    """Writes a backup with a right checksum whose members are these bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    content.seek(0)
    digest = backup_folder._digest(content)
    path.write_bytes(backup_folder._MAGIC + digest + content.getvalue())
    return path


def npy(array, **kwargs):
    file = io.BytesIO()
    np.save(file, array, **kwargs)
    return file.getvalue()


@pytest.mark.parametrize(
    "members, compression",
    [
        ({"manifest.json": "{"}, zipfile.ZIP_STORED),
        ({"a.npy": npy(np.ones(3))}, zipfile.ZIP_STORED),
        ({"manifest.json": "{}", "a.npy": b"\x93NUMPY"}, zipfile.ZIP_STORED),
        ({"manifest.json": "{}" * 10**6}, zipfile.ZIP_DEFLATED),
        (
            {
                "manifest.json": "{}",
                "a.npy": npy(np.ones(3)).replace(b"(3,), }" + b" " * 12, b"(3999999999999,), }"),
            },
            zipfile.ZIP_STORED,
        ),
        (
            {"manifest.json": "{}", "a.npy": npy(np.array([os.getpid]), allow_pickle=True)},
            zipfile.ZIP_STORED,
        ),
    ],
)
def test_what_a_file_claims_is_not_believed(members, compression, tmp_path):
    """Neither sizes, nor objects to be unpickled, though the checksum fits."""
    path = written(tmp_path / "000001.backup", members, compression)
    with pytest.raises(ValueError, match="A backup must be as it was written.*000001.backup"):
        read(path)


def test_nested_values_come_back_as_they_were():
    value = {"a": [1, 2.5, None, True, "x", np.arange(3)], "b": {"c": (np.float32(0.1), [])}}
    arrays = {}
    found = unpacked(json.loads(json.dumps(packed(value, arrays, "v"))), arrays)
    assert found["a"][:5] == value["a"][:5] and found["b"]["c"] == [float(np.float32(0.1)), []]
    np.testing.assert_array_equal(found["a"][5], np.arange(3))
    with pytest.raises(TypeError, match="v/a must hold numbers, str and arrays.*function"):
        packed({"a": len}, {}, "v")
