import keras
import numpy as np
import pytest

from keras_tsvae.layers import DenseResBlock, DenseScaleBlock, Modulation, ResBlock, ScaleBlock
from tests.harness import call, check_serializable, flat, gradients
from tests.layers.test_res_block import conv

RNG = np.random.default_rng(0)
PICTURES = RNG.normal(size=(3, 5, 6, 4)).astype("float32")
VECTORS = RNG.normal(size=(3, 4)).astype("float32")
CONDITION = RNG.normal(size=(3, 2)).astype("float32")


def scatter(layer):
    """Gives every weight another random value, moving variances a positive one."""
    rng = np.random.default_rng(1)
    layer.set_weights([rng.uniform(0.1, 0.9, w.shape) for w in layer.weights])
    return layer


def modulated(y, modulation):
    """The definition: channel by channel, `(1 + scale) * y + shift`."""
    kernel, bias = (np.asarray(w, "float64") for w in modulation.weights)
    affine = CONDITION @ kernel + bias
    channels = y.shape[-1]
    out = np.empty(y.shape)
    for example in range(len(y)):
        for channel in range(channels):
            scale, shift = affine[example, channel], affine[example, channels + channel]
            out[example, ..., channel] = (1 + scale) * y[example, ..., channel] + shift
    return out


@pytest.mark.parametrize("x", [PICTURES, VECTORS])
def test_modulation_is_its_equation(x):
    layer = Modulation()
    np.testing.assert_array_equal(flat(layer(x, CONDITION))[0], x)  # at first
    scatter(layer)
    np.testing.assert_allclose(flat(layer(x, CONDITION))[0], modulated(x, layer), atol=1e-5)


def test_a_res_block_modulates_what_goes_into_each_relu():
    block = ResBlock(6, depth_per_block=2)
    block.build(PICTURES.shape, CONDITION.shape)
    scatter(block)
    y = PICTURES.astype("float64")
    for norm, modulation, transform in zip(block.norms, block.modulations, block.transforms):
        gamma, beta, mean, variance = (np.asarray(w) for w in norm.weights[:4])
        y = (y - mean) / np.sqrt(variance + 1e-5) * gamma + beta
        y = conv(np.maximum(modulated(y, modulation), 0), *map(np.asarray, transform.weights))
    expected = y + conv(PICTURES, *map(np.asarray, block.shortcut.weights))
    assert len(block.modulations) == 2
    outputs = flat(call(block, (PICTURES, CONDITION)))[0]
    np.testing.assert_allclose(outputs, expected, rtol=1e-4)


def test_a_dense_res_block_modulates_what_goes_into_each_relu():
    block = DenseResBlock(6, depth_per_block=3)
    block(VECTORS, CONDITION)
    scatter(block)
    y = VECTORS
    for modulation, transform in zip(block.modulations, block.transforms):
        kernel, bias = map(np.asarray, transform.weights)
        y = np.maximum(modulated(y, modulation), 0) @ kernel + bias
    kernel, bias = map(np.asarray, block.shortcut.weights)
    expected = y + VECTORS @ kernel + bias
    np.testing.assert_allclose(flat(block(VECTORS, CONDITION))[0], expected, rtol=1e-4)


@pytest.mark.parametrize(
    "make, inputs, has_norm",
    [
        (Modulation, PICTURES, False),
        (lambda: ScaleBlock(6, block_per_scale=2, depth_per_block=1), PICTURES, True),
        (lambda: DenseScaleBlock(6, block_per_scale=2, depth_per_block=1), VECTORS, False),
    ],
)
def test_round_trip(make, inputs, has_norm, tmp_path):
    layer = check_serializable(make, (inputs, CONDITION), tmp_path, training_matters=has_norm)
    shape = layer.compute_output_shape(inputs.shape, CONDITION.shape)
    assert shape == (*inputs.shape[:-1], 4 if make is Modulation else 6)
    if has_norm:
        scatter(layer)
    grads = gradients(layer, (inputs, CONDITION), training=False)
    assert all(np.abs(g).sum() > 0 for g in grads)


def test_blocks_called_without_a_condition_have_no_modulation():
    block = ScaleBlock(6)
    block(PICTURES)
    assert not any("modulation" in w.path for w in block.weights)
    assert keras.backend.standardize_dtype(block(PICTURES).dtype) == "float32"
