import dataclasses

import keras
import numpy as np
import pytest

from keras_tsvae import Posteriors, losses
from keras_tsvae.latents import statistics
from keras_tsvae.latents.statistics import LatentStatistics

WIDTH = 3


def posteriors_of(n, seed=0):
    """Correlated means off the origin, and deviations of one unit close to 1."""
    rng = np.random.default_rng(seed)
    mixing = np.array([[1.5, 0.0, 0.0], [0.4, 0.3, 0.0], [0.0, 0.0, 0.05]])
    mean = rng.standard_normal((n, WIDTH)) @ mixing.T + [0.5, 0.0, -0.25]
    std = rng.uniform(0.1, 0.3, (n, WIDTH)) + [0.0, 0.2, 0.75]
    return Posteriors(mean.astype("float32"), std.astype("float32"))


def standard_normal(n, width=WIDTH, shift=0.0, seed=0):
    """Posteriors whose aggregate is N(shift, I), of sharp and of wide units."""
    rng = np.random.default_rng(seed)
    std = np.linspace(0.1, 0.99, width)
    return Posteriors(
        shift + rng.standard_normal((n, width)) * np.sqrt(1 - std**2), np.full((n, width), std)
    )


def test_moments_of_each_unit():
    posteriors = posteriors_of(50)
    found = LatentStatistics.from_posteriors(posteriors)
    for unit in range(WIDTH):
        mean, std = posteriors.mean[:, [unit]], posteriors.std[:, [unit]]
        kl = keras.ops.convert_to_numpy(losses.kl_divergence(mean, np.log(std)))
        np.testing.assert_allclose(found.kl_per_unit[unit], kl.mean(), rtol=1e-5)
        np.testing.assert_allclose(found.posterior_variance[unit], (std**2).mean(), rtol=1e-5)
    assert found.active_units == posteriors.active_units() == 2
    assert found.inactive_units == 1


def test_spectrum_and_gaussian_kl():
    scipy_stats = pytest.importorskip("scipy.stats")
    posteriors = posteriors_of(200)
    found = LatentStatistics.from_posteriors(posteriors)
    mean, std = posteriors.mean.astype("float64"), posteriors.std.astype("float64")
    covariance = np.cov(mean.T, bias=True) + np.diag((std**2).mean(0))
    np.testing.assert_allclose(
        found.spectrum, np.linalg.svd(covariance, compute_uv=False), rtol=1e-9
    )
    assert found.spectrum_max == found.spectrum[0] > found.spectrum[-1] == found.spectrum_min
    center = mean.mean(0)
    entropy = scipy_stats.multivariate_normal(center, covariance).entropy()
    cross_entropy = 0.5 * (WIDTH * np.log(2 * np.pi) + np.trace(covariance) + center @ center)
    np.testing.assert_allclose(found.gaussian_kl, cross_entropy - entropy, rtol=1e-9)


def test_draws_have_the_spectrum():
    z = statistics.draw(posteriors_of(20_000), seed=5)
    spectrum = np.linalg.eigvalsh(np.cov(z.T))[::-1]
    found = LatentStatistics.from_posteriors(posteriors_of(20_000))
    np.testing.assert_allclose(spectrum, found.spectrum, rtol=0.05)


def test_a_standard_normal_aggregate_is_told_from_others():
    prior = LatentStatistics.from_posteriors(standard_normal(20_000))
    np.testing.assert_allclose(prior.spectrum, 1, atol=0.05)
    assert 0 <= prior.gaussian_kl < 1e-3 and abs(prior.mmd) < 1e-3
    shifted = LatentStatistics.from_posteriors(standard_normal(20_000, shift=1.0))
    np.testing.assert_allclose(shifted.gaussian_kl, WIDTH / 2, rtol=0.05)
    assert shifted.mmd > 0.1


