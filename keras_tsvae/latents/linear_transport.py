"""The affine map that gives samples a mean and a covariance, and moves them least."""

import numpy as np

_LEAST_SHARE = 1e-9  # of the greatest variance: what is less counts as that much


def linear_transport(
    mean: np.ndarray,
    covariance: np.ndarray,
    target_mean: np.ndarray,
    target_covariance: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns `(factor, shift)` of `x @ factor + shift`, of which x has the target's moments.

    `factor = C^-1/2 (C^1/2 T C^1/2)^1/2 C^-1/2`, symmetric, with C and T the covariances of x and
    of the target. Among the affine maps that do so it moves x least, in mean square.

    Args:
        mean: Array `(d,)`, the mean of x.
        covariance: Array `(d, d)`, its covariance C.
        target_mean: Array `(d,)`.
        target_covariance: Array `(d, d)`, T.

    Source:
        Olkin & Pukelsheim (1982), *The distance between two random vectors with given dispersion
        matrices*; the distance is that of Fréchet.
    """
    variances, directions = np.linalg.eigh(covariance)
    variances = np.maximum(variances, _LEAST_SHARE * variances[-1] + np.finfo("float32").tiny)
    root = (directions * np.sqrt(variances)) @ directions.T
    inverse = (directions / np.sqrt(variances)) @ directions.T
    spread, axes = np.linalg.eigh(root @ target_covariance @ root)
    middle = (axes * np.sqrt(np.maximum(spread, 0.0))) @ axes.T
    factor = inverse @ middle @ inverse
    return factor, target_mean - mean @ factor
