import os
import pathlib

import keras
import numpy as np
import pytest

from keras_tsvae import metrics
from keras_tsvae.data import picture_folder
from keras_tsvae.metrics.inception import features as inception_v3_features
from keras_tsvae.metrics.inception.features import InceptionV3Features
from keras_tsvae.metrics.inception.network import CLASSES, DIMENSIONS
from tests.metrics.inception.reference import stem
from tests.metrics.inception.state_dicts import STEM, made_up_state, random_state, write_zip

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (3, 20, 31, 3)).astype("uint8")
FIRST = {name: STEM[name] for name in list(STEM)[:3]}
STATE = random_state(FIRST)


@pytest.fixture(autouse=True)
def keras_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))


@pytest.fixture
def weights(tmp_path):
    np.savez(tmp_path / "weights.npz", **STATE)
    return tmp_path / "weights.npz"


@pytest.mark.parametrize("layer", ["64", "192"])
def test_the_first_layers_are_their_equations(layer, tmp_path):
    state = random_state(STEM)
    np.savez(tmp_path / "stem.npz", **state)
    features = InceptionV3Features(tmp_path / "stem.npz", layer)
    found = features(PICTURES[:1])
    expected = stem(PICTURES[:1], state, layer)
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())


@pytest.fixture(scope="module")
def made_up_weights(tmp_path_factory):
    """A whole file of weights, and a folder for its conversion, which is made but once."""
    folder = tmp_path_factory.mktemp("made_up")
    keys = pathlib.Path(os.environ["KERAS_TSVAE_DATA"]) / "golden" / "inception" / "keys.json"
    np.savez(folder / "weights.npz", **made_up_state(keys))
    return folder / "weights.npz"


@pytest.mark.parametrize("layer", DIMENSIONS)
def test_the_numbers_of_the_published_implementation(layer, golden, request, monkeypatch):
    expected = golden("inception/expected")
    path = request.getfixturevalue("made_up_weights")
    monkeypatch.setenv("KERAS_HOME", str(path.parent))
    features = InceptionV3Features(path, layer, batch_size=1)
    everything = ("cifar", "faces64", "jpeg218x178", "noise299")
    for name in everything if layer in ("64", "192", "2048") else ("cifar",):
        found = features(expected[f"{name}/images"])
        wanted = expected[f"{name}/{layer}"]
        assert found.shape == wanted.shape and found.dtype == np.float32
        assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()
        if layer == "2048":
            logits = features.class_logits(found)
            np.testing.assert_allclose(logits, expected[f"{name}/logits_unbiased"], atol=1e-3)


def test_float_images_are_not_rounded_and_grey_ones_repeated(weights):
    features = InceptionV3Features(weights, "64")
    grey = RNG.random((1, 9, 12, 1))
    expected = stem(np.repeat(255 * grey, 3, -1), STATE, "64")
    for dtype in ("float64", "float32"):
        np.testing.assert_allclose(features(grey.astype(dtype)), expected, atol=1e-5)
    rounded = np.rint(255 * grey).astype("uint8")
    found = features(rounded)
    assert np.abs(found - expected).max() > 1e-4
    np.testing.assert_allclose(features(np.repeat(rounded, 3, -1)), found, atol=1e-5)
    np.testing.assert_allclose(features((rounded / 255).tolist()), found, atol=1e-5)


def test_batches_do_not_matter(weights):
    images = RNG.integers(0, 256, (7, 4, 5, 3)).astype("uint8")
    whole = InceptionV3Features(weights, "64", batch_size=8)(images)
    parts = InceptionV3Features(weights, "64", batch_size=3)(images)
    assert whole.shape == (7, 64)
    np.testing.assert_allclose(parts, whole, atol=1e-5)


def test_no_batch_is_larger_and_sizes_are_few(weights):
    features = InceptionV3Features(weights, "64", batch_size=6)
    sizes = []
    features._prepare = lambda batch: sizes.append(len(batch)) or batch
    features._network = lambda batch: batch[:, 0, 0]
    for count in (1, 3, 5, 6, 8, 12, 17):
        images = RNG.integers(0, 256, (count, 2, 2, 3)).astype("uint8")
        np.testing.assert_array_equal(features(images), images[:, 0, 0])
    assert sizes == [1, 4, 6, 6, 6, 2, 6, 6, 6, 6, 6]


def test_batches_of_large_images_are_smaller(weights, monkeypatch):
    monkeypatch.setattr(picture_folder, "_BATCH_BYTES", 2 * PICTURES[0].nbytes)
    features, sizes = InceptionV3Features(weights, "64", batch_size=8), []
    prepare = features._prepare
    monkeypatch.setattr(features, "_prepare", lambda x: sizes.append(len(x)) or prepare(x))
    assert features(PICTURES).shape == (3, 64)
    assert sizes == [2, 1]


def test_keras_settings_do_not_matter(weights):
    expected = InceptionV3Features(weights, "64")(PICTURES[:1])
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_image_data_format("channels_first")
    try:
        found = InceptionV3Features(weights, "64")(PICTURES[:1])
    finally:
        keras.config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "images",
    [
        PICTURES[0],
        PICTURES[:0],
        PICTURES[..., :2],
        PICTURES[:, :0],
        PICTURES.astype("int64"),
        PICTURES.astype("float32"),
        np.full((1, 2, 2, 3), np.nan),
        np.full((1, 2, 2, 3), np.inf, "float32"),
        np.full((1, 2, 2, 3), -0.01),
        np.zeros((1, 2, 2, 3), bool),
        np.array("text"),
    ],
)
def test_bad_images_are_named(images, weights):
    with pytest.raises(ValueError, match="`images` must .* Received: "):
        InceptionV3Features(weights, "64")(images)


