"""Between z and standard normal u: the triangular transport of a Gaussian mixture."""

import numpy as np
from keras import ops

from keras_tsvae.arrays.types import Tensor

_BISECTIONS = 26
_WIDEST = 12.0  # standard deviations of a component
_LEAST = 1e-7  # of a probability in float32
_SQRT_2 = float(np.sqrt(2.0))


def to_normal(z: Tensor, log_weights: Tensor, means: Tensor, cholesky: Tensor) -> Tensor:
    r"""Returns u of each z, `u_i = Phi^-1(F(z_i | z_1 ... z_{i-1}))`.

    It is standard normal where z is drawn from the mixture.

    With `e_k = cholesky_k^-1 (z - means_k)`, component k says that `z_i` given those before it is
    normal, `e_ki` standard deviations of it away, so that `F = sum_k w_ki Phi(e_ki)`, where
    `w_ki` are the weights of the components given `z_1 ... z_{i-1}`.

    Args:
        z: `(batch, d)`.
        log_weights: `(batch, K)` or `(1, K)`.
        means: `(batch, K, d)` or `(1, K, d)`.
        cholesky: `(K, d, d)`, lower triangular.

    Source:
        Rosenblatt (1952), *Remarks on a Multivariate Transformation*.
    """
    e = whitened(z, means, cholesky)
    log_scale = ops.log(ops.diagonal(cholesky, axis1=1, axis2=2))
    terms = -0.5 * ops.square(e) - log_scale
    before = ops.cumsum(terms, -1) - terms  # of the dimensions before each
    weights = ops.softmax(log_weights[:, :, None] + before, axis=1)
    return _quantile(ops.sum(weights * _cdf(e), axis=1))


def from_normal(u: Tensor, log_weights: Tensor, means: Tensor, cholesky: Tensor) -> Tensor:
    """Returns z of each u: the inverse of `to_normal`, dimension by dimension, by bisection."""
    d = cholesky.shape[-1]
    share = _cdf(u)
    log_scale = ops.log(ops.diagonal(cholesky, axis1=1, axis2=2))
    batch = ops.zeros_like(u)
    e = batch[:, None, :] + ops.zeros_like(means)
    log_weights = log_weights + batch[:, :1]

    def dimension(index, state):
        z, e, log_weights = state
        row = ops.take(cholesky, index, axis=1)  # (K, d), zero from the diagonal on in e
        scale = ops.exp(ops.take(log_scale, index, axis=1))
        mean = ops.take(means, index, axis=2) + ops.sum(e * row, -1)
        weights = ops.softmax(log_weights, axis=1)
        wanted = ops.take(share, index, axis=1)[:, None]
        low = ops.min(mean - _WIDEST * scale, axis=1, keepdims=True)
        high = ops.max(mean + _WIDEST * scale, axis=1, keepdims=True)

        def halve(_, bounds):
            low, high = bounds
            middle = 0.5 * (low + high)
            reached = ops.sum(weights * _cdf((middle - mean) / scale), 1, keepdims=True)
            return ops.where(reached < wanted, middle, low), ops.where(
                reached < wanted, high, middle
            )

        low, high = ops.fori_loop(0, _BISECTIONS, halve, (low, high))
        value = 0.5 * (low + high)
        own = (value - mean) / scale
        here = ops.cast(ops.equal(ops.arange(d), index), "float32")
        z = z + value * here
        e = e + own[:, :, None] * here
        log_weights = log_weights - 0.5 * ops.square(own) - ops.log(scale)
        return z, e, log_weights

    z, _, _ = ops.fori_loop(0, d, dimension, (batch, e, log_weights))
    return z


def whitened(z: Tensor, means: Tensor, cholesky: Tensor) -> Tensor:
    """Returns `cholesky_k^-1 (z - means_k)` of every component, `(batch, K, d)`."""
    difference = ops.transpose(z[:, None] - means, (1, 2, 0))  # (K, d, batch)
    return ops.transpose(ops.solve_triangular(cholesky, difference, lower=True), (2, 0, 1))


def _cdf(x: Tensor) -> Tensor:
    return 0.5 * (1.0 + ops.erf(x / _SQRT_2))


def _quantile(probability: Tensor) -> Tensor:
    return _SQRT_2 * ops.erfinv(2.0 * ops.clip(probability, _LEAST, 1.0 - _LEAST) - 1.0)
