"""The triangular transport of a Gaussian mixture, between z and standard normal u."""

import numpy as np
import pytest
from keras import ops
from scipy import special

from keras_tsvae.latents import triangular_transport as transport


def mixture(components, d, seed=0):
    """Log weights, means and factors of a mixture."""
    rng = np.random.default_rng(seed)
    factors = np.tril(0.3 * rng.normal(size=(components, d, d)), -1) + np.eye(d)
    arrays = (
        np.log(rng.dirichlet(np.ones(components)))[None],
        rng.normal(size=(components, d))[None],
    )
    return [ops.convert_to_tensor(a.astype("float32")) for a in (*arrays, factors)]


@pytest.mark.parametrize("size", [1.0, 12.0])
def test_there_and_back_at_any_distance(size):
    u = (size * np.random.default_rng(1).normal(size=(20, 5))).astype("float32")
    parts = mixture(3, 5)
    z = transport.from_normal(ops.convert_to_tensor(u), *parts)
    back = ops.convert_to_numpy(transport.to_normal(z, *parts))
    np.testing.assert_allclose(back, u, rtol=1e-4, atol=1e-4)


def test_of_one_gaussian_it_is_the_whitening_however_far():
    log_weights, means, factors = mixture(1, 4)
    u = np.array([[0.0, 1.0, -8.0, 40.0], [-40.0, 6.0, 13.0, 0.1]], "float32")
    expected = u @ ops.convert_to_numpy(factors)[0].T + ops.convert_to_numpy(means)[0]
    z = transport.from_normal(ops.convert_to_tensor(u), log_weights, means, factors)
    np.testing.assert_allclose(ops.convert_to_numpy(z), expected, rtol=1e-5, atol=1e-5)
    back = transport.to_normal(z, log_weights, means, factors)
    np.testing.assert_allclose(ops.convert_to_numpy(back), u, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("d", [1, 2, 7, 16])
def test_inverses_of_lower_triangular_matrices(d):
    factors = mixture(3, d)[2]
    inverse = ops.convert_to_numpy(transport.lower_inverse(factors))
    expected = np.linalg.inv(ops.convert_to_numpy(factors).astype("float64"))
    np.testing.assert_allclose(inverse, expected, atol=2e-5)


def test_the_normal_distribution_function_in_both_tails():
    x = np.linspace(-8, 8, 1001, dtype="float32")
    ours = ops.convert_to_numpy(transport.normal_cdf(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(ours, special.ndtr(x.astype("float64")), rtol=1e-5)
