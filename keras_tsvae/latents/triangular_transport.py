"""Between z and standard normal u: the triangular transport of a Gaussian mixture."""

import numpy as np
from keras import ops

from keras_tsvae.arrays.types import Tensor
from keras_tsvae.losses import HALF_LOG_2PI

_BISECTIONS = 26
_NEWTON_STEPS = 5
# log P(e > x) = log t - x^2 / 2 + a polynomial, fitted at Chebyshev's nodes, in t = 1 / (1 + bx)
_BEND = 0.35
_OUTER = (
    0.16596793,
    -0.812582324,
    1.50302494,
    -1.18515128,
    0.315638079,
    -0.191499695,
    0.103764594,
    0.376422231,
    1.00002917,
    -1.96876079,
)
_LOG_2 = float(np.log(2.0))


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
    log_weights = log_weights[:, :, None] + before
    outer = _log_outer(ops.abs(e))
    inner = ops.log1p(-ops.exp(outer))
    total = ops.logsumexp(log_weights, axis=1)
    tails = ops.where(e < 0.0, outer, inner), ops.where(e < 0.0, inner, outer)
    below, above = (ops.logsumexp(log_weights + tail, axis=1) - total for tail in tails)
    return ops.where(below < above, -_quantile(below), _quantile(above))


def from_normal(u: Tensor, log_weights: Tensor, means: Tensor, cholesky: Tensor) -> Tensor:
    """Returns z of each u: the inverse of `to_normal`, dimension by dimension, by bisection."""
    d = cholesky.shape[-1]
    sign = ops.where(u < 0.0, -1.0, 1.0)  # of the tail that u is in
    log_tail = _log_tail(sign * u)
    log_scale = ops.log(ops.diagonal(cholesky, axis1=1, axis2=2))
    batch = ops.zeros_like(u)
    e = batch[:, None, :] + ops.zeros_like(means)
    log_weights = log_weights + batch[:, :1]

    def dimension(index, state):
        z, e, log_weights = state
        row = ops.take(cholesky, index, axis=1)  # (K, d), zero from the diagonal on in e
        scale = ops.exp(ops.take(log_scale, index, axis=1))
        mean = ops.take(means, index, axis=2) + ops.sum(e * row, -1)
        shares = log_weights - ops.logsumexp(log_weights, axis=1, keepdims=True)
        own, side, wanted = (ops.take(part, index, axis=1)[:, None] for part in (u, sign, log_tail))
        ends = mean + own * scale  # of which one component alone would say that it is z
        low, high = ops.min(ends, 1, keepdims=True), ops.max(ends, 1, keepdims=True)

        def halve(_, bounds):
            low, high = bounds
            middle = 0.5 * (low + high)
            tail = shares + _log_tail(side * (middle - mean) / scale) - wanted
            too_low = side * (ops.sum(ops.exp(tail), 1, keepdims=True) - 1.0) > 0.0
            return ops.where(too_low, middle, low), ops.where(too_low, high, middle)

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


def log_density(z: Tensor, log_weights: Tensor, means: Tensor, cholesky: Tensor) -> Tensor:
    """Returns the log density of z, `(batch,)`, in nats; arguments are those of `to_normal`."""
    log_scale = ops.log(ops.diagonal(cholesky, axis1=1, axis2=2))
    terms = -0.5 * ops.square(whitened(z, means, cholesky)) - log_scale - HALF_LOG_2PI
    return ops.logsumexp(log_weights + ops.sum(terms, -1), axis=1)


def normal_cdf(x: Tensor) -> Tensor:
    """Returns the probability that a standard normal number is below x, to 3e-7 of it.

    Without the error function, which some of the runtimes that models are exported for lack.
    """
    return ops.exp(_log_tail(-x))


def whitened(z: Tensor, means: Tensor, cholesky: Tensor) -> Tensor:
    """Returns `cholesky_k^-1 (z - means_k)` of every component, `(batch, K, d)`."""
    difference = ops.transpose(z[:, None] - means, (1, 2, 0))  # (K, d, batch)
    return ops.transpose(ops.matmul(lower_inverse(cholesky), difference), (2, 0, 1))


def lower_inverse(matrices: Tensor) -> Tensor:
    """Returns the inverses of lower triangular matrices `(K, d, d)`, in log2(d) products of them.

    Blocks on the diagonal are inverted, each time twice as wide:
    `[[A, 0], [C, B]]^-1 = [[A^-1, 0], [-B^-1 C A^-1, B^-1]]`. Solving equations with them takes
    fifty times as long on the CPU with XLA.
    """
    d = matrices.shape[-1]
    rows = np.arange(d)
    inverse = np.eye(d, dtype="float32") / ops.diagonal(matrices, axis1=1, axis2=2)[:, None]
    size = 1
    while size < d:
        block = rows // size
        below = (block[:, None] // 2 == block // 2) & (block[:, None] > block)
        between = ops.matmul(matrices * below.astype("float32"), inverse)
        inverse = inverse - ops.matmul(inverse, between)
        size *= 2
    return inverse


def _log_tail(x: Tensor) -> Tensor:
    """Returns the log probability that a standard normal number is above x."""
    outer = _log_outer(ops.abs(x))
    return ops.where(x < 0.0, ops.log1p(-ops.exp(outer)), outer)


def _log_outer(x: Tensor) -> Tensor:
    """Returns the log probability that it is above x >= 0, however small, to 3e-7."""
    t = 1.0 / (1.0 + _BEND * x)
    polynomial = _OUTER[0]
    for coefficient in _OUTER[1:]:
        polynomial = polynomial * t + coefficient
    return ops.log(t) - 0.5 * ops.square(x) + polynomial


def _quantile(log_tail: Tensor) -> Tensor:
    """Returns the x >= 0 above which a standard normal number is with a log probability.

    By Newton's method, from `sqrt(-2 log(2 tail))`.
    """
    x = ops.sqrt(ops.maximum(-2.0 * (log_tail + _LOG_2), 0.0))
    for _ in range(_NEWTON_STEPS):
        reached = _log_outer(x)
        slope = ops.exp(-0.5 * ops.square(x) - HALF_LOG_2PI - reached)
        x = ops.maximum(x + (reached - log_tail) / slope, 0.0)
    return x
