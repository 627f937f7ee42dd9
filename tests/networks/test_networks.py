import json

import keras
import numpy as np
import pytest

from keras_tsvae.backend.keras_internals import shapes_alone
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

SMALL = {"base_dim": 4, "block_per_scale": 1, "depth_per_block": 1, "kernel_size": 5}
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(3, 6)).astype("float32")


@pytest.mark.parametrize(
    "shape, grid",
    [
        ((28, 28, 1), (2, 2)),
        ((32, 32, 3), (2, 2)),
        ((48, 64, 3), (2, 2)),
        ((96, 96, 3), (2, 2)),
        ((32, 64, 3), (2, 4)),
        ((5, 17, 2), (2, 5)),
        ((2, 2, 1), (2, 2)),
    ],
)
def test_any_height_and_width(shape, grid):
    images = RNG.random((2, *shape)).astype("float32")
    mean, log_std = call(ResNetEncoder(shape, 6, base_dim=2, num_scale=2, fc_dim=8), (images,))
    assert mean.shape == log_std.shape == (2, 6)
    decoder = ResNetDecoder(shape, 6, base_dim=2)
    reconstruction = flat(call(decoder, (Z[:2],)))[0]
    assert reconstruction.shape == (2, *shape)
    assert 0 < reconstruction.min() < reconstruction.max() < 1
    assert decoder.get_layer("reshape").output.shape[1:3] == grid


def test_cifar_10_widths_are_the_papers():
    with shapes_alone():
        encoder, decoder = ResNetEncoder((32, 32, 3), 64), ResNetDecoder((32, 32, 3), 64)
    assert [encoder.get_layer(f"scale_{i}").output.shape[1:] for i in range(3)] == [
        (32, 32, 16),
        (16, 16, 32),
        (8, 8, 64),
    ]
    assert encoder.get_layer("dense_scale").output.shape == (None, 512)
    assert decoder.get_layer("reshape").output.shape == (None, 2, 2, 256)
    assert [decoder.get_layer(f"scale_{i}").output.shape[1:] for i in range(4)] == [
        (4, 4, 128),
        (8, 8, 64),
        (16, 16, 32),
        (32, 32, 16),
    ]


def test_infogan_widths_are_the_papers():
    encoder, decoder = InfoGANEncoder((28, 28, 1), 64), InfoGANDecoder((28, 28, 1), 64)
    kernels = [w.shape for w in encoder.trainable_weights if w.name == "kernel"]
    assert kernels == [(4, 4, 1, 64), (4, 4, 64, 128), (7 * 7 * 128, 1024), (1024, 128)]
    assert sum(layer.name.startswith("norm") for layer in encoder.layers) == 2
    kernels = [w.shape for w in decoder.trainable_weights if w.name == "kernel"]
    assert kernels == [(64, 1024), (1024, 7 * 7 * 128), (4, 4, 64, 128), (4, 4, 1, 64)]
    assert sum(layer.name.startswith("norm") for layer in decoder.layers) == 3
    assert all(np.std(w) < 0.03 for w in decoder.trainable_weights if w.name == "kernel")


def test_infogan_deviations_are_softplus():
    encoder = InfoGANEncoder((8, 8, 1), 3, base_dim=2, fc_dim=8)
    encoder.get_layer("gaussian").bias.assign([1, 2, 3, -60, 0, 4])
    mean, log_std = flat(call(encoder, (np.zeros((1, 8, 8, 1), "float32"),)))
    np.testing.assert_allclose(mean, [[1, 2, 3]], rtol=1e-5)
    np.testing.assert_allclose(np.exp(log_std), [[1e-6, np.log(2), 4.018151]], rtol=1e-4)


def test_wae_widths_are_the_papers():
    with shapes_alone():
        encoder, decoder = WAEEncoder((64, 64, 3), 64), WAEDecoder((64, 64, 3), 64)
    shapes = [encoder.get_layer(f"conv_{i}").output.shape[1:] for i in range(4)]
    assert shapes == [(64, 64, 128), (32, 32, 256), (16, 16, 512), (8, 8, 1024)]
    assert decoder.get_layer("reshape").output.shape == (None, 8, 8, 1024)
    shapes = [decoder.get_layer(f"up_{i}").output.shape[1:] for i in range(3)]
    assert shapes == [(16, 16, 512), (32, 32, 256), (64, 64, 128)]
    assert all(layer.kernel.shape[:2] == (5, 5) for layer in decoder.layers if "up" in layer.name)


@pytest.mark.parametrize(
    "network, stride",
    [(InfoGANEncoder, 4), (InfoGANDecoder, 4), (WAEEncoder, 8), (WAEDecoder, 8)],
)
def test_sides_must_be_multiples_of_the_strides(network, stride):
    for shape in ((stride + 2, 2 * stride, 1), (stride, 2 * stride - 1, 1)):
        with pytest.raises(
            ValueError, match=f"`image_shape` .* multiples of {stride}, .*{shape[1]}"
        ):
            network(shape, 4, base_dim=2)


