"""How far an aggregate posterior, q(z) = E_x q(z|x), is from the prior N(0, I)."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from keras_tsvae.latents.posteriors import Posteriors

_ROWS_AT_ONCE = 8_192
_MMD_SAMPLES = 2_000
_SMALLEST_VARIANCE = 1e-12
_ACTIVE_BELOW = 0.8
_SEED = 190_305_789


@dataclasses.dataclass(frozen=True, eq=False)
class LatentStatistics:
    """What sets an aggregate posterior, of z or of u, apart from N(0, I).

    Make one with `LatentStatistics.from_posteriors(posteriors)`; `d` is the latent width. All
    values are float64, the arrays and numbers for N(0, I) itself given in brackets.

    Args:
        kl_per_unit: Array `(d,)`, `E_x KL(q(z_j|x) || N(0, 1)) = 1/2 * E(mean_j^2 + std_j^2 -
            2 * log std_j - 1)` in nats, not negative. Of a unit with posteriors that are points,
            of std 0, this is infinite, and the divergence of the unit as a whole stands in its
            place, `KL(N(m_j, S_jj) || N(0, 1))` (see `gaussian_kl`).
        posterior_variance: Array `(d,)`, `E_x std_j^2`; close to 1 where a unit is inactive.
        spectrum: Array `(d,)`, the eigenvalues of the covariance of z, `Cov(mean) +
            diag(E std^2)`, descending and not negative [all 1].
        gaussian_kl: Float, `KL(N(m, S) || N(0, I)) = 1/2 * (tr S + m^T m - d - log det S)` in
            nats, of the mean m and covariance S of z [0]. Eigenvalues below 1e-12 count as 1e-12
            in the determinant, so that it stays finite.
        mmd: Float, an unbiased estimate of the squared maximum mean discrepancy of q(z) and
            N(0, I) [0, and as often below as above it] (see `squared_mmd`); NaN of one
            posterior alone.

    Example:
        >>> z = LatentStatistics.from_posteriors(first_stage.posteriors(images))
        >>> z.active_units, z.gaussian_kl, z.mmd

    Source:
        Dai & Wipf (2019), section 4, on why q(z) is not N(0, I); Gretton et al. (2012), *A Kernel
        Two-Sample Test*, for the discrepancy; Trentin (2019), section 3.3, for inactive units.
    """

    kl_per_unit: np.ndarray
    posterior_variance: np.ndarray
    spectrum: np.ndarray
    gaussian_kl: float
    mmd: float

    @classmethod
    def from_posteriors(cls, posteriors: Posteriors) -> "LatentStatistics":
        """Measures `Posteriors`, in memory or memory-mapped, chunk by chunk in float64.

        Equal posteriors give equal values: what is drawn at random is drawn from a fixed seed.
        """
        mean, variance, kl = _means(posteriors)
        covariance = _covariance_of_means(posteriors, mean) + np.diag(variance)
        kl = np.where(np.isinf(kl), _gaussian_kl(mean, np.diag(covariance)), kl)
        spectrum = np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0.0)
        return cls(
            kl_per_unit=kl,
            posterior_variance=variance,
            spectrum=spectrum,
            gaussian_kl=float(_gaussian_kl(mean, spectrum).sum()),
            mmd=squared_mmd(draw(posteriors, _SEED, at_most=_MMD_SAMPLES)),
        )

    @property
    def active_units(self) -> int:
        """The number of units whose posterior variance is below 0.8, as in `Posteriors`."""
        return int((self.posterior_variance < _ACTIVE_BELOW).sum())

    @property
    def inactive_units(self) -> int:
        """The number of the other units, which carry hardly any information."""
        return len(self.posterior_variance) - self.active_units

    @property
    def spectrum_min(self) -> float:
        """The smallest eigenvalue of the covariance of z [1]."""
        return float(self.spectrum[-1])

    @property
    def spectrum_max(self) -> float:
        """The largest eigenvalue of the covariance of z [1]."""
        return float(self.spectrum[0])


def moments(posteriors: Posteriors) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean `(d,)` and covariance `(d, d)` of z, `Cov(mean) + diag(E std^2)`, in float64."""
    mean, variance, _ = _means(posteriors)
    return mean, _covariance_of_means(posteriors, mean) + np.diag(variance)


