import keras
import numpy as np
import pytest

from keras_tsvae.networks import MLPDecoder, MLPEncoder, ResNetDecoder, ResNetEncoder
from tests.harness import check_serializable, flat, gradients

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
    mean, log_std = ResNetEncoder(shape, 6, base_dim=2, num_scale=2, fc_dim=8)(images)
    assert mean.shape == log_std.shape == (2, 6)
    decoder = ResNetDecoder(shape, 6, base_dim=2)
    reconstruction = flat(decoder(Z[:2]))[0]
    assert reconstruction.shape == (2, *shape)
    assert 0 < reconstruction.min() < reconstruction.max() < 1
    assert decoder.get_layer("reshape").output.shape[1:3] == grid


def test_cifar_10_widths_are_the_papers():
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


def test_decoder_width_is_capped_at_1024():
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
@pytest.mark.parametrize("network", [ResNetEncoder, ResNetDecoder])
def test_bad_image_shapes_are_named(network, shape):
    with pytest.raises(ValueError, match="`image_shape` must be .* Received: image_shape="):
        network(shape, 4)


@pytest.mark.parametrize("name", ["latent_dim", "base_dim", "kernel_size", "block_per_scale"])
@pytest.mark.parametrize("network", [ResNetEncoder, ResNetDecoder])
def test_bad_sizes_are_named(network, name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer"):
        network((8, 8, 1), **{"latent_dim": 4, name: 0})


def test_an_image_one_pixel_high_is_refused():
    with pytest.raises(ValueError, match="height and a width of at least 2"):
        ResNetDecoder((1, 8, 1), 4)
