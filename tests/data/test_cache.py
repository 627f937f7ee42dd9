import concurrent.futures
import errno
import json
import os
import pathlib
import re
import shutil
import threading

import numpy as np
import pytest

from keras_tsvae.data import cache, pictures
from tests.data import faces
from tests.data.test_celeba import as_zip, expected


@pytest.fixture
def decodings(monkeypatch):
    """Counts the pictures that are decoded."""
    counted, decode = [], pictures.decode

    def counting(data, name, *rest):
        counted.append(name)
        return decode(data, name, *rest)

    monkeypatch.setattr(pictures, "decode", counting)
    return counted


@pytest.fixture
def only_cache(caches):
    """Returns the one cache there is, and checks that nothing else is there."""

    def only():
        (path,) = caches.iterdir()
        assert not path.name.startswith(".")
        return path

    return only


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def touch(path):
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


def test_a_second_call_decodes_nothing(celeba_dir, decodings, monkeypatch):
    first = faces.load(celeba_dir)
    assert len(decodings) == 6
    monkeypatch.setattr(pictures, "decode", None)
    second = faces.load(celeba_dir)
    for part in cache.PARTS:
        for name in ("images", "labels"):
            arrays = [getattr(getattr(data, part), name) for data in (first, second)]
            np.testing.assert_array_equal(*arrays)
            assert arrays[0].dtype == arrays[1].dtype
    assert second.label_names == faces.ATTRIBUTES
    assert second.train.flip_in_training


def test_options_have_caches_of_their_own(celeba_dir, decodings):
    for options in ({}, {"crop": "140"}, {"image_size": 4}, {"limit": 1}):
        faces.load(celeba_dir, **options)
    assert len(decodings) == 6 + 6 + 6 + 3
    faces.load(celeba_dir)
    faces.load(celeba_dir, limit=1)
    assert len(decodings) == 21


def test_any_change_of_a_source_renews_the_whole_cache(celeba_dir, decodings, only_cache):
    faces.load(celeba_dir)
    used = [faces.picture_path(celeba_dir, 2), *celeba_dir.glob("*.txt")]
    assert len(used) == 3
    for count, path in enumerate(used, start=2):
        touch(path)
        faces.load(celeba_dir)
        assert len(decodings) == 6 * count
    size = used[0].stat()
    used[0].write_bytes(faces.encoded(faces.picture(9)))
    os.utime(used[0], ns=(size.st_atime_ns, size.st_mtime_ns))  # the size alone has changed
    assert used[0].stat().st_size != size.st_size
    loaded = faces.load(celeba_dir)
    assert len(decodings) == 30
    np.testing.assert_array_equal(loaded.train.images[1], expected(9))
    only_cache()


