import keras
import numpy as np
import pytest

from keras_tsvae.networks import (
    InfoGANDecoder,
    InfoGANEncoder,
    MLPDecoder,
    MLPEncoder,
    ResNetDecoder,
    ResNetEncoder,
    WAEDecoder,
    WAEEncoder,
)
from tests.harness import call, check_serializable, flat, gradients

SMALL = {"base_dim": 2, "depth_per_block": 1}
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(3, 6)).astype("float32")
C = RNG.normal(size=(3, 2)).astype("float32")
DECODERS = {
    "resnet": lambda **kw: ResNetDecoder((8, 8, 2), 6, condition_dim=2, **SMALL, **kw),
    "infogan": lambda **kw: InfoGANDecoder(
        (8, 4, 2), 6, base_dim=2, fc_dim=8, condition_dim=2, **kw
    ),
    "wae": lambda **kw: WAEDecoder((8, 8, 2), 6, base_dim=2, condition_dim=2, **kw),
}
ENCODERS = {
    "resnet": lambda: ResNetEncoder((4, 4, 2), 6, 4, 2, 1, 1, 3, 8, condition_dim=2),
    "infogan": lambda: InfoGANEncoder((8, 4, 2), 6, base_dim=2, fc_dim=8, condition_dim=2),
    "wae": lambda: WAEEncoder((8, 8, 2), 6, base_dim=2, condition_dim=2),
}
MODES = {"resnet": ["concat", "modulate"], "infogan": ["modulate"], "wae": ["concat"]}
MLPS = {"encoder": MLPEncoder, "decoder": MLPDecoder}
NETWORKS = {
    **{f"{name} encoder": (make, False) for name, make in ENCODERS.items()},
    **{
        f"{name} decoder, {mode}": (lambda make=make, mode=mode: make(conditioning=mode), True)
        for name, make in DECODERS.items()
        for mode in MODES[name]
    },
    **{
        f"MLP {name}, {mode}": (
            lambda cls=cls, mode=mode: cls(6, 8, 2, condition_dim=2, conditioning=mode),
            True,
        )
        for name, cls in MLPS.items()
        for mode in ("concat", "modulate")
    },
}


@keras.saving.register_keras_serializable(package="tests")
class Pair(keras.layers.Layer):
    """A conditioned network as a layer of two inputs, for the harness."""

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        self.network = network

    def call(self, x, condition, training=None):
        return self.network([x, condition], training=training)

    def get_config(self):
        return {"network": keras.saving.serialize_keras_object(self.network)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["network"]))


def scattered(network):
    """The network with random weights, biases such that no relu is dead."""
    rng = np.random.default_rng(1)
    for w in network.weights:
        low = -0.2 if len(w.shape) > 1 or "mean" in w.path else 0.5
        w.assign(rng.uniform(low, low + 0.5, w.shape))
    return network


def inputs_of(name, make):
    return (
        Z if NETWORKS[name][1] else RNG.random((3, *make().inputs[0].shape[1:])).astype("float32")
    )


@pytest.mark.parametrize(
    "name", ["resnet encoder", "resnet decoder, modulate", "MLP encoder, concat"]
)
def test_round_trip(name, tmp_path):
    make, _ = NETWORKS[name]
    x = inputs_of(name, make)
    check_serializable(lambda: Pair(make()), (x, C), tmp_path, training_matters="MLP" not in name)


# JAX compiles for long, and differentiates whatever TensorFlow does.
FEWER = keras.backend.backend() == "jax"


@pytest.mark.parametrize("name", [n for n in NETWORKS if not FEWER or n[:3] not in ("inf", "wae")])
def test_config_gradients_and_that_the_condition_matters(name):
    make, _ = NETWORKS[name]
    network, x = scattered(make()), inputs_of(name, make)
    clone = type(network).from_config(network.get_config())
    assert clone.get_config() == network.get_config() and network.get_config()["condition_dim"] == 2
    assert [w.shape for w in clone.weights] == [w.shape for w in network.weights]
    grads = gradients(network, ([x, C],), training=False)
    assert not [w.path for w, g in zip(network.trainable_weights, grads) if not np.abs(g).max() > 0]
    both = [np.concatenate([x, x]), np.concatenate([C, C[::-1]])]
    ours, others = np.split(flat(call(network, (both,)))[0], 2)
    difference = np.abs(ours - others).reshape(3, -1).max(1)
    assert difference[[0, 2]].min() > 1e-4 and difference[1] < 1e-6


