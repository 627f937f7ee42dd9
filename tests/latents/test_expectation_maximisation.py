import numpy as np
import pytest
from keras import ops

from keras_tsvae.latents import expectation_maximisation, triangular_transport
from keras_tsvae.latents.expectation_maximisation import ExpectationMaximisation


def mixture_of(means, scale, n, seed=0):
    """Rows of equally large, round clusters, and which is whose."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(means), size=n)
    return (means[labels] + scale * rng.standard_normal((n, means.shape[1]))).astype(
        "float32"
    ), labels


CENTERS = np.array([[5.0, 0.0, 0.0], [-5.0, 0.0, 1.0], [0.0, 6.0, -1.0]])


def rounds_of(mean, std, components, count, **arguments):
    rounds = ExpectationMaximisation(mean, std, components, np.random.default_rng(0), **arguments)
    return rounds, [rounds.round() for _ in range(count)]


def test_one_component_is_the_closed_form():
    rng = np.random.default_rng(0)
    mean = (rng.standard_normal((500, 3)) @ rng.standard_normal((3, 3)) + 4.0).astype("float32")
    std = rng.uniform(0.1, 0.6, (500, 3)).astype("float32")
    rounds, bounds = rounds_of(mean, std, 1, 2, shrinkage=0.0)
    covariance = np.cov(mean.T, ddof=0) + np.diag(np.square(std).mean(0))
    np.testing.assert_allclose(rounds.means[0], mean.mean(0), rtol=1e-5)
    received = rounds.cholesky[0] @ rounds.cholesky[0].T
    np.testing.assert_allclose(received, covariance, rtol=1e-4, atol=1e-5)
    # At the optimum the mean log density of a Gaussian is minus its entropy.
    entropy = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * covariance)[1]
    np.testing.assert_allclose(bounds[1], -entropy, rtol=1e-4)


def test_bounds_rise_and_clusters_are_found():
    mean, labels = mixture_of(CENTERS, 0.5, 3000)
    rounds, bounds = rounds_of(mean, np.full_like(mean, 0.2), 3, 6, shrinkage=0.0)
    assert (np.diff(bounds) > -1e-5).all() and bounds[-1] > bounds[0] + 1e-3
    order = [np.square(rounds.means - center).sum(1).argmin() for center in CENTERS]
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(rounds.means[order], CENTERS, atol=0.1)
    np.testing.assert_allclose(rounds.weights[order], np.bincount(labels) / 3000, atol=0.01)
    variances = np.square(rounds.cholesky).sum(-1)
    np.testing.assert_allclose(variances, 0.5**2 + 0.2**2, rtol=0.15)


def test_the_responsibilities_are_those_of_the_posteriors_as_a_whole():
    mean, _ = mixture_of(CENTERS, 0.5, 200)
    std = np.full_like(mean, 0.3)
    rounds, _ = rounds_of(mean, std, 3, 2)
    result = ops.convert_to_numpy(rounds.responsibilities(mean, std))
    terms = np.empty((200, 3))
    for k in range(3):
        precision = np.linalg.inv(rounds.cholesky[k] @ rounds.cholesky[k].T)
        difference = mean - rounds.means[k]
        quadratic = np.einsum("nd,de,ne->n", difference, precision, difference)
        trace = np.square(std) @ np.diag(precision)
        log_det = np.linalg.slogdet(2 * np.pi * np.linalg.inv(precision))[1]
        terms[:, k] = np.log(rounds.weights[k]) - 0.5 * (quadratic + trace + log_det)
    bound = np.log(np.exp(terms).sum(1))
    np.testing.assert_allclose(result[:, 0], bound, rtol=1e-4)
    np.testing.assert_allclose(result[:, 1:], np.exp(terms - bound[:, None]), atol=1e-4)
    np.testing.assert_allclose(rounds.bound(mean, std), bound.mean(), rtol=1e-4)


def test_batches_change_nothing(monkeypatch):
    mean, _ = mixture_of(CENTERS, 0.5, 500)
    std = np.full_like(mean, 0.2)
    rounds, _ = rounds_of(mean, std, 3, 3)
    monkeypatch.setattr(expectation_maximisation, "ROWS_AT_ONCE", 130)
    others, _ = rounds_of(mean, std, 3, 3)
    np.testing.assert_allclose(rounds.means, others.means, atol=1e-3)
    np.testing.assert_allclose(rounds.cholesky, others.cholesky, atol=1e-3)


def test_equal_points_and_few_of_them_stay_finite():
    for mean in (np.ones((7, 3), "float32"), mixture_of(CENTERS, 0.5, 7)[0]):
        rounds, bounds = rounds_of(mean, np.zeros_like(mean), 5, 4)
        assert np.isfinite(bounds).all() and np.isfinite(rounds.cholesky).all()


@pytest.fixture(scope="module")
def mixture():
    rng = np.random.default_rng(1)
    weights, means = np.array([0.2, 0.5, 0.3]), 2 * rng.standard_normal((3, 4))
    cholesky = np.tril(0.4 * rng.standard_normal((3, 4, 4))) + 0.6 * np.eye(4)
    diagonal = np.arange(4)
    cholesky[:, diagonal, diagonal] = np.abs(cholesky[:, diagonal, diagonal])
    labels = rng.choice(3, 4000, p=weights)
    z = means[labels] + np.einsum("nde,ne->nd", cholesky[labels], rng.standard_normal((4000, 4)))
    parts = (np.log(weights)[None], means[None], cholesky, z)
    return [part.astype("float32") for part in parts]


def test_the_transport_makes_normal_vectors_and_back(mixture):
    *parameters, z = mixture
    u = ops.convert_to_numpy(triangular_transport.to_normal(z, *parameters))
    np.testing.assert_allclose(u.mean(0), 0.0, atol=0.06)
    np.testing.assert_allclose(np.cov(u.T), np.eye(4), atol=0.08)
    assert np.abs(np.corrcoef(np.abs(u).T) - np.eye(4)).max() < 0.06  # independent, not only so
    again = ops.convert_to_numpy(triangular_transport.from_normal(u[:300], *parameters))
    np.testing.assert_allclose(again, z[:300], atol=2e-3)


def test_the_transport_of_one_gaussian_is_linear(mixture):
    log_weights, means, cholesky, z = mixture
    one = (np.zeros((1, 1), "float32"), means[:, :1], cholesky[:1])
    u = ops.convert_to_numpy(triangular_transport.to_normal(z[:50], *one))
    expected = np.linalg.solve(cholesky[0], (z[:50] - means[0, 0]).T).T
    inside = np.abs(expected) < 3
    np.testing.assert_allclose(u[inside], expected[inside], atol=1e-3)
