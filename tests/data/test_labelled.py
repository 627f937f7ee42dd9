import io
import pathlib
import pickle
import re
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from keras_tsvae import data
from keras_tsvae.data import labelled

pytestmark = pytest.mark.backend_free

RNG = np.random.default_rng(0)
SETS = {"mnist": (28, 28), "fashion_mnist": (28, 28, 1), "cifar10": (32, 32, 3)}


def arrays(shape=(28, 28), train=30, test=12, **changed):
    made = {
        "x_train": RNG.integers(0, 256, (train, *shape), "uint8"),
        "y_train": RNG.integers(0, 10, train).astype("uint8"),
        "x_test": RNG.integers(0, 256, (test, *shape), "uint8"),
        "y_test": RNG.integers(0, 10, (test, 1)),
        **changed,
    }
    return {key: array for key, array in made.items() if array is not None}


def smooth(n):
    small = RNG.integers(0, 256, (n, 4, 4, 3), "uint8")
    pictures = [Image.fromarray(s).resize((32, 32), Image.Resampling.BICUBIC) for s in small]
    return np.stack([np.asarray(picture) for picture in pictures])


@pytest.mark.parametrize("name", SETS)
def test_an_npz_needs_no_network_and_the_last_rows_are_held_out(name, tmp_path, monkeypatch):
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", None)
    made = arrays(SETS[name])
    np.savez(tmp_path / f"{name}.npz", **made)
    loaded = data.load(name, tmp_path, validation_size=10)
    shape = (*SETS[name], 1)[:3]
    assert loaded.name == name and loaded.image_shape == shape and len(loaded.label_names) == 10
    x_train, y_train = made["x_train"].reshape(-1, *shape), made["y_train"]
    np.testing.assert_array_equal(loaded.train.images, x_train[:20])
    np.testing.assert_array_equal(loaded.train.labels, y_train[:20])
    np.testing.assert_array_equal(loaded.validation.images, x_train[20:])
    np.testing.assert_array_equal(loaded.validation.labels, y_train[20:])
    np.testing.assert_array_equal(loaded.test.images, made["x_test"].reshape(-1, *shape))
    np.testing.assert_array_equal(loaded.test.labels, made["y_test"].ravel())
    assert {split.labels.dtype.name for split in (loaded.train, loaded.test)} == {"int64"}


def test_class_names():
    """In the order of the labels, as the data sets' pages list them."""
    cifar10 = "airplane automobile bird cat deer dog frog horse ship truck"
    assert data.cifar10.LABEL_NAMES == tuple(cifar10.split())
    clothes = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"
    assert data.fashion_mnist.LABEL_NAMES == tuple(clothes.split(","))
    assert data.mnist.LABEL_NAMES == tuple("0123456789")


def test_everything_can_be_trained_on(tmp_path):
    np.savez(tmp_path / "mnist.npz", **arrays())
    loaded = data.load("mnist", tmp_path, validation_size=0)
    assert len(loaded.train) == 30
    assert loaded.validation.images.shape == (0, 28, 28, 1) and loaded.validation.labels.shape == (
        0,
    )


def test_a_tenth_of_a_small_set_is_held_out(tmp_path):
    np.savez(tmp_path / "mnist.npz", **arrays())
    loaded = data.load("mnist", tmp_path)
    whole = data.load("mnist", tmp_path, validation_size=0).train
    assert (len(loaded.train), len(loaded.validation), len(whole)) == (27, 3, 30)
    np.testing.assert_array_equal(loaded.validation.images, whole.images[27:])


@pytest.mark.parametrize("n, held_out", [(60_000, 5_000), (50_010, 5_000), (49_990, 4_999)])
def test_five_thousand_are_held_out_of_a_large_set(n, held_out):
    images, labels = np.zeros((n, 1, 1, 1), "uint8"), np.arange(n)
    arrays = (images, labels), (images[:3], labels[:3])
    loaded = labelled.image_data("mnist", arrays, None, None, ())
    np.testing.assert_array_equal(loaded.validation.labels, labels[n - held_out :])
    np.testing.assert_array_equal(loaded.train.labels, labels[: n - held_out])


def test_validation_size_must_leave_something(tmp_path):
    np.savez(tmp_path / "mnist.npz", **arrays())
    with pytest.raises(ValueError, match="`validation_size` must be less than the 30 training"):
        data.load("mnist", tmp_path, validation_size=30)
    with pytest.raises(ValueError, match="`validation_size` must be an integer of at least 0"):
        data.load("mnist", tmp_path, validation_size=-1)


def test_limit_comes_after_the_split(tmp_path):
    made = arrays()
    np.savez(tmp_path / "mnist.npz", **made)
    loaded = data.load("mnist", tmp_path, validation_size=10, limit=4)
    np.testing.assert_array_equal(loaded.validation.images[..., 0], made["x_train"][20:24])
    assert loaded.train.images.base is None  # the whole array is not kept alive
    assert len(loaded.train) == len(loaded.test) == 4


