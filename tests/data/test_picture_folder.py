"""One search and one decoder, whoever asks for a folder of pictures."""

import os
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from keras_tsvae import data
from keras_tsvae.data import picture_folder
from keras_tsvae.data.picture_folder import find_pictures, picture_batches
from keras_tsvae.metrics.sources import source_batches
from tests.data import faces

pytestmark = pytest.mark.backend_free


def write(path, image, kind="PNG", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(faces.encoded(image, kind, **options))


def colour(number, size=(8, 8)):
    return faces.picture(number, size)


def by_metrics(folder):
    return np.concatenate(list(source_batches(folder)))


def by_image_folder(folder, channels=3):
    """Returns the pictures as `image_folder` decodes them, in the order of their paths."""
    options = dict(image_size=8, channels=channels, validation_fraction=0, test_fraction=0)
    loaded = data.load("image_folder", folder, verbose=0, **options)
    images = np.empty_like(loaded.train.images)
    images[np.random.default_rng(0).permutation(len(images))] = loaded.train.images
    return images, loaded.label_names


def test_both_doors_find_and_read_the_same(tmp_path):
    folder = tmp_path / "pictures"
    for number, name in enumerate(["b/2.PNG", "b/deep/er/1.png", "a/3.png", "0.png"]):
        write(folder / name, colour(number))
    write(tmp_path / "outside" / "9.png", colour(9))
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "linked" / "round").symlink_to(folder)
    (folder / "a" / "self").symlink_to(folder / "a" / "self")
    (folder / "a" / "file.png").symlink_to(tmp_path / "outside" / "9.png")
    (folder / "a" / "folder.png").mkdir()
    for name in (
        ".hidden.png",
        "a/._3.png",
        "a/.DS_Store",
        "b/.ipynb_checkpoints/2-checkpoint.png",
        "__MACOSX/b/2.png",
        "$RECYCLE.BIN/$R1.png",
        "a/@eaDir/3.png/SYNOPHOTO_THUMB_M.png",
        "keras_tsvae_cache/1.png",
        "notes.txt",
        "b/png",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("not a picture")
    found = ["0.png", "a/3.png", "a/file.png", "b/2.PNG", "b/deep/er/1.png", "linked/9.png"]
    assert [path.as_posix() for path in find_pictures(folder, "x")] == found
    images, names = by_image_folder(folder)
    np.testing.assert_array_equal(images, by_metrics(folder))
    np.testing.assert_array_equal(images[3], np.asarray(colour(0)))
    assert names == ("a", "b", "linked", "pictures")


def test_a_folder_counts_in_its_own_place_and_not_in_a_links(tmp_path):
    write(tmp_path / "cats" / "1.png", colour(1))
    (tmp_path / "a_link").symlink_to(tmp_path / "cats")
    assert [path.as_posix() for path in find_pictures(tmp_path, "x")] == ["cats/1.png"]


def test_pipes_are_not_read(tmp_path):
    write(tmp_path / "1.png", colour(1))
    os.mkfifo(tmp_path / "2.png")
    assert len(find_pictures(tmp_path, "x")) == 1


def test_folders_that_cannot_be_read_are_left_out_with_a_warning(tmp_path, monkeypatch):
    write(tmp_path / "a" / "1.png", colour(1))
    write(tmp_path / "lost+found" / "2.png", colour(2))
    scandir = os.scandir

    def refusing(path):
        if refused in os.fspath(path):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    refused = "lost+found"
    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.warns(UserWarning, match="`images` is left out: .*Permission denied.*lost.found"):
        np.testing.assert_array_equal(by_metrics(tmp_path), [np.asarray(colour(1))])
    with pytest.warns(UserWarning, match="`data_dir` is left out: .*lost.found"):
        assert by_image_folder(tmp_path)[1] == ("a",)
    refused = str(tmp_path)
    with pytest.raises(ValueError, match="`x` must be a folder that can be read"):
        find_pictures(tmp_path, "x")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_pictures_everywhere(orientation, kind, tmp_path):
    image = colour(0)
    turned = {
        1: lambda x: x,
        2: lambda x: x[:, ::-1],
        3: lambda x: x[::-1, ::-1],
        4: lambda x: x[::-1],
        5: lambda x: x.transpose(1, 0, 2),
        6: lambda x: np.rot90(x, -1),
        7: lambda x: x.transpose(1, 0, 2)[::-1, ::-1],
        8: lambda x: np.rot90(x),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"WEBP": {"lossless": True}}.get(kind, {})
    write(tmp_path / "1.png", image, kind, exif=exif, **options)
    write(tmp_path / "plain" / "1.png", image, kind, **options)
    (plain,) = by_metrics(tmp_path / "plain")
    (result,) = by_metrics(tmp_path)[:1]
    np.testing.assert_array_equal(result, turned(plain))
    np.testing.assert_array_equal(by_image_folder(tmp_path)[0][0], result)


def test_a_damaged_exif_tag_counts_as_none(tmp_path, monkeypatch):
    def fail(self):
        raise SyntaxError("broken")

    write(tmp_path / "1.png", colour(0))
    monkeypatch.setattr(Image.Image, "getexif", fail)
    np.testing.assert_array_equal(by_metrics(tmp_path), [np.asarray(colour(0))])


def test_kinds_of_pictures_are_read_alike(tmp_path):
    image = colour(0)
    grey, translucent = image.convert("L"), image.copy()
    translucent.putalpha(100)
    deep = Image.fromarray(np.asarray(grey).astype("uint16") * 257)
    files = {
        "alpha.png": translucent,
        "bit.png": image.convert("1"),
        "cmyk.tif": image.convert("CMYK"),
        "deep.png": deep,
        "grey.png": grey,
        "greyalpha.png": translucent.convert("LA"),
        "palette.png": image.quantize(16),
    }
    for name, picture in files.items():
        write(tmp_path / name, picture, "TIFF" if name.endswith("tif") else "PNG")
    images = by_metrics(tmp_path)
    assert images.shape == (7, 8, 8, 3)  # grey ones among them
    np.testing.assert_array_equal(by_image_folder(tmp_path)[0], images)
    np.testing.assert_array_equal(images[0], np.asarray(image))
    for index in (3, 4, 5):
        np.testing.assert_array_equal(images[index], np.asarray(grey.convert("RGB")))


def test_a_folder_is_grey_if_all_its_pictures_are(tmp_path):
    for number, kind in enumerate(["L", "1", "LA"]):
        write(tmp_path / f"{number}.png", colour(number).convert(kind))
    images = by_metrics(tmp_path)
    assert images.shape == (3, 8, 8, 1)
    np.testing.assert_array_equal(images, by_image_folder(tmp_path, channels=1)[0])
    (rgb,) = picture_batches(tmp_path, channels=3)
    np.testing.assert_array_equal(rgb, np.repeat(images, 3, -1))
    (tmp_path / "3.png").write_bytes(b"broken")
    with pytest.raises(ValueError, match="3.png"):
        by_metrics(tmp_path)


def test_batches_end_at_a_number_of_bytes(tmp_path, monkeypatch):
    for number in range(5):
        write(tmp_path / f"{number}.png", colour(number, (8, 8 if number < 4 else 9)))
    monkeypatch.setattr(picture_folder, "_BATCH_BYTES", 3 * 8 * 8 * 3)
    assert [len(batch) for batch in picture_batches(tmp_path)] == [3, 1, 1]
    assert [len(batch) for batch in source_batches(np.zeros((8, 8, 8, 3), "uint8"))] == [3, 3, 2]
    floats = np.zeros((2, 8, 8, 3), "float32")
    assert [len(batch) for batch in source_batches([floats])] == [1, 1]


def test_memory_is_that_of_a_few_batches(tmp_path, monkeypatch):
    for number in range(40):
        write(tmp_path / f"{number}.png", Image.new("RGB", (200, 200), (number, 0, 0)))
    monkeypatch.setattr(picture_folder, "_BATCH_BYTES", 5 * 200 * 200 * 3)
    tracemalloc.start()
    try:
        total = sum(len(batch) for batch in source_batches(tmp_path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 40 and peak < 25 * 200 * 200 * 3


def test_batches_of_photographs_are_small():
    photograph = 2000 * 2000 * 3
    assert picture_folder.batch_rows(photograph) * photograph <= 2**26
    assert picture_folder.batch_rows(32 * 32 * 3) == 256
    assert picture_folder.batch_rows(2**30) == 1


def test_bad_folders(tmp_path):
    with pytest.raises(ValueError, match="`x` must be a folder of pictures. Received: x='.*miss"):
        find_pictures(tmp_path / "missing", "x")
    with pytest.raises(ValueError, match="`x` must hold pictures .*with none"):
        find_pictures(tmp_path, "x")