def dense(x, layer):
    kernel, bias = map(np.asarray, layer.weights)
    return x @ kernel + bias


def hidden(network, x, conditioning):
    """Input and output of the hidden layers, by the definition."""
    x = np.concatenate([x, C], 1) if conditioning == "concat" else x
    h = x
    for index in range(2):
        h = dense(h, network.get_layer(f"hidden_{index}"))
        if conditioning == "modulate":
            scale, shift = np.split(dense(C, network.get_layer(f"modulation_{index}")), 2, 1)
            h = (1 + scale) * h + shift
        h = np.maximum(h, 0)
    return np.concatenate([x, h], 1)


@pytest.mark.parametrize("conditioning", ["concat", "modulate"])
def test_mlps_are_their_equations(conditioning):
    arguments = {"width": 8, "depth": 2, "condition_dim": 2, "conditioning": conditioning}
    encoder = scattered(MLPEncoder(6, **arguments))
    features = hidden(encoder, Z, conditioning)
    for output, name in zip(flat(encoder([Z, C])), ("mean", "log_std")):
        np.testing.assert_allclose(output, dense(features, encoder.get_layer(name)), atol=1e-5)
    decoder = scattered(MLPDecoder(6, **arguments))
    expected = dense(hidden(decoder, Z, conditioning), decoder.get_layer("z"))
    np.testing.assert_allclose(flat(decoder([Z, C]))[0], expected, atol=1e-5)


def test_the_condition_comes_in_where_the_thesis_says():
    encoder = ENCODERS["resnet"]()
    assert encoder.get_layer("spatial_mean").output.shape == (None, 8)
    assert encoder.get_layer("dense_scale").input.shape == (None, 8 + 2)  # (i)
    decoder = DECODERS["resnet"](conditioning="concat")
    assert decoder.get_layer("grid").kernel.shape[0] == 6 + 2  # (ii)
    for cls in MLPS.values():  # (iii), (iv)
        network = cls(6, 8, 1, condition_dim=2, conditioning="concat")
        assert network.get_layer("hidden_0").kernel.shape[0] == 6 + 2


@pytest.mark.parametrize("name", DECODERS)
def test_concatenation_adds_inputs_alone_and_modulation_is_in_every_block(name):
    concat, modulate = (DECODERS[name](conditioning=mode) for mode in ("concat", "modulate"))
    assert not [w for w in concat.weights if "modulation" in w.path]
    modulations = [w for w in modulate.weights if "modulation" in w.path]
    rest = [w.shape for w in modulate.weights if "modulation" not in w.path]
    differences = [(a, b.shape) for a, b in zip(rest, concat.weights) if a != b.shape]
    assert [(b[0] - a[0], b[1] - a[1]) for a, b in differences] == [(2, 0)]  # one kernel, wider
    blocks = {"resnet": 1 + 2, "infogan": 3, "wae": 4}[name]  # the grid and the blocks
    assert len(modulations) == 2 * blocks
    assert all(w.shape[0] == 2 for w in modulations if len(w.shape) == 2)


def test_an_untrained_modulation_leaves_the_network_as_it_was():
    network = DECODERS["resnet"](conditioning="modulate")
    ours, others = (flat(call(network, ([Z, c],)))[0] for c in (C, 5 * C))
    np.testing.assert_array_equal(ours, others)


@pytest.mark.parametrize("make", [*DECODERS.values(), lambda **kw: MLPEncoder(6, **kw)])
def test_bad_arguments_are_named(make):
    with pytest.raises(ValueError, match="`conditioning` must be one of .* Received: .*'film'"):
        make(conditioning="film")
    with pytest.raises(ValueError, match="`condition_dim` must be a positive integer"):
        MLPDecoder(6, condition_dim=0)
