"""Caches that cannot be written, and several that are written at once."""

import concurrent.futures
import errno
import os
import pathlib
import shutil
import threading

import numpy as np
import pytest

from keras_tsvae.data import cache, pictures
from tests.data import faces
from tests.data.test_celeba import expected

pytestmark = pytest.mark.backend_free


def touch(path):
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_a_corrupt_picture_midway_leaves_the_older_cache(celeba_dir, monkeypatch, only_cache):
    monkeypatch.setattr(pictures, "_CHUNK_IMAGES", 1)
    faces.load(celeba_dir)
    whole = contents(only_cache())
    faces.picture_path(celeba_dir, 2).write_bytes(b"broken")
    with pytest.raises(ValueError, match="000003.jpg"):
        faces.load(celeba_dir)
    assert contents(only_cache()) == whole


def test_many_loads_at_once_all_succeed(celeba_dir, only_cache):
    start = threading.Barrier(4)

    def load(_):
        for size in range(4, 14):
            start.wait()
            faces.load(celeba_dir, image_size=8, cache_dir=celeba_dir / f"caches{size}")
            loaded = faces.load(celeba_dir, image_size=8)
            np.testing.assert_array_equal(loaded.train.images[0], expected(4))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(load, range(4)))
    only_cache()
    for folder in celeba_dir.glob("caches*"):
        assert [path.name[:6] for path in folder.iterdir()] == ["celeba"]


def test_the_cache_of_a_process_that_was_faster_is_used(celeba_dir, monkeypatch, only_cache):
    append, inner = cache._append, []

    def appending(file, images):
        append(file, images)
        if not inner:
            inner.append(True)
            faces.load(celeba_dir)  # from beginning to end while the outer one writes
            inner.append((only_cache_path(), os.stat(only_cache_path()).st_ino))

    def only_cache_path():
        return cache.place("celeba-8-128", celeba_dir, None)

    monkeypatch.setattr(cache, "_append", appending)
    loaded = faces.load(celeba_dir)
    np.testing.assert_array_equal(loaded.train.images[0], expected(4))
    assert inner[1] == (only_cache(), os.stat(only_cache()).st_ino)


def test_a_cache_that_is_replaced_as_soon_as_it_is_written_is_written_again(
    celeba_dir, monkeypatch
):
    write, calls = cache._write, []

    def written_and_lost(folder, *args):
        write(folder, *args)
        calls.append(folder)
        if len(calls) == 1:
            shutil.rmtree(folder)

    monkeypatch.setattr(cache, "_write", written_and_lost)
    assert len(faces.load(celeba_dir).train) == 3 and len(calls) == 2


def full_disk(monkeypatch, after):
    append, calls = cache._append, []

    def appending(file, images):
        calls.append(file.name)
        if len(calls) > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(file, images)

    monkeypatch.setattr(cache, "_append", appending)


@pytest.mark.parametrize("after", [0, 2])
def test_a_full_disk_leaves_the_older_cache(after, celeba_dir, monkeypatch, only_cache):
    faces.load(celeba_dir)
    whole = contents(only_cache())
    touch(faces.picture_path(celeba_dir, 2))
    full_disk(monkeypatch, after)
    with pytest.raises(OSError, match="No space left on device.*`cache_dir=`") as caught:
        faces.load(celeba_dir)
    assert caught.value.errno == errno.ENOSPC
    assert str(only_cache()) in str(caught.value)
    assert contents(only_cache()) == whole


def test_a_full_disk_leaves_nothing_of_a_first_cache(celeba_dir, caches, monkeypatch):
    full_disk(monkeypatch, after=1)
    with pytest.raises(OSError, match="No space left"):
        faces.load(celeba_dir)
    assert not list(caches.iterdir())


def test_a_folder_that_cannot_be_made(celeba_dir, caches, tmp_path, monkeypatch):
    caches.parent.mkdir()
    caches.write_text("mine")
    with pytest.raises(OSError, match="keras_tsvae/pictures/celeba-8-128.*`cache_dir=`"):
        faces.load(celeba_dir)
    assert caches.read_text() == "mine"
    faces.load(celeba_dir, cache_dir=tmp_path / "deep" / "elsewhere")

    def refuse(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "mkdir", refuse)
    with pytest.raises(PermissionError, match="refused/celeba-8-128.*Permission denied"):
        faces.load(celeba_dir, cache_dir=tmp_path / "refused")


def test_a_file_in_the_place_of_the_cache_is_told_before_decoding(
    celeba_dir, decodings, only_cache
):
    faces.load(celeba_dir)
    path = only_cache()
    shutil.rmtree(path)
    path.write_text("mine")
    with pytest.raises(OSError, match="celeba-8-128.*a file in its place"):
        faces.load(celeba_dir)
    assert path.read_text() == "mine" and len(decodings) == 6


def test_one_cache_dir_serves_several_data_folders(celeba_dir, caches, tmp_path, decodings):
    other = faces.write(tmp_path / "other")
    for _ in range(2):
        for folder in (celeba_dir, other):
            faces.load(folder, cache_dir=tmp_path / "caches")
    assert len(decodings) == 12
    assert len(list((tmp_path / "caches").iterdir())) == 2
    assert not caches.exists()


def test_loaded_images_outlive_their_cache(celeba_dir):
    old = faces.load(celeba_dir)
    faces.picture_path(celeba_dir, 4).write_bytes(faces.encoded(faces.picture(9)))
    new = faces.load(celeba_dir)
    for data, index in ((old, 4), (new, 9)):
        ((images, _),) = data.train.tf_dataset(3).as_numpy_iterator()
        np.testing.assert_array_equal(images[0], expected(index))
