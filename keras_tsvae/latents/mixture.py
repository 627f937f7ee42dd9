"""A Gaussian mixture fitted to latent vectors: the baseline a second stage has to beat."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.inference import batched, collect, with_progress
from keras_tsvae.arrays.types import ArrayLike, Tensor
from keras_tsvae.arrays.vectors import check_vectors
from keras_tsvae.backend import compile_function
from keras_tsvae.latents.expectation_maximisation import ExpectationMaximisation
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.latents.triangular_transport import log_density, normal_cdf

ROUNDS = 30
CONVERGED = 1e-3  # nats that a round gains at the least
_NAMES = ("weights", "means", "cholesky")


class GaussianMixture:
    r"""`z ~ sum_k weights_k * N(means_k, cholesky_k cholesky_k^T)`.

    Args:
        weights: Array of shape `(num_components,)` that sums to one.
        means: Array of shape `(num_components, latent_dim)`.
        cholesky: Lower-triangular factors of the covariances, an array of shape
            `(num_components, latent_dim, latent_dim)`.

    Example:
        >>> mixture = keras_tsvae.latents.GaussianMixture.fit(first.posteriors(images))
        >>> z = mixture(np.random.randn(2, 16), np.random.randn(2, 16))

    Source:
        Ghosh et al. (2020), *From Variational to Deterministic Autoencoders*, section 4: ex-post
        density estimation.
    """

    variables = ()  # as models have them: it is constant

    def __init__(self, weights: ArrayLike, means: ArrayLike, cholesky: ArrayLike) -> None:
        self.weights, self.means, self.cholesky = (
            np.asarray(array, "float32") for array in (weights, means, cholesky)
        )
        self._compiled: dict[str, Callable[..., Tensor]] = {}

    @classmethod
    def fit(
        cls,
        posteriors: Posteriors,
        num_components: int = 10,
        seed: int | None = None,
        verbose: int | str = 0,
    ) -> "GaussianMixture":
        """Fits full covariances by expectation maximisation (see `ExpectationMaximisation`).

        Args:
            posteriors: A `Posteriors`; their whole mass counts, not draws from them.
            num_components: Positive int, at most the number of posteriors, which is at least 2.
                Defaults to 10.
            seed: Non-negative int or None. Defaults to None: another fit at every call.
            verbose: 1 or "auto" for a progress bar. Defaults to 0.

        Raises:
            ValueError: If an argument is not as described.
        """
        num_components = positive_int("num_components", num_components)
        if not max(num_components, 2) <= len(posteriors):
            raise ValueError(
                "`num_components` must not exceed the number of posteriors, of which there must "
                f"be two. Received: num_components={num_components} for {len(posteriors)} "
                "posteriors"
            )
        rng = np.random.default_rng(None if seed is None else non_negative_int("seed", seed))
        rounds = ExpectationMaximisation(posteriors.mean, posteriors.std, num_components, rng)
        before = -np.inf
        numbers = range(ROUNDS)
        for _ in with_progress(numbers, ROUNDS) if verbose in (1, "auto") else numbers:
            bound = rounds.round()
            if bound - before < CONVERGED:
                break
            before = bound
        return cls(rounds.weights, rounds.means, rounds.cholesky)

    @property
    def latent_dim(self) -> int:
        """The width of z."""
        return self.means.shape[1]

    def __call__(self, choice: Tensor, noise: Tensor) -> Tensor:
        """Returns samples of z for two batches of standard normal noise `(batch, latent_dim)`.

        The first column of `choice` picks the component, by its quantile; `noise` is scaled and
        moved as that component says.
        """
        bounds = ops.convert_to_tensor(np.cumsum(self.weights)[None, :-1])
        component = ops.sum(ops.cast(normal_cdf(choice[:, :1]) > bounds, "int32"), axis=1)
        means = ops.take(ops.convert_to_tensor(self.means), component, axis=0)
        factors = ops.take(ops.convert_to_tensor(self.cholesky), component, axis=0)
        return means + ops.squeeze(ops.matmul(factors, noise[:, :, None]), -1)

    def log_prob(self, z: ArrayLike, batch_size: int = 256) -> np.ndarray:
        """Returns log p(z) in nats, a float32 array `(n,)`, of z `(n, latent_dim)`."""
        z = check_vectors("z", z, self.latent_dim)
        log_prob = self._compiled_form(self._log_prob_batch)
        return collect(batched(log_prob, (z,), batch_size), len(z))

    def _compiled_form(self, function):
        """Returns the compiled form of a bound method, made once."""
        if function.__name__ not in self._compiled:
            self._compiled[function.__name__] = compile_function(self, function)
        return self._compiled[function.__name__]

    def _log_prob_batch(self, z: Tensor) -> Tensor:
        log_weights = np.log(np.maximum(self.weights, 1e-30))[None]
        parameters = (log_weights, self.means[None], self.cholesky)
        return log_density(z, *map(ops.convert_to_tensor, parameters))

    def draw(
        self, choice: np.ndarray, noise: np.ndarray, batch_size: int | None = None
    ) -> np.ndarray:
        """Returns what calling it returns, as an array, in compiled form.

        Args:
            choice: Array of standard normal noise.
            noise: Another one.
            batch_size: How many rows full batches have, if that is known.
        """
        compiled = self._compiled_form(self.__call__)
        return ops.convert_to_numpy(compiled(choice, noise, full=batch_size))

    def save_own_variables(self, store: Any) -> None:
        """Writes the parameters to a mapping from names to arrays."""
        for name in _NAMES:
            store[f"mixture_{name}"] = getattr(self, name)

    @classmethod
    def from_own_variables(cls, store: Any) -> "GaussianMixture | None":
        """Returns the mixture that `save_own_variables` wrote, or None if there is none."""
        if not {f"mixture_{name}" for name in _NAMES} & {*store.keys()}:
            return None
        return cls(*(np.asarray(store[f"mixture_{name}"]) for name in _NAMES))
