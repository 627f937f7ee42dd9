import numpy as np
import pytest

from keras_tsvae.layers import DenseResBlock, DenseScaleBlock, ResBlock, ScaleBlock
from tests.harness import check_serializable, gradients

PICTURES = np.random.default_rng(0).normal(size=(3, 5, 6, 4)).astype("float32")
VECTORS = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


def conv(x, kernel, bias):
    """A 'same' convolution of stride 1, written out."""
    side = kernel.shape[0]
    before = (side - 1) // 2
    padded = np.pad(x, ((0, 0), *[(before, side - 1 - before)] * 2, (0, 0)))
    out = np.zeros((*x.shape[:3], kernel.shape[-1])) + bias
    for i in range(side):
        for j in range(side):
            window = padded[:, i : i + x.shape[1], j : j + x.shape[2]]
            out += window @ kernel[i, j]
    return out


@pytest.mark.parametrize("depth, side", [(2, 3), (1, 4), (3, 1)])
def test_res_block_is_its_equation(depth, side):
    block = ResBlock(6, depth_per_block=depth, kernel_size=side)
    outputs = np.asarray(block(PICTURES))
    y = PICTURES.astype("float64")
    for transform in block.transforms:  # untrained statistics: mean 0, variance 1
        y = conv(np.maximum(y / np.sqrt(1 + 1e-5), 0), *map(np.asarray, transform.weights))
    expected = y + conv(PICTURES, *map(np.asarray, block.shortcut.weights))
    assert outputs.shape == (3, 5, 6, 6)
    np.testing.assert_allclose(outputs, expected, atol=2e-5)


def test_dense_res_block_is_its_equation():
    block = DenseResBlock(6, depth_per_block=3)
    outputs = np.asarray(block(VECTORS))
    y = VECTORS
    for transform in block.transforms:
        kernel, bias = map(np.asarray, transform.weights)
        y = np.maximum(y, 0) @ kernel + bias
    kernel, bias = map(np.asarray, block.shortcut.weights)
    np.testing.assert_allclose(outputs, y + VECTORS @ kernel + bias, atol=1e-5)


def test_the_shortcut_is_a_convolution_where_widths_agree():
    assert ResBlock(4)(PICTURES) is not None
    block = ResBlock(4)
    block.build(PICTURES.shape)
    assert block.shortcut.kernel.shape == (3, 3, 4, 4)


@pytest.mark.parametrize(
    "make, inputs, has_norm",
    [
        (lambda: ResBlock(6, depth_per_block=1, kernel_size=2), PICTURES, True),
        (lambda: ScaleBlock(6, block_per_scale=2), PICTURES, True),
        (lambda: DenseResBlock(6), VECTORS, False),
        (lambda: DenseScaleBlock(6, block_per_scale=2, depth_per_block=1), VECTORS, False),
    ],
)
def test_blocks_round_trip(make, inputs, has_norm, tmp_path):
    layer = check_serializable(make, inputs, tmp_path, training_matters=has_norm)
    assert layer.compute_output_shape(inputs.shape) == (*inputs.shape[:-1], 6)
    assert all(np.abs(g).sum() > 0 for g in gradients(layer, (inputs,), training=False))


def test_a_scale_block_is_its_blocks_in_order():
    scale = ScaleBlock(6, block_per_scale=3)
    outputs = np.asarray(scale(PICTURES))
    y = PICTURES
    for block in scale.blocks:
        y = block(y)
    assert len(scale.blocks) == 3
    np.testing.assert_allclose(outputs, np.asarray(y), atol=1e-6)


@pytest.mark.parametrize("cls", [ResBlock, DenseResBlock, ScaleBlock, DenseScaleBlock])
@pytest.mark.parametrize("bad", [0, -1, 2.5, "3", True, None])
def test_bad_arguments_are_named(cls, bad):
    with pytest.raises(ValueError, match=r"must be a positive integer. Received: .*="):
        cls(bad)
    with pytest.raises(ValueError, match="`depth_per_block` must be a positive integer"):
        cls(4, depth_per_block=bad)
