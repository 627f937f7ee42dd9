import numpy as np
import pytest
from PIL import Image, ImageOps

from keras_tsvae import data
from keras_tsvae.data import pictures
from tests.data import faces

pytestmark = pytest.mark.backend_free

FILES = {
    "b/2.png": ("PNG", (20, 12)),
    "b/deep/er/1.JPG": ("JPEG", (12, 20)),
    "a/4.webp": ("WEBP", (16, 16)),
    "a/3.Jpeg": ("JPEG", (40, 9)),
    "c/5.bmp": ("BMP", (5, 6)),
    "c/6.gif": ("GIF", (10, 10)),
    "c/7.tif": ("TIFF", (8, 8)),
    "c/8.TIFF": ("TIFF", (30, 31)),
}
SORTED = sorted(FILES)


def load(folder, **options):
    return data.load("image_folder", folder, **{"image_size": 8, "verbose": 0, **options})


def write(path, image, kind="PNG", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(faces.encoded(image, kind, **options))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "things"
    for number, (name, (kind, size)) in enumerate(FILES.items()):
        write(path / name, faces.picture(number, size), kind)
    for name in (".hidden.png", ".git/1.png", "a/.cache/2.png", "notes.txt", "d/png"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text("not a picture")
    return path


def fitted(path, size=(8, 8), mode="RGB"):
    """The centre of a picture, resized; (height, width)."""
    image = Image.open(path).convert(mode)
    result = ImageOps.fit(image, size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(result).reshape(*size, -1)


def test_every_picture_is_used_once_with_its_class(folder):
    loaded = load(folder, validation_fraction=0.25, test_fraction=0.3)
    splits = (loaded.train, loaded.validation, loaded.test)
    assert [len(split) for split in splits] == [4, 2, 2]
    assert loaded.label_names == ("a", "b", "c")  # d has no picture
    order = np.random.default_rng(0).permutation(8)
    images = np.concatenate([split.images for split in splits])
    labels = np.concatenate([split.labels for split in splits])
    for image, label, index in zip(images, labels, order, strict=True):
        np.testing.assert_array_equal(image, fitted(folder / SORTED[index]))
        assert loaded.label_names[label] == SORTED[index][0]
    assert labels.dtype == "int64" and loaded.image_shape == (8, 8, 3)


def test_shares_are_of_the_decimal_number(tmp_path):
    image = Image.new("L", (2, 2))
    for number in range(100):
        write(tmp_path / f"{number}.png", image)
    options = {"image_size": 2, "validation_fraction": 0.29, "test_fraction": 0.57}
    loaded = load(tmp_path, **options)  # 100 * 0.29 is 28.999999999999996, 100 * 0.57 as well
    splits = (loaded.train, loaded.validation, loaded.test)
    assert [len(split) for split in splits] == [14, 29, 57]


def test_height_width_and_grey(folder):
    loaded = load(folder, image_size=(4, 10), channels=1, validation_fraction=0, test_fraction=0)
    assert loaded.image_shape == (4, 10, 1)
    order = np.random.default_rng(0).permutation(8)
    expected = [fitted(folder / SORTED[index], (4, 10), "L") for index in order]
    np.testing.assert_array_equal(loaded.train.images, expected)
    assert len(loaded.validation) == len(loaded.test) == 0


def test_the_centre_is_kept_and_the_aspect_too(tmp_path):
    pixels = np.zeros((10, 30, 3), "uint8")
    pixels[:, 10:20] = 200  # the inner square of a wide picture
    write(tmp_path / "a" / "1.png", Image.fromarray(pixels))
    loaded = load(tmp_path, image_size=10, validation_fraction=0, test_fraction=0)
    np.testing.assert_array_equal(loaded.train.images, np.full((1, 10, 10, 3), 200))


def test_exif_turns_pictures(tmp_path):
    image = faces.picture(0, (16, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera turned: to be shown turned by 90 degrees
    write(tmp_path / "1.png", image, exif=exif)
    (result,) = load(tmp_path, image_size=16, validation_fraction=0, test_fraction=0).train.images
    np.testing.assert_array_equal(result, np.rot90(np.asarray(image), -1))


def test_pictures_right_in_the_folder_have_its_name_as_class(tmp_path):
    path = tmp_path / "cats"
    for number in range(3):
        write(path / f"{number}.png", faces.picture(number, (9, 9)))
    loaded = load(path)
    assert loaded.label_names == ("cats",)
    np.testing.assert_array_equal(loaded.train.labels, [0, 0, 0])
    assert len(loaded.validation) == len(loaded.test) == 0  # a tenth of three, rounded down


def test_linked_folders_are_followed_once(folder, tmp_path):
    write(tmp_path / "outside" / "9.png", faces.picture(9, (9, 9)))
    (folder / "e").symlink_to(tmp_path / "outside")
    (folder / "e" / "loop").symlink_to(folder)
    loaded = load(folder, validation_fraction=0, test_fraction=0)
    assert len(loaded.train) == 9 and loaded.label_names == ("a", "b", "c", "e")


def test_links_to_nowhere_are_named(folder):
    (folder / "a" / "link.png").symlink_to(folder / "missing.png")
    with pytest.raises(ValueError, match="a/link.png' cannot be read"):
        load(folder)


def test_the_cache_is_used_and_its_folder_is_not_searched(folder, monkeypatch):
    load(folder)
    write(folder / "keras_tsvae_cache" / "a.png", faces.picture(0, (9, 9)))
    monkeypatch.setattr(pictures, "decode", None)
    assert len(load(folder).train) == 8
    monkeypatch.undo()
    write(folder / "a" / "new.png", faces.picture(0, (9, 9)))
    assert len(load(folder).train) == 9
    (folder / "a" / "new.png").rename(folder / "c" / "new.png")
    assert (load(folder).train.labels == 2).sum() == 5


def test_limit_comes_before_decoding(folder):
    last = SORTED[np.random.default_rng(0).permutation(8)[2]]
    (folder / last).write_text("not a picture")
    loaded = load(folder, limit=2, validation_fraction=0, test_fraction=0)
    assert len(loaded.train) == 2
    with pytest.raises(ValueError, match=f"things/{last}"):
        load(folder, validation_fraction=0, test_fraction=0)


def test_sixteen_bits_and_floats(tmp_path):
    expected = np.repeat(np.arange(256), 2).reshape(16, 32)
    values = 257 * expected + np.tile([0, 256], 256).reshape(16, 32)  # least and greatest of each
    write(tmp_path / "1.png", Image.fromarray(values.clip(max=65535).astype("uint16")))
    options = {"channels": 1, "validation_fraction": 0, "test_fraction": 0, "image_size": (16, 32)}
    np.testing.assert_array_equal(load(tmp_path, **options).train.images[0, ..., 0], expected)
    write(tmp_path / "2.tif", Image.fromarray(np.ones((9, 9), "float32")), "TIFF")
    with pytest.raises(ValueError, match="2.tif.* no known range"):
        load(tmp_path)


def test_bad_arguments(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    cases = [
        ("`data_dir` must hold pictures .*empty", dict(data_dir=tmp_path / "empty")),
        ("`data_dir` must be a folder", dict(data_dir=tmp_path / "missing")),
        ("`data_dir` must be a folder.* data_dir=None", dict(data_dir=None)),
        ("`image_size` must be a positive integer", dict(image_size=0)),
        ("`image_size` must be a positive integer", dict(image_size=(8, 2.5))),
        (r"`image_size` must be .*\(height, width\)", dict(image_size=(8, 8, 3))),
        ("`channels` must be 1 or 3. Received: channels=4", dict(channels=4)),
        (r"`test_fraction` must be in \[0, 1\)", dict(test_fraction=1)),
        (r"`validation_fraction` must be in \[0, 1\)", dict(validation_fraction=-0.1)),
        ("must leave pictures to train on", dict(validation_fraction=0.5, test_fraction=0.5)),
    ]
    for message, options in cases:
        with pytest.raises(ValueError, match=message):
            load(options.pop("data_dir", folder), **options)


def test_pictures_are_padded_or_stretched_where_asked(folder):
    options = {"validation_fraction": 0, "test_fraction": 0, "channels": 1}
    order = np.random.default_rng(0).permutation(8)
    originals = [Image.open(folder / SORTED[index]).convert("L") for index in order]
    stretched = load(folder, resize="stretch", **options).train.images
    for image, original in zip(stretched, originals):
        expected = np.asarray(original.resize((8, 8), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(image[..., 0], expected)
    padded = load(folder, resize="pad", **options).train.images
    for image, original in zip(padded, originals):
        side = max(original.size)
        black = Image.new("L", (side, side))
        black.paste(original, [(side - length) // 2 for length in original.size])
        # Where it is put differs by a pixel at most, and so does what is black around it.
        close = np.abs(image[..., 0] - np.asarray(black.resize((8, 8), 2)).astype(int)) < 60
        assert close.mean() > 0.7
    np.testing.assert_array_equal(  # each in a cache of its own
        load(folder, **options).train.images[0], fitted(folder / SORTED[order[0]], mode="L")
    )
    with pytest.raises(ValueError, match="`resize` must be one of crop, pad, stretch"):
        load(folder, resize="squash")


def test_all_broken_pictures_are_named_or_skipped(folder, capsys):
    whole = load(folder, limit=2)
    for name in ("a/4.webp", "c/6.gif"):
        (folder / name).write_bytes(b"broken")
    with pytest.raises(ValueError, match="2 broken pictures.*4.webp.*6.gif"):
        load(folder)
    with pytest.warns(UserWarning, match="Left out: 2 broken pictures"):
        loaded = load(folder, skip_broken=True, test_fraction=0, validation_fraction=0)
    good = [name for name in SORTED if name not in ("a/4.webp", "c/6.gif")]
    order = np.random.default_rng(0).permutation(6)
    for image, index in zip(loaded.train.images, order, strict=True):
        np.testing.assert_array_equal(image, fitted(folder / good[index]))
    again = load(folder, skip_broken=True, test_fraction=0, validation_fraction=0)
    np.testing.assert_array_equal(again.train.images, loaded.train.images)
    assert len(whole.train) == 2
    for name in good:
        (folder / name).write_bytes(b"broken")
    with pytest.raises(ValueError, match="8 broken pictures"):
        load(folder, skip_broken=True)


def test_what_is_no_picture_is_counted(folder, capsys):
    load(folder, verbose=1)
    # .hidden.png, .git, a/.cache, notes.txt and d/png
    assert "8 pictures; 5 others" in capsys.readouterr().out
