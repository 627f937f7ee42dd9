import os
import struct
import zipfile

import pytest

from keras_tsvae.files import cache_folder
from tests.data import faces
from tests.data.test_celeba import as_zip

pytestmark = pytest.mark.backend_free

LINES = [f"{faces.name(index)} {part}" for index, part in enumerate(faces.PARTS)]


def fails(folder, *words):
    """Checks the message, and that nothing is left of a cache or written among the pictures."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(ValueError) as caught:
        faces.load(folder)
    for word in words:
        assert word in str(caught.value)
    caches = cache_folder("pictures")
    assert sorted(folder.rglob("*")) == before and not (caches.exists() and os.listdir(caches))


def half(data):
    return data[: len(data) // 2]


BROKEN = {
    "truncated": half(faces.encoded(faces.picture(2))),
    "cut at the end": faces.encoded(faces.picture(2))[:-1],
    "empty": b"",
    "text": b"not a picture",
    "size": faces.encoded(faces.picture(2, (178, 217))),
    "format": faces.encoded(faces.picture(2), "PPM"),
    "png": half(faces.encoded(faces.picture(2), "PNG")),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_broken_pictures_are_named(broken, celeba_dir):
    path = faces.picture_path(celeba_dir, 2)
    path.write_bytes(broken)
    fails(celeba_dir, str(path), "Received: ")


def test_a_wrong_size_is_told(celeba_dir):
    faces.picture_path(celeba_dir, 2).write_bytes(BROKEN["size"])
    fails(celeba_dir, "must be 178x218, but is 178x217")


def test_a_folder_in_the_place_of_a_picture_is_named(celeba_dir):
    path = faces.picture_path(celeba_dir, 2)
    path.unlink()
    path.mkdir()
    fails(celeba_dir, str(path), "cannot be read")


PARTITIONS = {
    "value": (LINES[:2] + ["000003.jpg 3"], "Line 3", "must be `NAME 0`", "000003.jpg 3"),
    "word": (["000001.jpg zero"], "Line 1", "must be `NAME 0`"),
    "no value": (LINES[:2] + ["000003.jpg"], "Line 3", "must be `NAME 0`"),
    "blank lines count": (["", LINES[0], "", "x"], "Line 4", "must be `NAME 0`"),
    "twice": (LINES + [LINES[1]], "Line 7", "twice", "000002.jpg"),
    "missing": (LINES[:1] + ["000009.jpg 1"], "Line 2", "000009.jpg", "not there"),
    "elsewhere": (["../a.jpg 0"], "Line 1", "without a folder", "../a.jpg"),
    "empty": ([], "must list pictures"),
}


@pytest.mark.parametrize(
    "lines, words", [(v[0], v[1:]) for v in PARTITIONS.values()], ids=PARTITIONS
)
def test_a_broken_partition_list_is_named(lines, words, celeba_dir):
    faces.write_partition(celeba_dir, lines)
    fails(celeba_dir, str(celeba_dir / "list_eval_partition.txt"), *words)


def replaced(row, column, value):
    values = faces.VALUES.tolist()
    values[row][column] = value
    return values


ATTRIBUTES = {
    "value": (dict(values=replaced(3, 7, 0)), "Line 6", "values of 1 and -1", "'0'"),
    "word": (dict(values=replaced(0, 0, "x")), "Line 3", "values of 1 and -1", "'x'"),
    "number": (dict(values=replaced(3, 7, "")), "Line 6", "40 values", "'39 values'"),
    "count": (dict(values=faces.VALUES, count=7), "must have 7 rows", "Received: 6 rows"),
    "no count": (dict(values=faces.VALUES, count="many"), "must start with", "'many'"),
    "missing": (dict(values=faces.VALUES[:5]), "must have a row for '000006.jpg'"),
    "twice": (
        dict(values=faces.VALUES, count=7, extra=["000002.jpg" + " 1" * 40]),
        "Line 9",
        "twice",
        "000002.jpg",
    ),
}


@pytest.mark.parametrize(
    "lists, words", [(v[0], v[1:]) for v in ATTRIBUTES.values()], ids=ATTRIBUTES
)
def test_a_broken_attribute_list_is_named(lists, words, celeba_dir):
    faces.write_attributes(celeba_dir, **lists)
    fails(celeba_dir, str(celeba_dir / "list_attr_celeba.txt"), *words)


TABLES = {
    "value": ("attr_celeba", "000003.jpg,", "000003.jpg,1,", "Line 4", "'41 values'"),
    "word": ("attr_celeba", ",-1", ",-2", "values of 1 and -1", "'-2'"),
    "no header": ("attr_celeba", "image_id,", "1,1,", "Line 1", "header of the attributes' names"),
    "missing": ("attr_celeba", "000003.jpg,", "000009.jpg,", "must have a row for '000003.jpg'"),
    "part": ("eval_partition", "000003.jpg,0", "000003.jpg,3", "Line 5", "must be `NAME 0`"),
    "no part": ("eval_partition", "000003.jpg,0", "000003.jpg", "Line 5", "must be `NAME 0`"),
    "first part": ("eval_partition", "image_id,partition", "a.jpg,3", "Line 1", "`NAME 0`"),
}


@pytest.mark.parametrize(
    "kind, old, new, words", [(*v[:3], v[3:]) for v in TABLES.values()], ids=TABLES
)
def test_a_broken_table_is_named(kind, old, new, words, celeba_dir):
    path = faces.as_kaggle(celeba_dir) / f"list_{kind}.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    fails(celeba_dir, str(path), *words)


@pytest.mark.parametrize("name", ["list_attr_celeba.txt", "list_eval_partition.txt"])
def test_lists_that_are_no_text_are_named(name, celeba_dir):
    (celeba_dir / name).write_bytes(b"\xff\xfe\x00" * 20)
    fails(celeba_dir, str(celeba_dir / name), "must be a text file")


def test_a_file_that_is_no_zip_is_named(celeba_dir):
    path = as_zip(celeba_dir)
    whole = path.read_bytes()
    for broken in (b"", b"text", half(whole)):
        path.write_bytes(broken)
        fails(celeba_dir, str(path), "must be a zip file")


def test_a_damaged_member_is_named(celeba_dir):
    path = as_zip(celeba_dir)
    whole = bytearray(path.read_bytes())
    start = whole.index(faces.encoded(faces.picture(2)))
    whole[start + 500] ^= 255
    path.write_bytes(whole)
    fails(celeba_dir, f"{path}/img_align_celeba/000003.jpg", "CRC")


def test_an_encrypted_zip_is_refused(celeba_dir):
    path = as_zip(celeba_dir)
    whole = bytearray(path.read_bytes())
    start = whole.index(b"PK\x01\x02")  # the first entry of the central directory
    whole[start + 8 : start + 10] = struct.pack("<H", 1)
    path.write_bytes(whole)
    fails(celeba_dir, str(path), "must not be encrypted", "img_align_celeba/")


@pytest.mark.parametrize("name", ["/etc/passwd", "../a.jpg", "a/../../b.jpg", "..\\a.jpg", "C:/a"])
def test_a_zip_that_reaches_out_is_refused(name, celeba_dir):
    path = as_zip(celeba_dir)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"")
    fails(celeba_dir, str(path), "stay within", repr(name))


def test_a_zip_without_a_listed_picture(celeba_dir):
    path = as_zip(celeba_dir)
    faces.write_partition(celeba_dir, [*LINES, "000009.jpg 0"])
    fails(celeba_dir, "Line 7", "list_eval_partition.txt", str(path), "000009.jpg")
