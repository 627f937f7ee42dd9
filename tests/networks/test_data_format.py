"""Images are `(batch, height, width, channels)`, whatever Keras's own data format is."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import call, flat
from tests.networks.test_functional_models import NETWORKS, close, examples, outputs

pytestmark = pytest.mark.slow


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


def in_channels_last(function):
    keras.config.set_image_data_format("channels_last")
    try:
        return function()
    finally:
        keras.config.set_image_data_format("channels_first")


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(channels_first, name):
    network, usual = NETWORKS[name](), in_channels_last(NETWORKS[name])
    assert [w.shape for w in network.weights] == [w.shape for w in usual.weights]
    network.set_weights(usual.get_weights())
    arrays = examples(network)
    close(outputs(network, arrays), outputs(usual, arrays))


def test_images_that_are_cropped(channels_first):
    shape = (5, 9, 2)
    make = lambda: tsvae.networks.ResNetDecoder(shape, 4, base_dim=2)  # noqa: E731
    decoder, usual = make(), in_channels_last(make)
    decoder.set_weights(usual.get_weights())
    arrays = examples(decoder)
    close(outputs(decoder, arrays), outputs(usual, arrays))


@pytest.mark.parametrize("network", ["recognizer", "judge"])
def test_trunks(channels_first, network):
    shape = (8, 12, 3)

    def make():
        if network == "judge":
            return tsvae.metrics.ClassifierFeatures(shape, num_outputs=2, dimensions=8)
        return tsvae.models.condition_recognizer.ConditionRecognizer(shape, "classes", 2)

    model, usual = make(), in_channels_last(make)
    assert [w.shape for w in model.weights] == [w.shape for w in usual.weights]
    model.set_weights(usual.get_weights())
    images = np.random.default_rng(0).integers(0, 256, (2, *shape)).astype("uint8")
    close(flat(call(model, (images,))), flat(call(usual, (images,))))


def test_a_model_is_fitted_saved_and_loaded(channels_first, images, tmp_path):
    model = tiny.two_stage(networks=tiny.residual_networks)
    model.fit(images[:32], batch_size=16, epochs=1, verbose=0)
    samples = model.sample(2, seed=0)
    assert samples.shape == (2, 8, 8, 1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    close([loaded.sample(2, seed=0)], [samples])
    usual = in_channels_last(lambda: keras.saving.load_model(tmp_path / "model.keras"))
    close([usual.sample(2, seed=0)], [samples])
