import io
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_tsvae import data
from tests.data import faces

# The partition list names the pictures in reverse.
ORDER = {"train": [4, 2, 0], "validation": [3], "test": [5, 1]}


def expected(index, rows=slice(45, 173), columns=slice(25, 153), size=8):
    """The crop as a slice of the decoded file, resized."""
    file = Image.open(io.BytesIO(faces.encoded(faces.picture(index))))
    cropped = Image.fromarray(np.asarray(file)[rows, columns])
    return np.asarray(cropped.resize((size, size), Image.Resampling.BILINEAR))


def as_zip(folder):
    """Packs the pictures as CelebA does, and removes the folder."""
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        archive.writestr("img_align_celeba/", b"")
        for path in sorted((folder / "img_align_celeba").iterdir()):
            archive.write(path, f"img_align_celeba/{path.name}")
    shutil.rmtree(folder / "img_align_celeba")
    return folder / "img_align_celeba.zip"


def check(loaded, **crop):
    for part, indices in ORDER.items():
        split = getattr(loaded, part)
        assert isinstance(split.images, np.memmap) and not split.images.flags.writeable
        np.testing.assert_array_equal(split.images, [expected(i, **crop) for i in indices])
        np.testing.assert_array_equal(split.labels, faces.VALUES[indices])
        assert split.labels.dtype == "int8"
    assert loaded.label_names == faces.ATTRIBUTES and loaded.name == "celeba"


def test_pictures_attributes_and_parts(celeba_dir):
    loaded = data.load("celeba", celeba_dir, image_size=8, verbose=0)
    check(loaded)
    assert loaded.image_shape == (8, 8, 3)


def test_the_other_crop_and_size(celeba_dir):
    loaded = faces.load(celeba_dir, crop="140", image_size=12)
    check(loaded, rows=slice(39, 179), columns=slice(19, 159), size=12)


def test_a_zip_gives_the_same(celeba_dir):
    as_zip(celeba_dir)
    check(faces.load(celeba_dir))
    assert not (celeba_dir / "img_align_celeba").exists()  # nothing is unpacked


def test_the_folder_wins_over_the_zip(celeba_dir):
    (celeba_dir / "img_align_celeba.zip").write_text("not a zip")
    check(faces.load(celeba_dir))


@pytest.mark.parametrize("bom", ["\ufeff", ""])
def test_kaggles_layout_gives_the_same(bom, celeba_dir):
    faces.as_kaggle(celeba_dir, bom)
    check(faces.load(celeba_dir))
    path = celeba_dir / "list_eval_partition.csv"
    path.write_text(path.read_text().replace("image_id,partition\n", ""))  # without a header
    check(faces.load(celeba_dir))


def test_a_zip_whose_folder_is_nested_gives_the_same(celeba_dir):
    faces.as_kaggle(celeba_dir)
    with zipfile.ZipFile(celeba_dir / "img_align_celeba.zip", "w") as archive:
        for path in sorted((celeba_dir / "img_align_celeba").rglob("*.jpg")):
            archive.write(path, path.relative_to(celeba_dir))
    shutil.rmtree(celeba_dir / "img_align_celeba")
    check(faces.load(celeba_dir))


def test_lists_may_begin_with_a_byte_order_mark(celeba_dir):
    for path in celeba_dir.glob("*.txt"):
        path.write_bytes(("\ufeff" + path.read_text().replace("\n", "\r\n")).encode())
    check(faces.load(celeba_dir))


def test_pictures_that_are_not_listed_are_not_used(celeba_dir):
    faces.write_partition(celeba_dir, [f"{faces.name(3)} 0", f"{faces.name(1)} 2"])
    faces.picture_path(celeba_dir, 0).write_text("not a picture")
    loaded = faces.load(celeba_dir)
    np.testing.assert_array_equal(loaded.train.images, [expected(3)])
    np.testing.assert_array_equal(loaded.train.labels, faces.VALUES[[3]])
    assert loaded.validation.images.shape == (0, 8, 8, 3)
    assert loaded.validation.labels.shape == (0, 40)
    with pytest.raises(ValueError, match="split must not be empty"):
        loaded.validation.tf_dataset()


def test_limit_comes_before_decoding(celeba_dir):
    for index in (0, 1):  # the last ones of their parts
        faces.picture_path(celeba_dir, index).write_text("not a picture")
    loaded = data.load("celeba", celeba_dir, limit=1, image_size=8, verbose=0)
    np.testing.assert_array_equal(loaded.train.images, [expected(4)])
    np.testing.assert_array_equal(loaded.test.images, [expected(5)])
    np.testing.assert_array_equal(loaded.test.labels, faces.VALUES[[5]])


def test_other_kinds_of_pictures_become_rgb(celeba_dir):
    colour = faces.picture(0)
    grey = colour.convert("L")
    translucent = colour.copy()
    translucent.putalpha(100)
    deep = Image.fromarray(np.asarray(grey).astype("uint16") * 257)
    palette = colour.quantize(16)
    files = [
        (grey, "PNG", grey.convert("RGB")),
        (palette, "PNG", palette.convert("RGB")),
        (translucent, "PNG", colour),
        (deep, "PNG", grey.convert("RGB")),
        (deep, "TIFF", grey.convert("RGB")),
        (colour.convert("CMYK"), "TIFF", colour.convert("CMYK").convert("RGB")),
    ]
    assert deep.mode == "I;16" and palette.mode == "P"
    for index, (image, kind, _) in enumerate(files):
        faces.picture_path(celeba_dir, index).write_bytes(faces.encoded(image, kind))
    loaded = faces.load(celeba_dir)
    for part, indices in ORDER.items():
        for result, index in zip(getattr(loaded, part).images, indices):
            whole = files[index][2].crop((25, 45, 153, 173))
            np.testing.assert_array_equal(result, whole.resize((8, 8), Image.Resampling.BILINEAR))


def test_training_batches_are_mirrored(celeba_dir):
    train = faces.load(celeba_dir).train
    seen = set()
    for _ in range(8):
        ((batch, _),) = train.tf_dataset(3, training=True).as_numpy_iterator()
        for image in batch:
            (index,) = [
                (row, image.tolist() == original.tolist())
                for row, original in enumerate(train.images)
                if image.tolist() in (original.tolist(), original[:, ::-1].tolist())
            ]
            seen.add(index)
    assert len(seen) == 6  # each of three, as it is and mirrored
    ((batch, _),) = train.tf_dataset(3).as_numpy_iterator()
    np.testing.assert_array_equal(batch, train.images)


def test_bad_arguments(celeba_dir):
    with pytest.raises(ValueError, match=r"`crop` must be one of .*Received: crop='64'"):
        faces.load(celeba_dir, crop="64")
    with pytest.raises(ValueError, match="`image_size` must be a positive integer"):
        faces.load(celeba_dir, image_size=0)


@pytest.mark.parametrize(
    "missing", ["img_align_celeba", "list_attr_celeba.txt", "list_eval_partition.txt"]
)
def test_what_is_missing_is_said_and_where_to_get_it(missing, celeba_dir):
    path = celeba_dir / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(
        ValueError, match=rf"mmlab\.ie\.cuhk\.edu\.hk/projects/CelebA\.html .* without {missing}$"
    ):
        data.load("celeba", celeba_dir)


def test_the_folder_is_a_must():
    with pytest.raises(ValueError, match="`data_dir` must be a folder of CelebA.*data_dir=None"):
        data.load("celeba")
