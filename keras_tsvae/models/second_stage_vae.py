"""The second stage of the paper: a VAE on the latent vectors of the first."""

import typing

import keras
from keras import ops

from keras_tsvae import losses
from keras_tsvae.arguments import check_gamma
from keras_tsvae.arrays.types import Shape, Tensor
from keras_tsvae.models.gaussian_vae import KEPT_OF_MSE, GaussianVAE, network_inputs
from keras_tsvae.models.standardized import Standardized
from keras_tsvae.networks import MLPDecoder, MLPEncoder
from keras_tsvae.saving.trainability import trainability, trainability_kept

BOUND_DRAWS, BOUND_SEED = 16, 0


@keras.saving.register_keras_serializable(package="keras_tsvae")
class SecondStageVAE(Standardized, GaussianVAE):
    """VAE on latent vectors z, which learns how the first stage's posteriors are distributed.

    Trained on posteriors `(mean, std)` of images: `z = mean + std * noise` is drawn anew at
    every step. `u ~ N(mean(z), std(z)^2)`, `zhat = decoder(u)`,
    `loss = KL(q(u|z) || N(0, I)) - log N(z; zhat, gamma^2 I)`. Where it is conditioned, posteriors,
    z and u come with a `condition` `(n, condition_dim)`, or one row for all.

    `fit` and `evaluate` take a `Posteriors`, a pair of arrays `(mean, std)`, or the means alone
    with the deviations as `y`; each array `(n, latent_dim)`. Where the stage is conditioned, a
    `Posteriors` with conditions, or three arrays `(mean, std, condition)`.

    Args:
        latent_dim: Positive int, the width of z and of u.
        width: Positive int, units of each hidden layer. Defaults to 1024.
        depth: Positive int, hidden layers of each network. Defaults to 3.
        condition_dim: Positive int, the width of the conditions that posteriors come with, for a
            second stage that is conditioned. Defaults to None: it is not.
        conditioning: `"concat"` or `"modulate"` (see `MLPEncoder`). Defaults to `"modulate"`.
        encoder: Optional Keras layer or model from z to a pair `(mean, log_std)`, in place of
            an `MLPEncoder`.
        decoder: Optional Keras layer or model from u to z, in place of an `MLPDecoder`.
        gamma: `"learned"`, `"computed"`, `"optimal"`, or a positive float that stays as it is. A
            computed or optimal one is the root of a running mean squared error (see
            `update_gamma`), and with it the stage is `Standardized`: its networks see z half way
            to white noise, samples are brought to the mean and the covariance of the training
            posteriors, and `log_prob` knows the covariance of what the decoder misses. Of
            the decoder's noise samples then have a twentieth, for the map makes up for the rest; a
            decoder that ignores u so draws the best single Gaussian. Defaults to
            `"learned"`.
        **kwargs: `name`, `trainable` and `dtype` of `keras.Model`.

    Raises:
        ValueError: If an argument is not a positive integer, or the networks do not fit together.

    Example:
        >>> second = keras_tsvae.SecondStageVAE(latent_dim=16)
        >>> second.compile()
        >>> second.fit(first.posteriors(images), epochs=20)

    Source:
        Dai & Wipf (2019), section 4; Asperti & Trentin (2020), for the computed
        gamma, and for rescaling samples, here by a whole matrix.
    """

    log_prob_is_bound = True
    # With 0.99 u soon holds more of z than can be brought to N(0, I) in the same time.
    kept_of_mse = {**KEPT_OF_MSE, "computed": 0.999}

    def __init__(
        self,
        latent_dim: int,
        width: int = 1024,
        depth: int = 3,
        encoder: keras.Layer | None = None,
        decoder: keras.Layer | None = None,
        gamma: str | float = "learned",
        condition_dim: int | None = None,
        conditioning: str = "modulate",
        **kwargs: typing.Any,
    ):
        replaced = (encoder is not None, decoder is not None)
        shape = (latent_dim, width, depth, condition_dim, conditioning, kwargs.get("dtype"))
        super().__init__(
            latent_dim,
            encoder or MLPEncoder(*shape, name="encoder"),
            decoder or MLPDecoder(*shape, name="decoder"),
            check_gamma(gamma),
            **kwargs,
        )
        self.width = width
        self.depth = depth
        self.conditioning = conditioning
        self._replaced = replaced
        self._add_standardization(measured=self.follows_mse)
        self.build((None, self.latent_dim))

    def build(self, input_shape: Shape) -> None:
        """Builds both networks."""
        if self.built:
            return
        width = self._build_networks((self.latent_dim,))
        if width != self.latent_dim:
            raise ValueError(
                f"`encoder` must return u of width {self.latent_dim}, that of z. "
                f"Received: width {width}"
            )
        self.built = True

    def targets(self, data: typing.Any) -> Tensor:
        """Returns x of a fresh sample of z from a batch of posteriors, or of a batch of z."""
        return self._standardized(super().targets(data))

    def loss_terms(
        self, data: typing.Any, training: bool = False, noise: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The terms of the objective for each example (see `GaussianVAE.loss_terms`).

        mse and gamma are those of x, nll is that of z.
        """
        terms = GaussianVAE.loss_terms(self, data, training, noise)
        scale = self._log_scale()
        return {**terms, "loss": terms["loss"] + scale, "nll": terms["nll"] + scale}

    def call(self, inputs: typing.Any, training: bool | None = None) -> Tensor:
        """Reconstructs a batch of z: from the posterior mean, in training from a sample."""
        return self._unstandardized(GaussianVAE.call(self, inputs, training))

    def conditioned(
        self, condition_dim: int, conditioning: str = "modulate", **kwargs: typing.Any
    ) -> "SecondStageVAE":
        """Returns a new, untrained stage of the same settings that takes conditions.

        Args:
            condition_dim: Positive int, their width.
            conditioning: `"concat"` or `"modulate"`. Defaults to `"modulate"`.
            **kwargs: Arguments of the constructor in place of this stage's own.
        """
        settings: dict[str, typing.Any] = {
            "width": self.width,
            "depth": self.depth,
            "gamma": self.gamma_mode,
            "dtype": self.dtype_policy,
        }
        return SecondStageVAE(
            self.latent_dim,
            condition_dim=condition_dim,
            conditioning=conditioning,
            **{**settings, **kwargs},
        )

    def encode_batch(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns mean and standard deviation of u for one batch, stacked: `(batch, 2, d)`."""
        x = self._standardized(z)
        mean, log_std = self.encoder(network_inputs(self.encoder, x, condition), training=False)
        return ops.stack([ops.cast(mean, "float32"), ops.exp(ops.cast(log_std, "float32"))], 1)

    def decode_batch(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the means of z of one batch of u, as a tensor."""
        return self._unstandardized(self._decoded(u, condition))

    def _decoded(self, u, condition):
        """Returns the means of x of one batch of u, float32."""
        x = self.decoder(network_inputs(self.decoder, u, condition), training=False)
        return ops.cast(x, "float32")

    def log_prob_batch(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns a lower bound of the log density of one batch of z, `(batch,)`.

        `E_q(u|z)[log p(z|u)] - KL(q(u|z) || N(0, I))`, the mean over 16 draws of u, the same for
        all z. Where gamma is measured, `p(z|u) = N(z; decode(u), R)` with R the covariance of what
        the decoder misses, measured at the end of every epoch; samples have less noise (see the
        class), and another density.
        """
        z = z / self.z_scale
        stacked = self.encode_batch(z, condition)
        mean, std = stacked[:, 0], stacked[:, 1]
        noise = keras.random.normal((BOUND_DRAWS, 1, self.latent_dim), seed=BOUND_SEED)
        u = ops.reshape(mean + std * noise, (-1, self.latent_dim))  # (16 * batch, d)
        rows = (BOUND_DRAWS, 1)
        mean_of_z = self.decode_batch(u, None if condition is None else ops.tile(condition, rows))
        tiled = ops.tile(z, rows)
        if self.standardizes:
            log_prob = self._log_normal(tiled - mean_of_z)
        else:
            log_prob = -losses.gaussian_nll(tiled, mean_of_z, self.log_gamma)
        log_prob = ops.mean(ops.reshape(log_prob, (BOUND_DRAWS, -1)), axis=0)
        kl = losses.kl_divergence(mean, ops.log(std))
        return log_prob - kl - self.latent_dim * ops.log(self.z_scale)

    def generate_batch(self, u: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns samples of z for one batch of u and one of noise, as a tensor."""
        noise = ops.exp(self.log_gamma) * noise
        return self.z_scale * self._samples(self._decoded(u, condition), noise)

    def get_config(self) -> dict[str, typing.Any]:
        """Returns the constructor's arguments."""
        config = {
            **super().get_config(),
            "width": self.width,
            "depth": self.depth,
            "conditioning": self.conditioning,
        }
        for name, replaced in zip(("encoder", "decoder"), self._replaced):
            network = getattr(self, name)
            if replaced or network.trainable != self.trainable or trainability(network):
                config[name] = keras.saving.serialize_keras_object(network)
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, typing.Any], custom_objects: dict[str, typing.Any] | None = None
    ) -> "SecondStageVAE":
        """Creates the model anew from `get_config()`."""
        networks: dict[str, typing.Any] = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("encoder", "decoder")
            if name in config
        }
        with trainability_kept(networks.values()):
            return cls(**{**config, **networks})