def test_decoder_width_is_capped_at_1024():
    with shapes_alone():
        decoder = ResNetDecoder((32, 32, 3), 4, base_dim=256)
    assert decoder.get_layer("reshape").output.shape == (None, 2, 2, 1024)
    assert decoder.get_layer("scale_0").filters == 1024


@pytest.mark.parametrize(
    "make, inputs, norm",
    [
        (
            lambda: ResNetEncoder((7, 9, 2), 6, num_scale=2, fc_dim=8, **SMALL),
            RNG.random((3, 7, 9, 2)),
            True,
        ),
        (lambda: ResNetDecoder((7, 9, 2), 6, **SMALL), Z, True),
        (
            lambda: InfoGANEncoder((8, 4, 2), 6, base_dim=2, fc_dim=8),
            RNG.random((3, 8, 4, 2)),
            True,
        ),
        (lambda: InfoGANDecoder((8, 4, 2), 6, base_dim=2, fc_dim=8), Z, True),
        (lambda: WAEEncoder((16, 8, 2), 6, base_dim=2), RNG.random((3, 16, 8, 2)), True),
        (lambda: WAEDecoder((16, 8, 2), 6, base_dim=2), Z, True),
        (lambda: MLPEncoder(6, width=8, depth=2), Z, False),
        (lambda: MLPDecoder(6, width=8, depth=1), Z, False),
    ],
)
def test_round_trip(make, inputs, norm, tmp_path):
    inputs = inputs.astype("float32")
    network = check_serializable(make, inputs, tmp_path, training_matters=norm)
    assert all(np.isfinite(g).all() for g in gradients(network, (inputs,)))


def test_mlp_encoder_is_its_equation():
    encoder = MLPEncoder(6, width=8, depth=2)
    h = Z
    for i in range(2):
        kernel, bias = map(np.asarray, encoder.get_layer(f"hidden_{i}").weights)
        h = np.maximum(h @ kernel + bias, 0)
    features = np.concatenate([Z, h], 1)
    for output, name in zip(flat(encoder(Z)), ("mean", "log_std")):
        kernel, bias = map(np.asarray, encoder.get_layer(name).weights)
        np.testing.assert_allclose(output, features @ kernel + bias, atol=1e-5)


def test_the_dtype_policy_travels_in_the_config():
    half = ResNetDecoder((8, 8, 1), 4, base_dim=2, dtype="mixed_bfloat16")
    clone = ResNetDecoder.from_config(half.get_config())
    assert clone.get_layer("scale_0").blocks[0].shortcut.compute_dtype == "bfloat16"
    assert keras.backend.standardize_dtype(clone(Z[:, :4]).dtype) == "float32"


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 0), 8, (8, -8, 1), (8, 8, 1.5), None])
@pytest.mark.parametrize("network", [ResNetEncoder, ResNetDecoder, InfoGANEncoder, WAEDecoder])
def test_bad_image_shapes_are_named(network, shape):
    with pytest.raises(ValueError, match="`image_shape` must be .* Received: image_shape="):
        network(shape, 4)


CONVOLUTIONAL = {"latent_dim": 4, "base_dim": 2}
BLOCKS = {**CONVOLUTIONAL, "block_per_scale": 1, "depth_per_block": 1, "kernel_size": 3}
SIZES = {
    ResNetEncoder: {**BLOCKS, "num_scale": 2, "fc_dim": 8, "condition_dim": 2},
    ResNetDecoder: {**BLOCKS, "condition_dim": 2},
    InfoGANEncoder: {**CONVOLUTIONAL, "fc_dim": 8, "condition_dim": 2},
    InfoGANDecoder: {**CONVOLUTIONAL, "fc_dim": 8, "condition_dim": 2},
    WAEEncoder: {**CONVOLUTIONAL, "condition_dim": 2},
    WAEDecoder: {**CONVOLUTIONAL, "condition_dim": 2},
    MLPEncoder: {"latent_dim": 4, "width": 8, "depth": 2, "condition_dim": 2},
    MLPDecoder: {"latent_dim": 4, "width": 8, "depth": 2, "condition_dim": 2},
}


def made(network, sizes):
    return network(**sizes) if "width" in sizes else network((8, 8, 1), **sizes)


@pytest.mark.parametrize("network", SIZES, ids=lambda network: network.__name__)
def test_bad_sizes_are_named(network):
    for name in SIZES[network]:
        with pytest.raises(ValueError, match=f"`{name}` must be a positive integer"):
            made(network, {**SIZES[network], name: 0})


@pytest.mark.parametrize("network", SIZES, ids=lambda network: network.__name__)
def test_configs_hold_plain_numbers(network):
    sizes = {name: np.int64(size) for name, size in SIZES[network].items()}
    config = json.loads(json.dumps(made(network, sizes).get_config()))
    assert {name: config[name] for name in sizes} == SIZES[network]


def test_an_image_one_pixel_high_is_refused():
    with pytest.raises(ValueError, match="height and a width of at least 2"):
        ResNetDecoder((1, 8, 1), 4)