@pytest.mark.parametrize("zipped", [False, True])
def test_other_content_of_the_same_size_and_time_renews_the_cache(zipped, celeba_dir):
    for index in range(6):
        path = faces.picture_path(celeba_dir, index)
        path.write_bytes(faces.encoded(faces.picture(index), "BMP"))
    source = as_zip(celeba_dir) if zipped else faces.picture_path(celeba_dir, 4)
    before = faces.load(celeba_dir).train.images[0].copy()
    stat, content = source.stat(), bytearray(source.read_bytes())
    pixels = bytes(faces.encoded(faces.picture(4), "BMP"))
    start = content.index(pixels)
    if zipped:
        shutil.rmtree(celeba_dir)
        faces.write(celeba_dir)
        for index in range(6):
            number = 9 if index == 4 else index
            path = faces.picture_path(celeba_dir, index)
            path.write_bytes(faces.encoded(faces.picture(number), "BMP"))
        as_zip(celeba_dir)
    else:
        content[start : start + len(pixels)] = faces.encoded(faces.picture(9), "BMP")
        source.write_bytes(content)
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (source.stat().st_size, source.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert (faces.load(celeba_dir).train.images[0] != before).any()


def test_pictures_that_are_not_used_do_not_matter(celeba_dir, decodings):
    faces.load(celeba_dir, limit=1)
    touch(faces.picture_path(celeba_dir, 0))  # the last of its part
    faces.load(celeba_dir, limit=1)
    assert len(decodings) == 3


def test_a_changed_zip_renews_the_cache(celeba_dir, decodings):
    path = as_zip(celeba_dir)
    faces.load(celeba_dir)
    faces.load(celeba_dir)
    assert len(decodings) == 6
    touch(path)
    faces.load(celeba_dir)
    assert len(decodings) == 12


def halve(path):
    os.truncate(path, path.stat().st_size // 2)


DAMAGES = {
    "removed": pathlib.Path.unlink,
    "truncated": halve,
    "empty": lambda path: path.write_bytes(b""),
    "other": lambda path: path.write_bytes(b"x" * 2000),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", ["train.npy", "test_labels.npy", "meta.json"])
def test_a_damaged_cache_is_written_anew(damage, name, celeba_dir, decodings, only_cache):
    faces.load(celeba_dir)
    whole = contents(only_cache())
    damage(only_cache() / name)
    loaded = faces.load(celeba_dir)
    assert len(decodings) == 12
    assert contents(only_cache()) == whole
    np.testing.assert_array_equal(loaded.train.images[0], expected(4))


def another_dtype(path):
    path.write_bytes(re.sub(rb"'\|[ui]1'", b"'|b1'", path.read_bytes()))


def another_shape(path):
    path.write_bytes(path.read_bytes().replace(b"(3, 8, 8, 3)", b"(3, 8, 4, 3)"))


def longer(path):
    path.write_bytes(path.read_bytes() + b"more")


def as_list(path):
    path.write_text(json.dumps([path.read_text()]))


DISGUISES = {
    "dtype": (another_dtype, "train.npy"),
    "labels' dtype": (another_dtype, "train_labels.npy"),
    "shape": (another_shape, "train.npy"),
    "length": (longer, "train.npy"),
    "zip": (lambda path: path.write_bytes(b"PK\3\4" + bytes(200)), "test_labels.npy"),
    "list": (as_list, "meta.json"),
}


@pytest.mark.parametrize("damage, name", DISGUISES.values(), ids=DISGUISES)
def test_a_cache_that_can_be_read_and_is_wrong_is_written_anew(
    damage, name, celeba_dir, decodings, only_cache
):
    faces.load(celeba_dir)
    whole = contents(only_cache())
    damage(only_cache() / name)
    assert contents(only_cache()) != whole
    faces.load(celeba_dir)
    assert len(decodings) == 12 and contents(only_cache()) == whole


def test_bits_may_flip_in_headers(celeba_dir, only_cache):
    loaded = faces.load(celeba_dir)
    expected = [loaded.train.images.copy(), loaded.train.labels.copy()]
    folder = only_cache()
    for name in ("train.npy", "train_labels.npy", "meta.json"):
        for place in range(0, min(128, (folder / name).stat().st_size), 13):
            content = bytearray((folder / name).read_bytes())
            content[place] ^= 1 << place % 8
            (folder / name).write_bytes(content)
            train = faces.load(celeba_dir).train
            np.testing.assert_array_equal(train.images, expected[0])
            np.testing.assert_array_equal(train.labels, expected[1])


@pytest.mark.parametrize("names", [["train"], ["train_labels"], ["train", "train_labels"]])
def test_a_cache_of_other_counts_is_written_anew(names, celeba_dir, decodings, only_cache):
    faces.load(celeba_dir)
    whole = contents(only_cache())
    for name in names:
        path = only_cache() / f"{name}.npy"
        np.save(path, np.load(path)[:2])  # a whole file of fewer rows
    loaded = faces.load(celeba_dir)
    assert len(loaded.train) == 3 and len(decodings) == 12
    assert contents(only_cache()) == whole


def test_caches_of_another_version_are_written_anew(celeba_dir, decodings, monkeypatch):
    faces.load(celeba_dir)
    monkeypatch.setattr(cache, "_VERSION", cache._VERSION + 1)
    faces.load(celeba_dir)
    assert len(decodings) == 12


def test_files_are_plain_npy_of_any_number_of_chunks(celeba_dir, monkeypatch, only_cache):
    monkeypatch.setattr(pictures, "_CHUNK_IMAGES", 2)
    faces.load(celeba_dir)
    path = only_cache()
    assert {file.name for file in path.iterdir()} == {
        *(f"{part}{kind}.npy" for part in cache.PARTS for kind in ("", "_labels")),
        "meta.json",
    }
    np.testing.assert_array_equal(np.load(path / "train.npy"), [expected(i) for i in (4, 2, 0)])
    assert json.loads((path / "meta.json").read_text())["label_names"] == list(faces.ATTRIBUTES)


def test_progress_counts_chunks(celeba_dir, monkeypatch, capsys):
    monkeypatch.setattr(pictures, "_CHUNK_IMAGES", 2)
    faces.load(celeba_dir, verbose=1)
    assert "4/4" in capsys.readouterr().out  # 3, 1 and 2 pictures in chunks of 2
    faces.load(celeba_dir, verbose=1)
    faces.load(celeba_dir, image_size=4, verbose=0)
    assert capsys.readouterr().out == ""


def test_place_and_size_are_told_before_decoding(celeba_dir, caches, capsys):
    faces.picture_path(celeba_dir, 0).write_bytes(b"broken")
    with pytest.raises(ValueError, match="000001.jpg"):
        faces.load(celeba_dir, image_size=100, verbose=1)
    place = cache.place("celeba-100-128", celeba_dir, None)
    assert f"kept in {str(place)!r} (0.2 MB)" in capsys.readouterr().out
    assert place.parent == caches


def test_chunks_are_bounded():
    assert pictures.chunk_rows(64 * 64 * 3) == 1024
    assert pictures.chunk_rows(1024 * 1024 * 3) * 1024 * 1024 * 3 <= 2**24
    assert pictures.chunk_rows(2**30) == 1


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