def gaussian_log_prob(posteriors: Posteriors, mean: np.ndarray, covariance: np.ndarray) -> float:
    """Returns the mean of `log N(z; mean, covariance)` over z of `posteriors`, in nats, exactly.

    `E log N(z; m, S) = -1/2 * (d * log 2 pi + log det S + tr(S^-1 (C + (c - m)(c - m)^T)))`, where
    c and C are the `moments` of the posteriors. Eigenvalues of S below 1e-12 count as 1e-12.

    Args:
        posteriors: A `Posteriors`, of which nothing is drawn.
        mean: Array `(d,)`; zeros for that of N(0, I), or that of the `moments` of other posteriors.
        covariance: Array `(d, d)`, likewise.
    """
    center, spread = moments(posteriors)
    variances, directions = np.linalg.eigh(covariance)
    variances = np.maximum(variances, _SMALLEST_VARIANCE)
    spread = spread + np.outer(center - mean, center - mean)
    squares = np.einsum("ij,ik,kj->j", directions, spread, directions, optimize=True) / variances
    return float(-0.5 * (np.log(2.0 * np.pi * variances) + squares).sum())


def noise_generator(seed: int) -> np.random.Generator:
    """Returns what `draw` takes its noise of; not that of data drawn with `default_rng(seed)`."""
    return np.random.default_rng((_SEED, seed))


def draw(posteriors: Posteriors, seed: int, at_most: int | None = None) -> np.ndarray:
    """Draws `z = mean + std * noise` once from each posterior, in their order.

    Args:
        posteriors: A `Posteriors`.
        seed: Non-negative int; equal seeds give equal draws.
        at_most: Positive int; of more posteriors than that, a random choice is drawn from.
            Defaults to None: all.

    Returns:
        A float64 array `(n, latent_dim)`.
    """
    rng = noise_generator(seed)
    rows: slice | np.ndarray = slice(None)
    if at_most is not None and len(posteriors) > at_most:
        rows = np.sort(rng.choice(len(posteriors), at_most, replace=False))
    mean, std = posteriors.mean[rows], posteriors.std[rows]
    return mean + std * rng.standard_normal(mean.shape)


def squared_mmd(z: np.ndarray) -> float:
    r"""Unbiased estimate of the squared maximum mean discrepancy of samples from N(0, I).

    `MMD^2 = E k(z, z') - 2 E k(z, y) + E k(y, y')`, with y, y' ~ N(0, I) and the Gaussian kernel
    `k(a, b) = exp(-|a - b|^2 / (2 h^2))`, `h^2 = d`. What concerns y is exact:
    `E_y k(z, y) = (h^2 / (h^2 + 1))^(d/2) * exp(-|z|^2 / (2 (h^2 + 1)))` and
    `E k(y, y') = (h^2 / (h^2 + 2))^(d/2)`. The first term is the mean over pairs of different
    samples, so the estimate may be below 0.

    Args:
        z: Samples `(n, d)`; time and memory grow with n^2.

    Returns:
        A float; NaN of a single sample, which has no pair.

    Source:
        Gretton et al. (2012), *A Kernel Two-Sample Test*, lemma 6.
    """
    n, d = z.shape
    if n < 2:
        return float("nan")
    h2 = float(d)
    squares = np.square(z).sum(1)
    distances = np.maximum(squares[:, None] + squares - 2.0 * z @ z.T, 0.0)
    kernel = np.exp(-distances / (2.0 * h2))
    among_z = (kernel.sum() - np.trace(kernel)) / (n * (n - 1))
    with_prior = (h2 / (h2 + 1.0)) ** (d / 2) * np.exp(-squares / (2.0 * (h2 + 1.0))).mean()
    among_prior = (h2 / (h2 + 2.0)) ** (d / 2)
    return float(among_z - 2.0 * with_prior + among_prior)


def _gaussian_kl(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Returns `KL(N(mean, variance) || N(0, 1))` of each unit."""
    log_variance = np.log(np.maximum(variance, _SMALLEST_VARIANCE))
    return 0.5 * (variance + np.square(mean) - 1.0 - log_variance)


def _means(posteriors: Posteriors) -> np.ndarray:
    """Returns the means over the data of mean, std^2 and KL divergence, each `(d,)`."""
    totals = np.zeros((3, posteriors.latent_dim))
    for mean, std in _chunks(posteriors):
        variance = np.square(std)
        with np.errstate(divide="ignore"):  # log 0 = -inf, a divergence of infinity
            kl = 0.5 * (np.square(mean) + variance - 2.0 * np.log(std) - 1.0)
        totals += [mean.sum(0), variance.sum(0), kl.sum(0)]
    return totals / len(posteriors)


def _covariance_of_means(posteriors: Posteriors, center: np.ndarray) -> np.ndarray:
    total = np.zeros((posteriors.latent_dim, posteriors.latent_dim))
    for mean, _ in _chunks(posteriors):
        deviation = mean - center
        total += deviation.T @ deviation
    return total / len(posteriors)


def _chunks(posteriors: Posteriors) -> Iterator[tuple[np.ndarray, ...]]:
    for start in range(0, len(posteriors), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        yield tuple(a[rows].astype("float64") for a in (posteriors.mean, posteriors.std))
