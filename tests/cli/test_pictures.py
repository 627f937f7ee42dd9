"""What the commands draw is what the model's methods draw."""

import numpy as np
import pytest
from PIL import Image

from keras_tsvae.cli.pictures import read_pictures
from tests import tiny

pytestmark = pytest.mark.slow


def pixels(path):
    picture = np.asarray(Image.open(path))
    return picture[..., None] if picture.ndim == 2 else picture


def uint8(images):
    return np.rint(255 * images).astype("uint8")


@pytest.fixture
def pictures(tmp_path):
    """A folder of two pictures, one of them deep inside, and what is no picture."""
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    for name, image in zip(("a.png", "deep/b.bmp"), tiny.images(2)):
        Image.fromarray(image[..., 0]).save(folder / name)
    (folder / "notes.txt").write_text("none")
    return folder


def test_seeds_draw_a_picture_each(keras_tsvae, files, read, tmp_path):
    code, answer, _ = keras_tsvae(
        "sample", files["plain"], "--seed", "0,4-6", "--stage", "1", "-o", tmp_path / "out"
    )
    names = [f"seed{seed}.png" for seed in (0, 4, 5, 6)]
    assert code == 0 and answer.splitlines() == [str(tmp_path / "out" / name) for name in names]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    expected = read("plain").sample(1, stage=1, seed=5)
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "seed5.png"), uint8(expected)[0])


def test_arrays_and_grids(keras_tsvae, run_folder, read, tmp_path):
    images = read("plain").sample(9, stage="mixture", seed=2)
    arguments = ("sample", run_folder, "-n", 9, "--seed", 2, "--stage", "mixture")
    assert keras_tsvae(*arguments, "-o", tmp_path / "x.npz")[0] == 0
    with np.load(tmp_path / "x.npz") as arrays:
        np.testing.assert_allclose(arrays["images"], images, atol=1e-6)
        assert arrays["names"][0] == "seed2-0.png"
    assert keras_tsvae(*arguments, "-o", tmp_path / "x.png")[0] == 0
    grid = pixels(tmp_path / "x.png")
    assert grid.shape == (30, 30, 1)  # three rows of 8 and a border of 1 on both sides
    np.testing.assert_allclose(grid[11:19, 1:9], uint8(images)[3], atol=1)


def test_classes_and_attributes(keras_tsvae, files, read, tmp_path):
    out = tmp_path / "x.npz"
    keras_tsvae("sample", files["classes"], "-n", 3, "--class", 2, "--strength", 1.5, "-o", out)
    expected = read("classes").sample(3, seed=0, condition=2, strength=1.5)
    np.testing.assert_allclose(np.load(out)["images"], expected, atol=1e-6)
    wanted = ("--with", "a", "--with", "b", "--without", "c")
    keras_tsvae("sample", files["attributes"], "-n", 3, *wanted, "-o", out, "--overwrite")
    expected = read("attributes").sample(3, seed=0, condition={"a": 1, "b": 1, "c": -1})
    np.testing.assert_allclose(np.load(out)["images"], expected, atol=1e-6)


def test_pictures_are_edited_and_reconstructed(keras_tsvae, files, read, pictures, tmp_path):
    images, model = tiny.images(2), read("attributes")
    out = tmp_path / "out"
    code, _, _ = keras_tsvae("edit", files["attributes"], pictures, "--with", "a", "-o", out)
    assert code == 0
    edited = uint8(model.edit(images, {"a": 1}))
    for name, image in zip(("a.png", "deep/b.png"), edited):
        np.testing.assert_allclose(pixels(out / name), image, atol=1)
    again = (out / "a.png", pictures / "deep" / "b.bmp")
    keras_tsvae("reconstruct", files["plain"], *again, "-o", tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as arrays:
        assert list(arrays["names"]) == ["a.png", "b.png"]
        expected = read("plain").reconstruct(np.stack([pixels(again[0]), images[1]]))
        np.testing.assert_allclose(arrays["images"], expected, atol=1e-6)


def test_lines_and_traversals(keras_tsvae, files, read, pictures, tmp_path):
    a, b = tiny.images(2)
    ends = (pictures / "a.png", pictures / "deep" / "b.bmp")
    keras_tsvae("interpolate", files["plain"], *ends, "--steps", 3, "-o", tmp_path / "line")
    expected = uint8(read("plain").interpolate(a, b, 3))
    for step in range(3):
        image = pixels(tmp_path / "line" / f"step{step}.png")
        np.testing.assert_allclose(image, expected[step], atol=1)
    out = tmp_path / "x.npz"
    small = tmp_path / "small.png"
    Image.fromarray(a[:4, :4, 0]).save(small)
    for name, file, image, along in (
        ("attributes", ends[0], a, "b"),
        ("classes", small, a[:4, :4], 1),
    ):
        keras_tsvae("traverse", files[name], file, along, "-o", out, "--overwrite")
        expected = read(name).traverse(image, along, 7)
        np.testing.assert_allclose(np.load(out)["images"], expected, atol=1e-6)


def test_pictures_come_to_the_model_shape(tmp_path):
    Image.fromarray(np.tile(np.uint8([[0, 100, 100, 0]]), (2, 1))).save(tmp_path / "a.png")
    crop, pad, stretch = (
        read_pictures([str(tmp_path)], (2, 2, 1), resize)[1][0, ..., 0]
        for resize in ("crop", "pad", "stretch")
    )
    assert (crop == 100).all()
    assert sorted(pad.any(1)) == [False, True]  # all of it in one row, and a black one
    assert (0 < stretch).all() and (stretch < 100).all()


def test_names_differ(tmp_path):
    for name in ("a.png", "a.bmp", "b.png"):
        Image.fromarray(tiny.images(1)[0, ..., 0]).save(tmp_path / name)
    paths = [str(tmp_path), str(tmp_path / "b.png")]
    names, _ = read_pictures(paths, (8, 8, 1), "crop")
    assert names == ["a.png", "a.png.png", "b.png", "b.png.png"]
