import json
import os
import pathlib
import re
import shutil

import numpy as np
import pytest

from keras_tsvae.data import cache, pictures
from tests.data import faces
from tests.data.test_celeba import as_zip, expected

pytestmark = pytest.mark.backend_free


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