def test_keras_is_asked_without_a_folder(monkeypatch):
    made = arrays((32, 32, 3), y_train=np.ones((30, 1), "uint8"))
    pairs = (made["x_train"], made["y_train"]), (made["x_test"], made["y_test"])
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: pairs)
    loaded = data.load("cifar10", validation_size=10)
    np.testing.assert_array_equal(loaded.train.images, made["x_train"][:20])
    np.testing.assert_array_equal(loaded.train.labels, np.ones(20))


def test_images_through_jpeg_are_pillows(tmp_path):
    images = smooth(30)
    np.savez(tmp_path / "cifar10.npz", **arrays((32, 32, 3), x_train=images))
    plain = data.load("cifar10", tmp_path, validation_size=10)
    np.testing.assert_array_equal(plain.train.images, images[:20])
    for quality in (75, 31, 95):
        loaded = data.load("cifar10", tmp_path, validation_size=10, jpeg_quality=quality)
        whole = np.concatenate([plain.train.images, plain.validation.images, plain.test.images])
        splits = (loaded.train, loaded.validation, loaded.test)
        results = np.concatenate([split.images for split in splits])
        for result, image in zip(results, whole, strict=True):
            file = io.BytesIO()
            Image.fromarray(image).save(file, format="jpeg", quality=quality)
            np.testing.assert_array_equal(result, np.asarray(Image.open(file)))
    assert (loaded.train.images != images[:20]).any()
    np.testing.assert_array_equal(loaded.train.labels, plain.train.labels)
    for quality in (0, 96, 75.0):
        with pytest.raises(ValueError, match="`jpeg_quality` must be"):
            data.load("cifar10", tmp_path, jpeg_quality=quality)


@pytest.mark.parametrize("name", SETS)
def test_without_network_one_error_says_what_to_put_where(name, tmp_path, monkeypatch):
    asked = []

    def no_network(url, target, *_):
        asked.extend((url, pathlib.Path(target)))
        raise OSError("no network")

    # Keras's own code is run, in a cache folder of its own: where does it look?
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.backend.config.keras_home", lambda: str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", no_network)
    with pytest.raises(ValueError, match=f"'{name}' can be neither downloaded") as caught:
        data.load(name)
    message = str(caught.value)
    assert isinstance(caught.value.__cause__, OSError) and "no network" in message
    url, target = asked
    if name == "fashion_mnist":  # four files, of which Keras asks for one at a time
        assert target.name in message
        url, target = url.rsplit("/", 1)[0], f"{target.parent}/"
    assert f" {url}" in message and f" {target}" in message


@pytest.mark.parametrize("name", SETS)
def test_a_folder_without_the_file_is_not_replaced_by_a_download(name, tmp_path, monkeypatch):
    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", None)
    with pytest.raises(ValueError, match=f"download .*https://.*no file {name}.npz"):
        data.load(name, tmp_path)
    with pytest.raises(ValueError, match="no file"):
        data.load(name, tmp_path / "missing")


BROKEN = {
    "x_test": (dict(x_test=None), "x_test"),
    "objects": (dict(y_test=np.array([{}] * 12)), "holds Python objects"),
    "rank": (dict(x_train=np.zeros((30, 784), "uint8")), r"`x_train` .*\(30, 784\)"),
    "size": (dict(x_test=np.zeros((12, 32, 32), "uint8")), r"`x_test` .*\(28, 28, 1\)"),
    "dtype": (dict(x_train=np.zeros((30, 28, 28))), "`x_train` .*dtype=float64"),
    "none": (dict(x_test=np.zeros((0, 28, 28), "uint8")), r"`x_test` .*\(0, 28, 28\)"),
    "length": (dict(y_train=np.zeros(29, int)), "`y_train` .*each of the 30"),
    "one-hot": (dict(y_train=np.zeros((30, 10), int)), r"`y_train` .*\(30, 10\)"),
    "labels": (dict(y_train=np.zeros(30)), "`y_train` .*dtype=float64"),
    "range": (dict(y_test=np.full(12, 10)), r"`y_test` .*10\.\.10"),
}


@pytest.mark.parametrize("changed, message", BROKEN.values(), ids=BROKEN)
def test_broken_arrays_are_named(changed, message, tmp_path):
    path = tmp_path / "mnist.npz"
    np.savez(path, **arrays(**changed))
    with pytest.raises(ValueError, match=message) as caught:
        data.load("mnist", tmp_path, validation_size=10)
    assert str(path) in str(caught.value)


def test_broken_files_are_named(tmp_path):
    path = tmp_path / "mnist.npz"
    np.savez_compressed(path, **arrays())
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[300:320] = bytes(20)
    single = io.BytesIO()
    np.save(single, np.zeros(3))
    for broken in (b"", b"not a zip", whole[:-200], damaged, single.getvalue(), pickle.dumps({})):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=f"must be an npz .*{re.escape(str(path))}"):
            data.load("mnist", tmp_path, validation_size=10)
    with zipfile.ZipFile(path, "w") as archive:
        for key in ("x_train", "y_train", "x_test", "y_test"):
            archive.writestr(f"{key}.npy", "text")
    with pytest.raises(ValueError, match=f"must be an npz .*{re.escape(str(path))}.*magic string"):
        data.load("mnist", tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match="must be an npz"):
        data.load("mnist", tmp_path)
