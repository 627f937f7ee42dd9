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
            2 * log std_j - 1)` in nats, not negative. Infinite where a std is 0: that posterior
            is a point.
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
        spectrum = np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0.0)
        log_det = np.log(np.maximum(spectrum, _SMALLEST_VARIANCE)).sum()
        return cls(
            kl_per_unit=kl,
            posterior_variance=variance,
            spectrum=spectrum,
            gaussian_kl=float(0.5 * (spectrum.sum() + mean @ mean - len(mean) - log_det)),
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
    rng = np.random.default_rng(seed)
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
