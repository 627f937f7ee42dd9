"""Networks are functional models like any other: cloned, cut, frozen, saved."""

import keras
import numpy as np
import pytest

from keras_tsvae import networks
from tests import tiny
from tests.harness import call, flat

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
SHAPE = (8, 8, 1)
NETWORKS = {
    "ResNetEncoder": lambda **kwargs: tiny.encoder(condition_dim=3, **kwargs),
    "ResNetDecoder": lambda **kwargs: tiny.decoder(condition_dim=3, **kwargs),
    "InfoGANEncoder": lambda **kwargs: networks.InfoGANEncoder(
        SHAPE, 4, base_dim=2, fc_dim=8, **kwargs
    ),
    "InfoGANDecoder": lambda **kwargs: networks.InfoGANDecoder(
        SHAPE, 4, base_dim=2, fc_dim=8, condition_dim=3, **kwargs
    ),
    "WAEEncoder": lambda **kwargs: networks.WAEEncoder(
        SHAPE, 4, base_dim=2, condition_dim=3, **kwargs
    ),
    "WAEDecoder": lambda **kwargs: networks.WAEDecoder(SHAPE, 4, base_dim=2, **kwargs),
    "MLPEncoder": lambda **kwargs: networks.MLPEncoder(4, width=8, depth=2, **kwargs),
    "MLPDecoder": lambda **kwargs: networks.MLPDecoder(
        4, width=8, depth=2, condition_dim=3, **kwargs
    ),
}
DECODERS = ("ResNetDecoder", "InfoGANDecoder", "WAEDecoder")
# A layer of each with weights, and the paths of layers inside of it, if any.
FREEZABLE = {
    "ResNetEncoder": ("scale_0", "scale_0/block_0", "dense_scale/block_0/shortcut"),
    "ResNetDecoder": ("up_0", "scale_1/block_0/modulation_0", "scale_0/block_0/norm_0"),
    "InfoGANEncoder": ("conv_0", "hidden/dense", "norm_1"),
    "InfoGANDecoder": ("grid", "modulation_1", "norm_2"),
    "WAEEncoder": ("conv_1", "norm_0", "log_std"),
    "WAEDecoder": ("grid", "up_2", "relu_1"),
    "MLPEncoder": ("hidden_1", "mean", "relu_0"),
    "MLPDecoder": ("hidden_0", "modulation_1", "z"),
}


@pytest.fixture(params=NETWORKS)
def name(request):
    return request.param


def examples(network):
    arrays = [RNG.random((3, *x.shape[1:])).astype("float32") for x in network.inputs]
    return arrays if len(arrays) > 1 else arrays[0]


def outputs(network, arrays):
    return flat(call(network, (arrays,)))


def close(received, expected):
    assert len(received) == len(expected)
    for ours, theirs in zip(received, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def find(layer, path):
    for part in path.split("/"):
        layer = next(inner for inner in inside(layer) if inner.name == part)
    return layer


def inside(layer):
    return layer._flatten_layers(include_self=False, recursive=False)


def flags(layer):
    """`trainable` of all layers inside, by path."""
    found = {}
    for inner in inside(layer):
        found[inner.name] = inner.trainable
        found.update({f"{inner.name}/{path}": flag for path, flag in flags(inner).items()})
    return found


def trained(network):
    return [variable.path for variable in network.trainable_variables]


def test_clones_and_views_give_what_the_network_gives(name, tmp_path):
    network = NETWORKS[name]()
    for norm in (w for w in network.weights if w.name == "moving_variance"):
        norm.assign(np.full(norm.shape, 2.0))
    arrays = examples(network)
    expected = outputs(network, arrays)
    clone = keras.models.clone_model(network)
    clone.set_weights(network.get_weights())
    close(outputs(clone, arrays), expected)
    view = keras.Model(network.input, network.outputs)
    close(outputs(view, arrays), expected)
    view.save(tmp_path / "view.keras")
    close(outputs(keras.saving.load_model(tmp_path / "view.keras"), arrays), expected)


@pytest.mark.parametrize("decoder", DECODERS)
def test_decoders_have_their_logits_beside_their_images(decoder, tmp_path):
    network = NETWORKS[decoder]()
    arrays = examples(network)
    logits = flat(network.logits(arrays))[0]
    (images,) = outputs(network, arrays)
    np.testing.assert_allclose(images, 1 / (1 + np.exp(-logits)), rtol=1e-4)
    training = flat(network.logits(arrays, training=True))[0]
    assert not np.allclose(training, logits)  # by the batch's own statistics
    assert network.layers[-1].name == "sigmoid"
    assert sum(isinstance(layer, keras.Model) for layer in inside(network)) == 0
    network.save_weights(tmp_path / "weights.weights.h5")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "weights.weights.h5") as file:
        groups = set(file)
    assert groups == {"layers", "vars"}


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_images_and_logits_are_float32(dtype):
    decoder = NETWORKS["ResNetDecoder"](dtype=dtype)
    arrays = examples(decoder)
    assert all(array.dtype == "float32" for array in outputs(decoder, arrays))
    assert flat(decoder.logits(arrays))[0].dtype == "float32"
    assert decoder.outputs[0].dtype == decoder(decoder.input).dtype == "float32"
    assert decoder.compute_output_shape([(None, 4), (None, 3)]) == (None, *SHAPE)


