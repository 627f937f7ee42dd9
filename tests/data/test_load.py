import numpy as np
import pytest
from sklearn.datasets import load_digits

from keras_tsvae import data

pytestmark = pytest.mark.backend_free


def test_names():
    assert set(data.names()) == {
        "celeba",
        "cifar10",
        "digits",
        "fashion_mnist",
        "image_folder",
        "mnist",
    }


def test_unknown_names_and_options_list_the_known():
    with pytest.raises(ValueError, match="`name` must be one of .*celeba.* Received: name='svhn'"):
        data.load("svhn")
    with pytest.raises(ValueError, match="`crop` must be an option .*'mnist': validation_size"):
        data.load("mnist", crop="128")
    with pytest.raises(ValueError, match="`size` must be an option .*image_size, crop, cache_dir"):
        data.load("celeba", size=64)
    with pytest.raises(ValueError, match="`size` must be an option .*it has none"):
        data.load("digits", size=8)


def test_digits_are_all_there_once():
    digits = data.load("digits")
    splits = (digits.train, digits.validation, digits.test)
    assert [len(split) for split in splits] == [1297, 200, 300]
    assert digits.image_shape == (8, 8, 1) and digits.label_names == tuple("0123456789")
    images = np.concatenate([split.images for split in splits])[..., 0]
    labels = np.concatenate([split.labels for split in splits])
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(1797)
    np.testing.assert_allclose(images, bunch.images[order] * 255 / 16, atol=0.5)
    np.testing.assert_array_equal(labels, bunch.target[order])
    assert images.min() == 0 and images.max() == 255
    assert images.dtype == "uint8" and labels.dtype == "int64"


def test_limit_keeps_the_first_of_every_split():
    whole, short = data.load("digits"), data.load("digits", limit=250)
    assert [len(s) for s in (short.train, short.validation, short.test)] == [250, 200, 250]
    np.testing.assert_array_equal(short.train.images, whole.train.images[:250])
    np.testing.assert_array_equal(short.test.labels, whole.test.labels[:250])
    for limit in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="`limit` must be a positive integer"):
            data.load("digits", limit=limit)


def test_digits_take_no_folder(tmp_path):
    with pytest.raises(ValueError, match="`data_dir` must be None for 'digits'"):
        data.load("digits", tmp_path)
