"""The affine map between Gaussians."""

import numpy as np
import pytest

from keras_tsvae.latents.linear_transport import linear_transport
from keras_tsvae.metrics.frechet import frechet_distance

pytestmark = pytest.mark.backend_free


def gaussian(rng, d):
    root = rng.normal(size=(d, d))
    return rng.normal(size=d), root @ root.T + 0.1 * np.eye(d)


def test_moments_are_those_of_the_target_and_the_way_is_the_shortest():
    rng = np.random.default_rng(0)
    (mean, covariance), (target_mean, target) = gaussian(rng, 5), gaussian(rng, 5)
    factor, shift = linear_transport(mean, covariance, target_mean, target)
    np.testing.assert_allclose(mean @ factor + shift, target_mean, atol=1e-10)
    np.testing.assert_allclose(factor.T @ covariance @ factor, target, atol=1e-8)
    np.testing.assert_allclose(factor, factor.T, atol=1e-10)
    way = np.eye(5) - factor
    moved = np.trace(way.T @ covariance @ way) + np.square(mean - target_mean).sum()
    expected = frechet_distance(mean, covariance, target_mean, target)
    np.testing.assert_allclose(moved, expected, rtol=1e-6)


def test_equal_gaussians_stay_and_directions_without_variance_are_borne():
    rng = np.random.default_rng(1)
    mean, covariance = gaussian(rng, 3)
    factor, shift = linear_transport(mean, covariance, mean, covariance)
    np.testing.assert_allclose(factor, np.eye(3), atol=1e-7)
    np.testing.assert_allclose(shift, 0.0, atol=1e-7)
    for flat in (np.diag([1.0, 0.0, 2.0]), np.zeros((3, 3))):
        assert all(np.isfinite(part).all() for part in linear_transport(mean, flat, mean, flat))