def test_layers_in_between_can_be_had():
    encoder = tiny.encoder()
    model = keras.Model(encoder.input, encoder.get_layer("scale_1").output)
    (features,) = outputs(model, examples(encoder))
    assert features.shape == (3, 4, 4, 8) and np.abs(features).max() > 0
    names = [layer.name for layer in NETWORKS["InfoGANEncoder"]().layers]
    assert names == [layer.name for layer in NETWORKS["InfoGANEncoder"]().layers]


def test_what_is_frozen_stays_frozen(name, tmp_path):
    everything = len(trained(NETWORKS[name]()))
    for number, path in enumerate(FREEZABLE[name]):
        network = NETWORKS[name]()
        find(network, path).trainable = False
        copies = [
            type(network).from_config(network.get_config()),
            keras.models.clone_model(network),
        ]
        if number == 1:
            network.save(tmp_path / "network.keras")
            copies.append(keras.saving.load_model(tmp_path / "network.keras"))
        for copy in copies:
            assert len(trained(copy)) == len(trained(network))
            assert {p: flag for p, flag in flags(copy).items() if not flag} == {
                p: flag for p, flag in flags(network).items() if not flag
            }
        if "relu" not in path:
            assert len(trained(network)) < everything


def test_a_frozen_network_is_frozen(name):
    network = NETWORKS[name]()
    network.trainable = False
    assert trained(keras.models.clone_model(network)) == []
    copies = [
        network,
        type(network).from_config(network.get_config()),
        NETWORKS[name](trainable=False),
    ]
    for copy in copies:
        parent = keras.Model(copy.input, copy(copy.input))
        assert trained(parent) == trained(copy) == []
        assert not any(flags(copy).values())
        copy.trainable = True
        assert len(trained(copy)) == len(trained(NETWORKS[name]()))


def test_layers_can_be_trained_in_a_frozen_one():
    encoder = tiny.encoder()
    encoder.get_layer("dense_scale").trainable = False
    find(encoder, "dense_scale/block_0/shortcut").trainable = True
    copy = type(encoder).from_config(encoder.get_config())
    assert flags(copy) == flags(encoder)
    assert trained(copy) == trained(encoder)
    assert copy.get_config() == encoder.get_config()
    encoder.trainable = False
    encoder.trainable = True
    assert encoder.get_config() == {**tiny.encoder().get_config(), "name": encoder.name}


def test_composite_layers_keep_what_is_frozen_before_they_are_built():
    layer = tiny.encoder().get_layer("scale_0")
    find(layer, "block_0/transform_0").trainable = False
    copy = type(layer).from_config(layer.get_config())
    again = type(layer).from_config(copy.get_config())
    again.build((None, 8, 8, 4))
    assert flags(again) == flags(layer)
