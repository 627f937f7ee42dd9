"""The velocity of a flow."""

import numpy as np
import pytest

from keras_tsvae import networks
from tests import harness

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
T = np.linspace(0.1, 0.9, 5, dtype="float32")[:, None]
C = np.random.default_rng(1).normal(size=(5, 2)).astype("float32")


def with_values(layer):
    """Gives a layer weights that let all its parts count."""
    rng = np.random.default_rng(2)
    layer.set_weights([0.4 * rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize("inputs", [(X, T), (X, T, C)])
def test_the_usual_checks(inputs, tmp_path):
    condition_dim = 2 if len(inputs) == 3 else None
    layer = harness.check_serializable(
        lambda: networks.MLPVelocity(3, width=8, depth=2, condition_dim=condition_dim),
        inputs,
        tmp_path,
    )
    (velocity,) = harness.flat(harness.call(layer, inputs))
    assert velocity.shape == X.shape and not velocity.any()
    gradients = harness.gradients(with_values(layer), inputs)
    assert all(gradient.any() for gradient in gradients)


@pytest.mark.parametrize("depth", [1, 3])
def test_the_divergence_is_the_sum_of_the_derivatives(depth):
    layer = networks.MLPVelocity(3, width=8, depth=depth, condition_dim=2)
    layer.build(X.shape)
    with_values(layer)
    velocity, divergence = layer.velocity_and_divergence(layer.weights, X, T, C)
    np.testing.assert_allclose(velocity, layer(X, T, C), atol=1e-5)
    by_hand = 0.0
    for index, step in enumerate(1e-2 * np.eye(3, dtype="float32")):
        ends = [np.asarray(layer(X + sign * step, T, C)) for sign in (1, -1)]
        by_hand += (ends[0] - ends[1])[:, index] / 2e-2
    np.testing.assert_allclose(divergence, by_hand, atol=2e-3)


def test_time_and_condition_count():
    layer = networks.MLPVelocity(3, width=8, depth=2, condition_dim=2)
    layer.build(X.shape)
    before = np.asarray(with_values(layer)(X, T, C))
    for changed in ((X, T[::-1], C), (X, T, C[::-1])):
        assert np.abs(np.asarray(layer(*changed)) - before)[0].max() > 1e-3


@pytest.mark.parametrize("name", ["latent_dim", "width", "depth", "condition_dim"])
def test_bad_arguments_are_named(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer"):
        networks.MLPVelocity(**{"latent_dim": 3, name: 0})
