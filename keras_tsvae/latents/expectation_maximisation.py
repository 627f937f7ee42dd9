"""Gaussian mixtures by expectation maximisation, over posteriors in batches."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_tsvae.arrays.columns import Columns
from keras_tsvae.arrays.types import Tensor
from keras_tsvae.backend import compile_function
from keras_tsvae.losses import HALF_LOG_2PI

ROWS_AT_ONCE = 4096
_ROWS_TO_START = 20_000
_LLOYD_ROUNDS = 5
_LEAST_VARIANCE = 1e-6


class ExpectationMaximisation:
    r"""Fits `z ~ sum_k weights_k * N(means_k, S_k)` to posteriors `N(m, diag(s^2))`, in rounds.

    Each posterior counts with all of its mass, without a draw from it. A round raises the bound

    `E_x log sum_k weights_k * exp(E_q(z|x) log N(z; means_k, S_k)) <= E_x E_q(z|x) log p(z)`,

    whose inner expectation is `log N(m; means_k, S_k) - 1/2 * tr(S_k^-1 diag(s^2))`. With the
    responsibilities `r_k(x)` that follow and `N_k = sum_x r_k`,

    `means_k = sum_x r_k m / N_k`,
    `S_k = sum_x r_k ((m - means_k)(m - means_k)^T + diag(s^2)) / N_k`.

    Covariances are drawn to the mean one within components as by `shrinkage` more examples.

    Args:
        mean: Array `(n, d)`, a memory map, or `Columns`, of which a batch of rows is read at once.
        std: One of the same shape.
        num_components: Positive int, at most n.
        rng: A `numpy.random.Generator`, for the start: k-means++ on means.
        shrinkage: Non-negative float. Defaults to None: d.
        at: Weights `(K,)`, means `(K, d)` and Cholesky factors `(K, d, d)` of the covariances that
            earlier rounds ended with. Defaults to None: a new start.

    Source:
        Dempster, Laird & Rubin (1977); Arthur & Vassilvitskii (2007), for the start.
    """

    def __init__(
        self,
        mean: np.ndarray | Columns,
        std: np.ndarray | Columns,
        num_components: int,
        rng: np.random.Generator,
        shrinkage: float | None = None,
        at: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    ) -> None:
        self.mean, self.std = mean, std
        self.shrinkage = mean.shape[1] if shrinkage is None else shrinkage
        if at is None:
            weights, means, covariance = _start(mean, std, num_components, rng)
            covariances = np.repeat(covariance[None], num_components, 0)
            at = weights, means, np.linalg.cholesky(covariances)
        self.variables = [
            keras.Variable(np.zeros(part.shape, "float32"), trainable=False, dtype="float32")
            for part in at
        ]
        self._assign(*at)
        self._responsibilities: Callable[..., Tensor] = compile_function(
            self, self.responsibilities
        )

    def _assign(self, weights: np.ndarray, means: np.ndarray, cholesky: np.ndarray) -> None:
        self.weights, self.means, self.cholesky = weights, means, cholesky
        identity = np.broadcast_to(np.eye(means.shape[1]), cholesky.shape)
        whitening = np.linalg.solve(self.cholesky, identity)
        for variable, value in zip(self.variables, (np.log(weights + 1e-30), means, whitening)):
            variable.assign(value.astype("float32"))

    def responsibilities(self, mean: Tensor, std: Tensor) -> Tensor:
        """Returns the bound of each posterior of a batch and its responsibilities, `(n, 1 + K)`."""
        log_weights, means, whitening = self.variables
        k, d = means.shape
        flat = ops.reshape(ops.transpose(whitening, (2, 0, 1)), (d, k * d))
        offset = ops.reshape(ops.sum(whitening * means[:, None], -1), (1, k * d))
        whitened = ops.reshape(ops.matmul(mean, flat) - offset, (-1, k, d))
        spread = ops.matmul(ops.square(std), ops.transpose(ops.sum(ops.square(whitening), 1)))
        log_det = ops.sum(ops.log(ops.diagonal(whitening, axis1=1, axis2=2)), -1)
        terms = log_weights + log_det - 0.5 * (ops.sum(ops.square(whitened), -1) + spread)
        bound = ops.logsumexp(terms, -1, keepdims=True)
        return ops.concatenate([bound - d * HALF_LOG_2PI, ops.exp(terms - bound)], -1)

    def round(self) -> float:
        """Makes one round, and returns the mean bound, in nats, of the mixture before it."""
        k, d = self.means.shape
        count, first = np.zeros(k), np.zeros((k, d))
        second, variance, bound = np.zeros((k, d, d)), np.zeros((k, d)), 0.0
        center = self.weights @ self.means  # so that little is lost in differences of squares
        for start in range(0, len(self.mean), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            mean, std = (np.asarray(a[rows], "float32") for a in (self.mean, self.std))
            result = ops.convert_to_numpy(self._responsibilities(mean, std, full=ROWS_AT_ONCE))
            bound += result[:, 0].sum(dtype="float64")
            shares, mean = result[:, 1:].T, (mean - center).astype("float32")
            count += shares.sum(1, dtype="float64")
            first += shares @ mean
            variance += shares @ np.square(std)
            for component, share in enumerate(shares):  # one product of matrices for each
                second[component] += (share[:, None] * mean).T @ mean
        self._maximise(count, first, second, variance, center)
        return bound / len(self.mean)

    def bound(self, mean: np.ndarray, std: np.ndarray) -> float:
        """Returns the mean bound of other posteriors, in nats."""
        total = 0.0
        for start in range(0, len(mean), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            arrays = (np.asarray(a[rows], "float32") for a in (mean, std))
            result = self._responsibilities(*arrays, full=ROWS_AT_ONCE)
            total += ops.convert_to_numpy(result)[:, 0].sum(dtype="float64")
        return total / len(mean)

    def _maximise(
        self,
        count: np.ndarray,
        first: np.ndarray,
        second: np.ndarray,
        variance: np.ndarray,
        center: np.ndarray,
    ) -> None:
        safe = np.maximum(count, 1e-9)[:, None]
        means = first / safe
        covariances = second / safe[:, None] - means[:, :, None] * means[:, None]
        covariances += (variance / safe)[:, :, None] * np.eye(means.shape[1])
        weights = count / count.sum()
        within = np.einsum("k,kde->de", weights, covariances)
        kept = (count / (count + self.shrinkage))[:, None, None]
        covariances = kept * covariances + (1.0 - kept) * within
        covariances += _LEAST_VARIANCE * np.eye(means.shape[1])
        self._assign(weights, means + center, np.linalg.cholesky(covariances))


def _start(
    mean: np.ndarray | Columns,
    std: np.ndarray | Columns,
    num_components: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns weights, means and the covariance within clusters, by k-means.

    Clusters are those of the posteriors' means, in deviations of z: dimensions that say nothing of
    an image, whose means are all alike, have no part in them.
    """
    rows = np.arange(len(mean))
    if len(rows) > _ROWS_TO_START:
        rows = np.sort(rng.choice(rows, _ROWS_TO_START, replace=False))
    center = mean[rows]
    z = (center + std[rows] * rng.standard_normal(center.shape)).astype("float32")
    scale = np.maximum(z.std(0), 1e-6)
    scaled = (center / scale).astype("float32")
    centers = scaled[[rng.integers(len(z))]]
    nearest = np.square(scaled - centers[0]).sum(1)
    while len(centers) < num_components:
        total = nearest.sum()
        share = nearest / total if total > 0 else np.full(len(z), 1 / len(z))
        chosen = rng.choice(len(z), p=share / share.sum())
        centers = np.concatenate([centers, scaled[[chosen]]])
        nearest = np.minimum(nearest, np.square(scaled - scaled[chosen]).sum(1))
    labels, count = np.zeros(len(z), int), np.zeros(num_components)
    for _ in range(_LLOYD_ROUNDS):
        labels = (np.square(centers).sum(1) - 2.0 * scaled @ centers.T).argmin(1)
        members = np.eye(num_components, dtype="float32")[labels]
        count = members.sum(0)
        centers = np.where(
            count[:, None] > 0, members.T @ scaled / np.maximum(count, 1)[:, None], centers
        )
    residual = z - (centers * scale)[labels]
    covariance = residual.T.astype("float64") @ residual / len(z)
    covariance += max(np.trace(covariance) / len(covariance), 1e-3) * 1e-3 * np.eye(z.shape[1])
    return (count + 1) / (count + 1).sum(), (centers * scale).astype("float64"), covariance
