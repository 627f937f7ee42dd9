import keras
import numpy as np
import pytest

from keras_tsvae.layers import SpectralNormalization
from tests.harness import check_serializable, gradients

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(3, 5)).astype("float32")
PICTURES = RNG.normal(size=(3, 6, 6, 2)).astype("float32")


def dense():
    return SpectralNormalization(keras.layers.Dense(4, use_bias=False))


def conv():
    return SpectralNormalization(keras.layers.Conv2D(4, 3, strides=2, use_bias=False))


def matrix(layer):
    kernel = np.asarray(layer.layer.kernel)
    return kernel.reshape(-1, kernel.shape[-1]).astype("float64")


@pytest.mark.parametrize("make, inputs", [(dense, VECTORS), (conv, PICTURES)])
def test_after_many_steps_the_largest_singular_value_is_one(make, inputs):
    layer = make()
    for _ in range(200):
        layer(inputs, training=True)
    layer.bias.assign([1.0, 2.0, 3.0, 4.0])
    largest = np.linalg.svd(matrix(layer))[1][0]
    expected = np.asarray(layer.layer(inputs)) / largest + [1.0, 2.0, 3.0, 4.0]
    np.testing.assert_allclose(layer(inputs), expected, rtol=1e-4, atol=1e-5)


def test_one_step_of_the_power_iteration_and_nothing_kept_outside_of_training():
    layer = dense()
    layer.build(VECTORS.shape)
    u, w = np.asarray(layer.u), matrix(layer)
    v = w.T @ u / np.linalg.norm(w.T @ u)
    next_u = w @ v / np.linalg.norm(w @ v)
    sigma = (next_u.T @ w @ v).item()
    np.testing.assert_allclose(layer(VECTORS), VECTORS @ w / sigma, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(layer.u, u)
    layer(VECTORS, training=True)
    np.testing.assert_allclose(layer.u, next_u, rtol=1e-5)
    np.testing.assert_array_equal(matrix(layer), w)  # the kernel is the optimiser's alone


def test_the_gradient_flows_through_sigma():
    layer = dense()
    for _ in range(200):
        layer(VECTORS, training=True)
    found = zip(layer.trainable_weights, gradients(layer, (VECTORS,), training=False))
    (gradient,) = (g for weight, g in found if weight is layer.layer.kernel)
    # The output does not change with the kernel's length.
    np.testing.assert_allclose((gradient * matrix(layer)).sum(), 0.0, atol=1e-4)
    assert np.abs(gradient).max() > 0.1


@pytest.mark.parametrize("make, inputs", [(dense, VECTORS), (conv, PICTURES)])
def test_round_trip(make, inputs, tmp_path):
    layer = check_serializable(make, inputs, tmp_path)
    assert layer.compute_output_shape(inputs.shape) == tuple(layer(inputs).shape)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Dense(4),
        keras.layers.Dense(4, use_bias=False, activation="relu"),
        keras.layers.Flatten(),
    ],
)
def test_layers_that_are_not_linear_are_refused(layer):
    with pytest.raises(ValueError, match="`layer` must be a linear layer without bias"):
        SpectralNormalization(layer)
