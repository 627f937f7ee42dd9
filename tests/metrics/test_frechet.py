"""The Fréchet distance and the statistics it is taken of."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from keras_tsvae.metrics import FeatureStatistics, frechet_distance
from tests.metrics import toy

pytestmark = pytest.mark.backend_free


def by_sqrtm(mean1, covariance1, mean2, covariance2):
    root = sqrtm(covariance1 @ covariance2)
    difference = mean1 - mean2
    return difference @ difference + np.trace(covariance1 + covariance2 - 2 * root).real


def moments(features):
    return features.mean(0), np.cov(features.T)


def statistics(features, batch=64):
    result = FeatureStatistics(features.shape[1])
    for start in range(0, len(features), batch):
        result.update(features[start : start + batch])
    return result


def test_distance_is_that_of_the_matrix_root():
    a, b = moments(toy.rows(400)), moments(toy.rows(300, seed=1, shift=0.3))
    np.testing.assert_allclose(frechet_distance(*a, *b), by_sqrtm(*a, *b), rtol=1e-9)
    np.testing.assert_allclose(frechet_distance(*a, *b), frechet_distance(*b, *a), rtol=1e-9)


def test_distance_of_commuting_gaussians_is_the_closed_form():
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    stds = rng.uniform(0.1, 3, (2, 6))
    means = rng.normal(size=(2, 6))
    covariances = [axes * s**2 @ axes.T for s in stds]
    expected = np.sum((means[0] - means[1]) ** 2) + np.sum((stds[0] - stds[1]) ** 2)
    got = frechet_distance(means[0], covariances[0], means[1], covariances[1])
    np.testing.assert_allclose(got, expected, rtol=1e-10)


@pytest.mark.parametrize("n", [2, 10, 1000])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_sets_of_equal_images_in_other_batches_have_distance_0(n, offset):
    rng = np.random.default_rng(n)
    features = rng.normal(size=(n, 64)) * np.arange(1, 65.0) ** -3 + offset  # ill-conditioned
    a, b = statistics(features, 64), statistics(features[::-1], 7)
    assert abs(frechet_distance(a.mean, a.covariance, b.mean, b.covariance)) < 1e-6


def test_few_samples_against_many_agree_with_the_nuclear_norm():
    # Tr (S1 S2)^(1/2) is the nuclear norm of X1 X2^T for centred samples X1 and X2.
    few, many = toy.rows(10, 64), toy.rows(500, 64, seed=1)
    roots = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (few, many)]
    nuclear = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    a, b = moments(few), moments(many)
    expected = np.sum((a[0] - b[0]) ** 2) + np.trace(a[1]) + np.trace(b[1]) - 2 * nuclear
    np.testing.assert_allclose(frechet_distance(*a, *b), expected, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_directions_of_rounding_errors_alone_are_left_out(seed):
    """Such a covariance has a Cholesky factor, but one whose small columns are noise."""
    rng = np.random.default_rng(seed)
    few, many = rng.normal(size=(10, 64)), rng.normal(size=(128, 64))
    first, second = few.T @ few / 10, many.T @ many / 128
    nuclear = np.linalg.svd(few @ many.T / np.sqrt(10 * 128), compute_uv=False).sum()
    noisy = first + 1e-15 * first.max() * np.eye(64)
    zero = np.zeros(64)
    expected = np.trace(first) + np.trace(second) - 2 * nuclear
    np.testing.assert_allclose(frechet_distance(zero, noisy, zero, second), expected, rtol=1e-9)


def test_eigenvalues_that_rounding_makes_negative_count_as_none():
    rng = np.random.default_rng(0)
    for _ in range(20):
        full, line = rng.normal(size=(40, 8)), rng.normal(size=(8, 1))
        expected = np.trace(np.cov(full.T)) + (line**2).sum()
        expected -= 2 * np.sqrt(line.T @ np.cov(full.T) @ line).item()  # a matrix of rank one
        found = frechet_distance(np.zeros(8), np.cov(full.T), np.zeros(8), line @ line.T)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_constant_set_has_the_distance_of_a_point():
    mean, covariance = moments(toy.rows(50))
    d = len(mean)
    got = frechet_distance(mean, covariance, mean + 1, np.zeros((d, d)))
    np.testing.assert_allclose(got, d + np.trace(covariance), rtol=1e-12)


def test_the_scale_of_covariances_does_not_matter():
    mean, covariance = moments(toy.rows(200, 12))
    _, other = moments(toy.rows(150, 12, seed=1))
    expected = by_sqrtm(mean, covariance, mean, other)
    for scale in (1e-9, 1e9):
        got = frechet_distance(mean, scale * covariance, mean, scale * other)
        np.testing.assert_allclose(got, scale * expected, rtol=1e-9)
    skew = 1e-9 * covariance
    skew[0, 1] *= 1.1
    with pytest.raises(ValueError, match="`covariance1` must be symmetric"):
        frechet_distance(mean, skew, mean, other)


def test_bad_moments_are_refused():
    mean, covariance = moments(toy.rows(50))
    with pytest.raises(ValueError, match=r"shape .*\(15,\)"):
        frechet_distance(mean, covariance, mean[1:], covariance)
    with pytest.raises(ValueError, match="`covariance2` must be finite"):
        frechet_distance(mean, covariance, mean, covariance * np.nan)
    with pytest.raises(ValueError, match="`covariance1` must be symmetric"):
        frechet_distance(mean, covariance + np.tri(len(mean)), mean, covariance)


@pytest.mark.parametrize("row, column", [(1, 0), (64, 63), (149, 0), (149, 148), (70, 130)])
def test_every_entry_must_be_that_across_the_diagonal(row, column):
    mean, whole = moments(toy.rows(300, 150))
    skew = whole.copy()
    skew[row, column] += 1e-3
    with pytest.raises(
        ValueError, match="`covariance2` must be symmetric. Received: entries 0.001"
    ):
        frechet_distance(mean, whole, mean, skew)
    skew[row, column] = whole[row, column] + 1e-9  # rounding
    assert abs(frechet_distance(mean, whole, mean, skew)) < 1e-6


@pytest.mark.parametrize("n, batch", [(1000, 37), (9001, 9001)])
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_streamed_moments_are_those_of_the_whole(n, batch, offset):
    features = toy.rows(n) + offset
    streamed = statistics(features, batch)
    assert streamed.num_samples == n
    np.testing.assert_allclose(streamed.mean, features.mean(0), rtol=1e-14)
    centred = features - features.mean(0)
    np.testing.assert_allclose(streamed.covariance, centred.T @ centred / (n - 1), atol=1e-7)


def test_merged_moments_are_those_of_the_whole():
    features = toy.rows(300, shift=5.0)
    parts = [statistics(part) for part in (features[:10], features[10:200], features[200:])]
    whole = FeatureStatistics(toy.DIMENSIONS)
    for part in (*parts, FeatureStatistics(toy.DIMENSIONS)):
        whole.merge(part)
    assert whole.num_samples == 300
    np.testing.assert_allclose(whole.mean, features.mean(0), rtol=1e-12)
    np.testing.assert_allclose(whole.covariance, np.cov(features.T), rtol=1e-9)


def test_moments_come_back_as_they_were():
    rows, more = toy.rows(40), toy.rows(30, seed=1)
    mean, covariance = moments(rows)
    found = FeatureStatistics.from_moments(mean, covariance, 40)
    np.testing.assert_array_equal(found.mean, mean)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-12)
    found.update(more)
    np.testing.assert_allclose(found.covariance, np.cov(np.r_[rows, more].T), rtol=1e-9)
    unknown = FeatureStatistics.from_moments(mean, covariance)
    np.testing.assert_array_equal(unknown.covariance, covariance)
    for change in (unknown.update, lambda _: found.merge(unknown)):
        with pytest.raises(ValueError, match="number of images"):
            change(more)
    with pytest.raises(ValueError, match="must hold no negative variance. Received: -1.0"):
        FeatureStatistics.from_moments(mean, -np.eye(len(mean)))


def test_a_single_row_has_no_covariance():
    found = statistics(np.ones((1, 3)))
    with pytest.raises(ValueError, match="at least 2 rows of features. Received: num_samples=1"):
        found.covariance


def test_memory_of_statistics_does_not_depend_on_the_number_of_rows():
    import tracemalloc

    def peak(batches):
        result = FeatureStatistics(256)
        rows = np.ones((500, 256), "float32")
        tracemalloc.start()
        for _ in range(batches):
            result.update(rows)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(100) < 1.1 * peak(10)


def test_bad_features_are_refused():
    result = FeatureStatistics(3)
    for bad in (np.zeros((2, 4)), np.zeros(3), np.zeros((0, 3)), np.full((2, 3), np.nan)):
        with pytest.raises(ValueError, match="`features` must"):
            result.update(bad)
    with pytest.raises(ValueError, match="at least 2 rows of features"):
        result.covariance
    with pytest.raises(ValueError, match="`other` must have 3 dimensions"):
        result.merge(FeatureStatistics(4))
