"""A second stage that is a Gaussian mixture of latent vectors."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.types import ArrayLike, Tensor
from keras_tsvae.latents.triangular_transport import (
    from_normal,
    log_density,
    normal_cdf,
    to_normal,
    whitened,
)
from keras_tsvae.models.mixture_training import train_mixture
from keras_tsvae.models.posterior_inputs import PosteriorsLike
from keras_tsvae.models.second_stage import SecondStage

MOST_COMPONENTS = 100
_NEVER = -1e30  # the log weight of a component that is not there


@keras.saving.register_keras_serializable(package="keras_tsvae")
class SecondStageMixture(SecondStage):
    r"""A Gaussian mixture of latent vectors, `z ~ sum_k weights_k * N(means_k, S_k)`.

    It is fitted by expectation maximisation, which takes whole posteriors, not draws from them; an
    epoch is one round over all of them. Every fit starts anew. Under conditions c it is a mixture
    of pairs (c, z), which says what z is like given c: components that know such conditions have
    more weight, and their means move with c along straight lines.

    Args:
        latent_dim: Positive int, the width of z.
        num_components: Positive int, or None: as many, up to 100, as describe held-out posteriors
            best. Defaults to None.
        condition_dim: Positive int, the width of the conditions that posteriors come with. Defaults
            to None: there are none.
        seed: Non-negative int, of the start. Defaults to 0.
        **kwargs: `name`, `trainable` and `dtype` of `keras.Model`.

    Raises:
        ValueError: If an argument is not as described.

    Example:
        >>> model = keras_tsvae.TwoStageVAE(first, keras_tsvae.SecondStageMixture(latent_dim=16))
        >>> model.compile()
        >>> model.fit(images, epochs=20, second_stage_epochs=30)

    Source:
        Ghosh et al. (2020), *From Variational to Deterministic Autoencoders*, section 4: ex-post
        density estimation.
    """

    def __init__(
        self,
        latent_dim: int,
        num_components: int | None = None,
        condition_dim: int | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(latent_dim, condition_dim=condition_dim, **kwargs)
        if num_components is not None:
            num_components = positive_int("num_components", num_components)
        self.num_components = num_components
        self.seed = non_negative_int("seed", seed)
        k = self.num_components or MOST_COMPONENTS
        d = self.latent_dim + (self.condition_dim or 0)
        self.log_weights = self._constant("log_weights", (k,))
        self.means = self._constant("means", (k, d))
        self.cholesky = self._constant("cholesky", (k, d, d))
        self.assign_components(np.ones(1), np.zeros((1, d)), np.eye(d)[None])

    def _constant(self, name: str, shape: tuple[int, ...]) -> Tensor:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer="zeros",
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def assign_components(
        self, weights: np.ndarray, means: np.ndarray, cholesky: np.ndarray
    ) -> None:
        """Sets the mixture; components beyond those given are never drawn.

        Args:
            weights: Array `(K,)` that sums to one.
            means: Array `(K, condition_dim + latent_dim)`, of the condition and of z.
            cholesky: Array `(K, condition_dim + latent_dim, condition_dim + latent_dim)`.
        """
        missing = self.log_weights.shape[0] - len(weights)
        size = means.shape[1]
        rows = ((0, missing), (0, 0))
        log_weights = np.log(np.maximum(weights, 1e-12))
        self.log_weights.assign(np.pad(log_weights, (0, missing), constant_values=_NEVER))
        self.means.assign(np.pad(means, rows))
        identity = np.broadcast_to(np.eye(size), (missing, size, size))
        self.cholesky.assign(np.concatenate([cholesky, identity]))

    def conditioned(
        self, condition_dim: int, conditioning: str = "modulate", **kwargs: Any
    ) -> "SecondStageMixture":
        """Returns a new, unfitted mixture for conditions; `conditioning` says nothing here."""
        settings = {"num_components": self.num_components, "seed": self.seed, **kwargs}
        return SecondStageMixture(self.latent_dim, condition_dim=condition_dim, **settings)

    def fit_checked(
        self,
        x: PosteriorsLike,
        y: ArrayLike | None = None,
        *,
        validation_data: Any = None,
        **arguments: Any,
    ) -> keras.callbacks.History:
        """As `fit`, whose arguments, but for the posteriors, have been checked."""
        if validation_data is not None:
            validation_data = self._posteriors(validation_data, name="validation_data")
        posteriors = self._posteriors(x, y)
        if not self.built:
            self.build((None, self.latent_dim))
        return train_mixture(self, posteriors, validation_data=validation_data, **arguments)

    def loss_terms(self, data: Tensor, training: bool = False) -> dict[str, Tensor]:
        """Returns `loss`, `-log p(z)`, or `-log p(z|c)`, of z drawn from each posterior."""
        return {"loss": -self.log_prob_batch(self.targets(data), self.condition(data))}

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Returns z, which `decode` gives back of what `encode` makes of it."""
        return inputs if self.condition_dim is None else inputs[0]

    def log_prob_batch(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the log density of one batch of z, in nats."""
        return log_density(z, *self._of_z(condition))

    def encode_batch(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns u, with zeros for its standard deviation, stacked: `(batch, 2, d)`."""
        u = to_normal(z, *self._of_z(condition))
        return ops.stack([u, ops.zeros_like(u)], 1)

    def decode_batch(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns z of one batch of u, as a tensor."""
        return from_normal(u, *self._of_z(condition))

    def generate_batch(self, u: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns samples of z: the first column of `u` picks the component, by its quantile."""
        log_weights, means, cholesky = self._of_z(condition)
        bounds = ops.cumsum(ops.exp(log_weights), axis=1)[:, :-1]
        component = ops.sum(ops.cast(normal_cdf(u[:, :1]) > bounds, "int32"), axis=1)
        chosen = ops.one_hot(component, self.log_weights.shape[0], dtype="float32")
        mean = ops.sum(chosen[:, :, None] * means, 1)
        factors = ops.take(cholesky, component, axis=0)
        return mean + ops.squeeze(ops.matmul(factors, noise[:, :, None]), -1)

    def _of_z(self, condition: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Returns log weights `(batch or 1, K)`, means `(batch or 1, K, d)` and factors of z."""
        if condition is None:
            log_weights = self.log_weights - ops.logsumexp(self.log_weights)
            return log_weights[None], self.means[None], ops.convert_to_tensor(self.cholesky)
        size = self.condition_dim
        factors = self.cholesky[:, :size, :size]
        known = whitened(condition, self.means[None, :, :size], factors)
        log_scale = ops.log(ops.diagonal(factors, axis1=1, axis2=2))
        log_weights = self.log_weights + ops.sum(-0.5 * ops.square(known) - log_scale, -1)
        log_weights = log_weights - ops.logsumexp(log_weights, axis=1, keepdims=True)
        moved = ops.einsum("kdc,nkc->nkd", self.cholesky[:, size:, :size], known)
        return log_weights, self.means[None, :, size:] + moved, self.cholesky[:, size:, size:]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_components": self.num_components,
            "seed": self.seed,
        }
