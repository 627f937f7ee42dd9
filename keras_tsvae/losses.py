"""The closed forms of both stages' objective, each one value per example, in float32.

Source: Dai & Wipf (2019), *Diagnosing and Enhancing VAE Models*, sections 2 and 3
(https://arxiv.org/abs/1903.05789). The objective is summed over dimensions and averaged over
the batch by the caller; it may be negative, since a density may exceed one.
"""

import math

from keras import ops

from keras_tsvae.arrays.types import Tensor

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


def kl_divergence(mean: Tensor, log_std: Tensor) -> Tensor:
    r"""KL divergence of a diagonal Gaussian posterior from the prior N(0, I).

    `KL = 1/2 * sum_j (mean_j^2 + std_j^2 - 2 * log_std_j - 1)`, in nats.

    Args:
        mean: Posterior means, shape `(batch, latent_dim)`.
        log_std: Logarithms of the posterior standard deviations, same shape.

    Returns:
        A non-negative float32 tensor of shape `(batch,)`.

    Source:
        Dai & Wipf (2019), section 2, equation 1; Kingma & Welling (2014), appendix B.
    """
    mean, log_std = _float32(mean), _float32(log_std)
    terms = ops.square(mean) + ops.exp(2.0 * log_std) - 2.0 * log_std - 1.0
    return 0.5 * ops.sum(terms, axis=-1)


def gaussian_nll(x: Tensor, reconstruction: Tensor, log_gamma: Tensor) -> Tensor:
    r"""Negative log-likelihood of `x` under N(reconstruction, gamma^2 I).

    `NLL = sum_i [(x_i - xhat_i)^2 / (2 * gamma^2) + log_gamma + 1/2 * log(2 * pi)]`, in nats.

    Args:
        x: Targets, shape `(batch, ...)`.
        reconstruction: Decoder means, the same shape as `x`.
        log_gamma: Scalar, the logarithm of the decoder's standard deviation.

    Returns:
        A float32 tensor of shape `(batch,)`; negative where the density exceeds one.

    Source:
        Dai & Wipf (2019), section 2 and section 3.1 (gamma is learned).
    """
    log_gamma = _float32(log_gamma)
    dimensions = math.prod(x.shape[1:])
    squared_error = dimensions * mean_squared_error(x, reconstruction)
    return 0.5 * squared_error * ops.exp(-2.0 * log_gamma) + dimensions * (log_gamma + HALF_LOG_2PI)


def cross_entropy(x: Tensor, logits: Tensor) -> Tensor:
    r"""Negative log-likelihood of `x` under independent Bernoulli pixels.

    `NLL = -sum_i [x_i * log(xhat_i) + (1 - x_i) * log(1 - xhat_i)]` with `xhat = sigmoid(logits)`,
    in nats, computed from the logits as `max(l, 0) - l * x + log(1 + exp(-|l|))`, which neither
    overflows nor takes the logarithm of zero.

    Args:
        x: Targets in [0, 1], shape `(batch, ...)`.
        logits: Decoder outputs before the sigmoid, the same shape as `x`.

    Returns:
        A non-negative float32 tensor of shape `(batch,)`.

    Source:
        Kingma & Welling (2014), appendix C.1; Dai & Wipf (2019), section 5, the baseline with
        cross-entropy loss.
    """
    x, logits = _float32(x), _float32(logits)
    terms = ops.relu(logits) - logits * x + ops.log1p(ops.exp(-ops.abs(logits)))
    return ops.sum(terms, axis=tuple(range(1, len(terms.shape))))


def mean_squared_error(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Mean squared error over all dimensions of each example.

    At the optimum of `gaussian_nll` over gamma, `gamma^2` equals this, averaged over examples.

    Args:
        x: Targets, shape `(batch, ...)`.
        reconstruction: Decoder means, the same shape as `x`.

    Returns:
        A float32 tensor of shape `(batch,)`.
    """
    error = ops.square(_float32(x) - _float32(reconstruction))
    return ops.mean(error, axis=tuple(range(1, len(error.shape))))


def _float32(tensor: Tensor) -> Tensor:
    return ops.cast(tensor, "float32")