@pytest.mark.parametrize(
    "arguments, name",
    [({"layer": "2047"}, "layer"), ({"layer": [2048]}, "layer"), ({"batch_size": 0}, "batch_size")],
)
def test_bad_arguments_are_named(arguments, name, weights):
    with pytest.raises(ValueError, match=f"`{name}` must be .* Received: {name}="):
        InceptionV3Features(weights, **arguments)


@pytest.fixture
def with_classes(tmp_path, monkeypatch):
    """Returns a function that makes features of layer 2048, of one pixel, with other weights."""

    def network(layer):
        images = keras.Input((299, 299, 3))
        x = keras.layers.Conv2D(2048, 1, 299, activation="relu", name="Conv2d_1a_3x3")(images)
        return keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))

    monkeypatch.setattr(inception_v3_features, "inception_network", network)
    rng = np.random.default_rng(1)
    state = random_state({"Conv2d_1a_3x3": (1, 1, 3, 2048)})
    state["fc.weight"] = rng.normal(0, 0.01, (CLASSES, 2048)).astype("float32")
    state["fc.bias"] = rng.normal(size=CLASSES).astype("float32")

    def make(**changed):
        np.savez(tmp_path / "whole.npz", **{**state, **changed})
        return InceptionV3Features(tmp_path / "whole.npz"), state

    return make


def test_class_logits_are_the_last_layer_without_its_bias(with_classes):
    features, state = with_classes()
    values = features(PICTURES)
    pixels = PICTURES[:, 0, 0] @ state["Conv2d_1a_3x3.conv.weight"][:, :, 0, 0].T
    parts = (state[f"Conv2d_1a_3x3.bn.{part}"] for part in ("weight", "bias"))
    moments = (state[f"Conv2d_1a_3x3.bn.running_{part}"] for part in ("mean", "var"))
    (scale, offset), (mean, variance) = parts, moments
    expected = np.maximum((pixels - mean) / np.sqrt(variance + 1e-3) * scale + offset, 0)
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-3)
    logits = features.class_logits(values)
    assert features.has_classes and logits.shape == (3, CLASSES)
    np.testing.assert_allclose(logits, values @ state["fc.weight"].T, rtol=1e-4, atol=1e-3)
    score = metrics.InceptionScore(features, splits=1)
    score.update(PICTURES)
    odds = np.exp(logits.astype("float64") - logits.max(1, keepdims=True))
    p = odds / odds.sum(1, keepdims=True)
    divergence = np.where(p > 0, p * np.log(np.maximum(p, 1e-300) / p.mean(0)), 0).sum(1)
    np.testing.assert_allclose(score.result(), np.exp(divergence.mean()), rtol=1e-4)


def test_the_identity_depends_on_the_weights_of_all_that_is_computed(with_classes, tmp_path):
    features, state = with_classes()
    again, _ = with_classes(**{"fc.bias": state["fc.bias"] + 1})  # which is not used
    assert again.identity == features.identity
    classes, _ = with_classes(**{"fc.weight": state["fc.weight"][::-1]})
    assert classes.identity != features.identity
    assert classes.features_identity == features.features_identity
    offset = "Conv2d_1a_3x3.bn.bias"
    others, _ = with_classes(**{offset: state[offset] + np.eye(1, 2048)[0]})
    assert others.identity != features.identity
    assert others.features_identity != features.features_identity

    def reference(extractor):
        return metrics.ReferenceStatistics.from_images(
            PICTURES, extractor, cache_dir=tmp_path / "c"
        )

    for extractor in (features, classes, others, features):
        reference(extractor)
    assert len(list((tmp_path / "c").iterdir())) == 2  # the classes do not matter here
    fids = [metrics.FrechetInceptionDistance(reference(e)) for e in (features, classes)]
    fids[0].merge(fids[1])
    scores = [metrics.InceptionScore(extractor) for extractor in (features, classes, again)]
    scores[0].merge(scores[2])
    with pytest.raises(ValueError, match="`other` must be another InceptionScore"):
        scores[0].merge(scores[1])
    with pytest.raises(ValueError, match="`reference` must hold the features"):
        metrics.FrechetInceptionDistance(reference(features), others)


def test_what_the_features_say_of_themselves(weights, tmp_path):
    features = InceptionV3Features(weights, "64")
    assert (features.layer, features.dimensions) == ("64", 64)
    assert features.resize == "tf1-bilinear-299"
    assert features.identity.startswith("inception-v3-2015-12-05/64/")
    assert features.model.input_shape == (None, 299, 299, 3)
    with pytest.raises(ValueError, match="`layer` must be '2048' for class logits"):
        features.class_logits(np.zeros((1, 64)))
    np.savez(tmp_path / "others.npz", **random_state(FIRST, seed=1))
    write_zip(tmp_path / "same.pth", STATE)
    others, same = (
        InceptionV3Features(tmp_path / name, "64") for name in ("others.npz", "same.pth")
    )
    assert others.identity != features.identity == same.identity
