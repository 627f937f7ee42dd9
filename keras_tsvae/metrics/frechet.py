"""The Fréchet distance of two Gaussians."""

import numpy as np

from keras_tsvae.arrays.types import ArrayLike


def frechet_distance(
    mean1: ArrayLike, covariance1: ArrayLike, mean2: ArrayLike, covariance2: ArrayLike
) -> float:
    """The squared Fréchet (2-Wasserstein) distance between two Gaussians.

    `d^2 = |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2))`. With `S1 = L L^T` the trace of the root
    is the sum of the roots of the eigenvalues of `L^T S2 L`, a symmetric matrix: they are real,
    and no matrix root is taken. Of a singular S1, that of fewer samples than features, the pivoted
    Cholesky factor L has as many columns as S1 has rank.

    Args:
        mean1: Array `(d,)`.
        covariance1: Array `(d, d)`, symmetric and positive semi-definite.
        mean2: Array `(d,)`.
        covariance2: Array `(d, d)`.

    Returns:
        The distance, not negative but for rounding, and 0 for equal arguments.

    Raises:
        ValueError: If the shapes do not fit, values are not finite, or a covariance is not
            symmetric.

    Source:
        Dowson & Landau (1982), *The Fréchet distance between multivariate normal distributions*;
        Heusel et al. (2017), who take it of Inception features.
    """
    means, covariances = _checked((mean1, mean2), (covariance1, covariance2))
    difference = means[0] - means[1]
    traces = sum(np.trace(covariance) for covariance in covariances)
    return float(difference @ difference + traces - 2.0 * _trace_of_root(*covariances))


def _trace_of_root(covariance1, covariance2):
    from scipy.linalg import eigvalsh, lapack  # take long to load

    # Transposed, symmetric arrays are the same, and columns lie together, as LAPACK wants it.
    factor, failed = lapack.dpotrf(covariance1.T, lower=1, clean=0)
    pivots = np.square(factor.diagonal())
    if not failed and pivots.min() > len(pivots) * np.finfo("float64").eps * pivots.max():
        product, _ = lapack.dsygst(covariance2.T, factor, itype=2, lower=1)  # lower half alone
    elif covariance1.any():
        product = _product_of_singular(covariance1, covariance2)
    else:
        return 0.0
    eigenvalues = eigvalsh(product, overwrite_a=True, check_finite=False)  # of the lower half
    return np.sqrt(eigenvalues.clip(min=0.0)).sum()


def _product_of_singular(covariance1, covariance2):
    from scipy.linalg.lapack import dpstrf

    packed, pivots, rank, _ = dpstrf(covariance1.T, lower=1)  # S1 in another order is L L^T
    factor = np.tril(packed)[:, :rank]
    return factor.T @ covariance2[np.ix_(pivots - 1, pivots - 1)] @ factor


def _checked(means, covariances):
    means = [np.asarray(mean, "float64") for mean in means]
    covariances = [np.asarray(covariance, "float64") for covariance in covariances]
    shapes = [array.shape for array in (*means, *covariances)]
    (d, *rest) = shapes[0] or (0,)
    if rest or shapes != [(d,), (d,), (d, d), (d, d)]:
        raise ValueError(
            "Means must have shape (d,) and covariances (d, d), of one d. "
            f"Received: means of shape {shapes[0]} and {shapes[1]}, covariances of shape "
            f"{shapes[2]} and {shapes[3]}"
        )
    for index, (mean, covariance) in enumerate(zip(means, covariances), start=1):
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise ValueError(
                f"`mean{index}` and `covariance{index}` must be finite. Received: NaN or infinity"
            )
        skew = _skew(covariance)
        if skew > 1e-6 * max(covariance.max(), -covariance.min()):
            raise ValueError(
                f"`covariance{index}` must be symmetric. Received: entries {skew} apart"
            )
    return means, covariances


def _skew(matrix):
    """Returns how far entries are from those across the diagonal, by bands that fit a cache."""
    bands = range(0, len(matrix), 64)
    return max(np.abs(matrix[i : i + 64, i:] - matrix[i:, i : i + 64].T).max() for i in bands)