def test_mmd_sees_what_moments_do_not():
    """Corners of a cube have the mean and the covariance of N(0, I)."""
    corners = np.stack(np.meshgrid(*[[-1.0, 1.0]] * WIDTH), -1).reshape(-1, WIDTH)
    corners = Posteriors(np.tile(corners, (250, 1)), np.full((2000, WIDTH), 1e-3))
    found = LatentStatistics.from_posteriors(corners)
    assert found.gaussian_kl < 1e-4
    assert found.mmd > 3e-3


def test_mmd_is_that_of_brute_force():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((6, WIDTH)) + 0.7
    y, other = rng.standard_normal((2, 50_000, WIDTH))

    def kernel(a, b):
        return np.exp(-np.square(a - b).sum(-1) / (2 * WIDTH))

    among_z = np.mean([kernel(z[i], z[j]) for i in range(6) for j in range(6) if i != j])
    with_prior = np.mean([kernel(one, y).mean() for one in z])
    expected = among_z - 2 * with_prior + kernel(y, other).mean()
    np.testing.assert_allclose(statistics.squared_mmd(z), expected, atol=5e-3)


def test_distances_that_rounding_makes_negative_are_none():
    z = 1e9 + np.random.default_rng(0).standard_normal((50, 2))
    assert statistics.squared_mmd(z) <= 1 + 0.5  # a kernel is 1 at most


def test_mmd_is_unbiased():
    rng = np.random.default_rng(0)
    values = [statistics.squared_mmd(rng.standard_normal((50, WIDTH))) for _ in range(400)]
    assert min(values) < 0
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


def test_points_and_single_posteriors():
    mean = np.random.default_rng(0).standard_normal((40, WIDTH)) * [1, 1, 0]
    points = LatentStatistics.from_posteriors(Posteriors(mean, np.zeros_like(mean)))
    variance = np.maximum(mean.var(0), 1e-12)
    kl = 0.5 * (mean.var(0) + np.square(mean.mean(0)) - 1 - np.log(variance))
    np.testing.assert_allclose(points.kl_per_unit, kl)  # of each unit as a whole
    assert points.spectrum_min == 0
    assert np.isfinite([points.gaussian_kl, points.mmd]).all() and points.gaussian_kl > 10
    single = LatentStatistics.from_posteriors(Posteriors(np.zeros((1, 2)), np.ones((1, 2))))
    assert single.gaussian_kl == 0 and np.isnan(single.mmd)


def test_a_single_point_makes_the_divergence_of_its_unit_alone_that_of_the_whole():
    posteriors = posteriors_of(50)
    std = posteriors.std.copy()
    std[7, 1] = 0
    found = LatentStatistics.from_posteriors(Posteriors(posteriors.mean, std))
    expected = LatentStatistics.from_posteriors(posteriors)
    np.testing.assert_array_equal(found.kl_per_unit[[0, 2]], expected.kl_per_unit[[0, 2]])
    variance = posteriors.mean[:, 1].var(dtype="float64") + np.square(std[:, 1]).mean()
    whole = 0.5 * (variance + posteriors.mean[:, 1].mean() ** 2 - 1 - np.log(variance))
    np.testing.assert_allclose(found.kl_per_unit[1], whole, rtol=1e-5)


def test_the_log_density_of_a_gaussian_is_exact():
    scipy_stats = pytest.importorskip("scipy.stats")
    held_out, train = posteriors_of(300, seed=1), posteriors_of(500)
    mean, covariance = statistics.moments(train)
    np.testing.assert_allclose(mean, train.mean.mean(0), rtol=1e-4, atol=1e-6)
    z = np.concatenate([statistics.draw(held_out, seed) for seed in range(100)])
    for center, spread in ((mean, covariance), (np.zeros(WIDTH), np.eye(WIDTH))):
        drawn = scipy_stats.multivariate_normal(center, spread).logpdf(z).mean()
        exact = statistics.gaussian_log_prob(held_out, center, spread)
        np.testing.assert_allclose(exact, drawn, atol=0.03)
    # At the best Gaussian of all, it is minus the entropy.
    own = statistics.moments(held_out)
    entropy = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * own[1])[1]
    best = statistics.gaussian_log_prob(held_out, *own)
    np.testing.assert_allclose(best, -entropy, rtol=1e-9)
    assert best > statistics.gaussian_log_prob(held_out, mean, covariance)


def test_memory_mapped_posteriors_in_several_chunks(tmp_path, monkeypatch):
    posteriors = posteriors_of(2_500)
    expected = LatentStatistics.from_posteriors(posteriors)
    posteriors.save(tmp_path / "posteriors.h5")
    monkeypatch.setattr(statistics, "_ROWS_AT_ONCE", 700)
    mapped = Posteriors.load(tmp_path / "posteriors.h5")
    assert isinstance(mapped.mean, np.memmap)
    found = LatentStatistics.from_posteriors(mapped)
    for name in ("kl_per_unit", "posterior_variance", "spectrum", "gaussian_kl", "mmd"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9)


def test_large_means_lose_nothing():
    """In float32, 5000 squared has no place for a variance of 1e-4."""
    rng = np.random.default_rng(0)
    mean = (5000 + 0.01 * rng.standard_normal((400, 2))).astype("float32")
    found = LatentStatistics.from_posteriors(Posteriors(mean, np.full_like(mean, 1e-3)))
    covariance = np.cov(mean.astype("float64").T, bias=True) + 1e-6 * np.eye(2)
    np.testing.assert_allclose(found.spectrum, np.linalg.eigvalsh(covariance)[::-1], rtol=1e-3)


@pytest.mark.parametrize("variance, active", [(0.79, 3), (0.81, 0)])
def test_units_are_active_below_four_fifths(variance, active):
    std = np.full((9, 3), np.sqrt(variance))
    found = LatentStatistics.from_posteriors(Posteriors(np.zeros((9, 3)), std))
    assert (found.active_units, found.inactive_units) == (active, 3 - active)
    edge = dataclasses.replace(found, posterior_variance=np.array([0.8, 0.79, 0.81]))
    assert edge.active_units == 1


def test_the_discrepancy_is_of_two_thousand_draws():
    posteriors = posteriors_of(2_500)
    found = LatentStatistics.from_posteriors(posteriors).mmd
    z = statistics.draw(posteriors, statistics._SEED, at_most=2_000)
    assert z.shape == (2_000, WIDTH) and found == statistics.squared_mmd(z)


def test_variances_count_down_to_1e_12():
    std = np.full((5, 2), [1.0, 1e-5])
    found = LatentStatistics.from_posteriors(Posteriors(np.zeros((5, 2)), std)).gaussian_kl
    np.testing.assert_allclose(found, 0.5 * (1e-10 - 1 - np.log(1e-10)), rtol=1e-9)
    found = LatentStatistics.from_posteriors(Posteriors(np.zeros((5, 2)), std * [1, 0]))
    np.testing.assert_allclose(found.gaussian_kl, 0.5 * (-1 - np.log(1e-12)), rtol=1e-9)


def test_draws_are_of_each_posteriors_own_deviation():
    std = np.repeat([[0.1, 3.0]], 20_000, 0)
    z = statistics.draw(Posteriors(np.full_like(std, 2.0), std), 0)
    np.testing.assert_allclose(z.std(0), [0.1, 3.0], rtol=0.03)
    np.testing.assert_allclose(z.mean(0), 2.0, atol=0.1)


def test_draws_depend_on_the_seed_alone():
    posteriors = posteriors_of(300)
    np.testing.assert_array_equal(statistics.draw(posteriors, 1), statistics.draw(posteriors, 1))
    assert (statistics.draw(posteriors, 1) != statistics.draw(posteriors, 2)).all()
    rows = np.arange(300.0)[:, None]
    np.testing.assert_array_equal(
        statistics.draw(posteriors, 1, at_most=300), statistics.draw(posteriors, 1)
    )
    few = statistics.draw(Posteriors(rows, 0 * rows), 1, at_most=100)[:, 0]
    assert len(few) == 100 and (np.diff(few) > 0).all()  # all different, in their order
