"""What a Gaussian VAE adds to a stage: encoder, decoder, KL divergence and gamma."""

import math
import typing

import keras
from keras import ops

from keras_tsvae import losses
from keras_tsvae.arguments import LEAST_GAMMA
from keras_tsvae.arrays.types import Tensor
from keras_tsvae.layers import GaussianSampling
from keras_tsvae.models.stage import Stage
from keras_tsvae.saving.trainability import set_trainability

TRACKED = ("loss", "kl", "nll", "mse", "gamma")
KEPT_OF_MSE: dict[str | float | None, float] = {
    "computed": 0.99,
    "optimal": 0.9,
}  # weight of the past, by kind of gamma


class GaussianVAE(Stage):
    """A VAE with a Gaussian posterior, a Gaussian likelihood and one scalar log gamma.

    Subclasses name their inputs: `targets(data)` turns a batch into the float32 tensor to be
    reconstructed, `condition(data)` picks out the condition that came with it.
    """

    kl_weight = 1.0
    kept_of_mse = KEPT_OF_MSE

    def __init__(
        self,
        encoder: keras.Layer,
        decoder: keras.Layer,
        gamma: str | float | None,
        **kwargs: typing.Any,
    ):
        super().__init__(**kwargs)
        self.gamma_mode = gamma
        self.encoder = encoder
        self.decoder = decoder
        self.condition_dim = _condition_dim(encoder, decoder)
        self.sampling = GaussianSampling(name="sampling")
        self.log_gamma: typing.Any = None if gamma is None else self._make_log_gamma()
        self.track(*(TRACKED[:-1] if gamma is None else TRACKED))
        if not self.trainable:
            set_trainability(self, {})

    def _make_log_gamma(self):
        start = math.log(self.gamma_mode) if isinstance(self.gamma_mode, float) else 0.0
        return self.add_weight(
            name="log_gamma",
            shape=(),
            initializer=keras.initializers.Constant(start),
            dtype="float32",
            autocast=False,
            trainable=self.gamma_mode == "learned",
            constraint=_LeastGamma(),
            aggregation="none" if self.gamma_mode == "learned" else "only_first_replica",
        )

    @property
    def follows_mse(self) -> bool:
        """Whether gamma is set from the training batches' errors (see `update_gamma`)."""
        return self.gamma_mode in KEPT_OF_MSE

    @property
    def measured_variables(self) -> list[keras.Variable]:
        """Log gamma, if there is one."""
        return [] if self.log_gamma is None else [self.log_gamma]

    @property
    def gamma(self) -> float | None:
        """The decoder's standard deviation, `exp(log_gamma)`; None for the cross-entropy."""
        if self.log_gamma is None:
            return None
        return float(ops.convert_to_numpy(ops.exp(self.log_gamma)))

    def targets(self, data: typing.Any) -> Tensor:
        """Returns what is to be reconstructed, float32, from one batch of training data."""
        raise NotImplementedError

    def condition(self, data: typing.Any) -> Tensor | None:
        """Returns the float32 conditions `(batch, condition_dim)` of one batch, or None."""
        return None

    def loss_terms(
        self, data: typing.Any, training: bool = False, noise: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The terms of the objective for each example of one batch.

        `loss = kl_weight * kl + nll`, each summed over dimensions (see `keras_tsvae.losses`);
        `kl_weight` is 1 but in a first stage whose gamma is computed.

        Args:
            data: One batch, as the data set of a fit yields it.
            training: Whether layers act as in training.
            noise: Optional standard normal noise `(batch, latent_dim)` for the posterior sample,
                in place of a fresh draw.

        Returns:
            A dict of float32 tensors of shape `(batch,)`: loss, kl, nll, mse and, if there is
            one, gamma.
        """
        x, condition = self.targets(data), self.condition(data)
        mean, log_std = self.encoder(network_inputs(self.encoder, x, condition), training=training)
        sample = self.sampling(mean, log_std, noise)
        kl = losses.kl_divergence(mean, log_std)
        terms = self.reconstruction_terms(
            x, network_inputs(self.decoder, sample, condition), training
        )
        return {"loss": self.kl_weight * kl + terms["nll"], "kl": kl, **terms}

    def reconstruction_terms(
        self, x: Tensor, code: Tensor, training: bool = False
    ) -> dict[str, Tensor]:
        """Returns nll, mse and gamma of `x`, one per example, decoded from what the decoder takes.

        `code` is a posterior sample, with its condition if the decoder is conditioned.
        """
        reconstruction = self.decoder(code, training=training)
        nll = losses.gaussian_nll(x, reconstruction, self.log_gamma)
        mse = losses.mean_squared_error(x, reconstruction)
        return {"nll": nll, "mse": mse, "gamma": ops.ones_like(nll) * ops.exp(self.log_gamma)}

    def update_gamma(self, batch_mse: Tensor) -> None:
        """Follows the mean squared error of a training batch, if gamma is computed or optimal.

        `gamma^2 = mse`, with `mse <- min(mse, 0.99 * mse + 0.01 * batch_mse)` if it is computed,
        `mse <- 0.9 * mse + 0.1 * batch_mse` if it is optimal (a second stage has 0.999 in place of
        0.99); written as a step of log gamma, so
        that nothing is lost to rounding where the minimum keeps mse as it is. Gamma stays at
        1e-6 or more: the density of images without any error else grows without bound.

        Args:
            batch_mse: Scalar, the mean over the whole batch and all dimensions.

        Source:
            Asperti & Trentin (2020), *Balancing Reconstruction Error and Kullback-Leibler
            Divergence in Variational Autoencoders*; Rybkin, Daniilidis & Levine (2021), *Simple
            and Effective VAE Training with Calibrated Decoders*, for the optimal one.
        """
        ratio = batch_mse * ops.exp(-2.0 * self.log_gamma)
        step = 0.5 * ops.log1p((1.0 - self.kept_of_mse[self.gamma_mode]) * (ratio - 1.0))
        taken = step < 0.0 if self.gamma_mode == "computed" else ops.isfinite(step)
        moved = self.log_gamma + ops.where(taken, step, 0.0)
        self.log_gamma.assign(ops.maximum(moved, math.log(LEAST_GAMMA)))

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Reconstructs a batch: from the posterior mean, in training from a posterior sample."""
        x, condition = self.targets(inputs), self.condition(inputs)
        mean, log_std = self.encoder(network_inputs(self.encoder, x, condition), training=training)
        code = self.sampling(mean, log_std) if training else mean
        return self.decoder(network_inputs(self.decoder, code, condition), training=training)

    def get_config(self) -> dict[str, typing.Any]:
        """Returns name, dtype and where gamma comes from."""
        config = super().get_config()
        return config if self.gamma_mode is None else {**config, "gamma": self.gamma_mode}

    def _build_networks(self, input_shape):
        """Builds both networks on symbolic tensors; returns the latent and the output shape."""
        x = keras.KerasTensor((None, *input_shape), dtype="float32")
        condition = None
        if self.condition_dim is not None:
            condition = keras.KerasTensor((None, self.condition_dim), dtype="float32")
        posterior = self.encoder(network_inputs(self.encoder, x, condition))
        if not isinstance(posterior, (tuple, list)) or len(posterior) != 2:
            raise ValueError(
                "`encoder` must return a pair (mean, log_std). "
                f"Received: a {type(posterior).__name__}"
            )
        mean, log_std = posterior
        if len(mean.shape) != 2 or mean.shape[1] is None or mean.shape != log_std.shape:
            raise ValueError(
                "`encoder` must return mean and log_std of one shape (batch, latent_dim). "
                f"Received: mean.shape={mean.shape}, log_std.shape={log_std.shape}"
            )
        code = keras.KerasTensor(mean.shape, dtype="float32")
        reconstruction = self.decoder(network_inputs(self.decoder, code, condition))
        self.sampling.build(mean.shape)
        if reconstruction.shape[1:] != tuple(input_shape):
            raise ValueError(
                "`decoder` must return the shape that `encoder` takes. Received: decoder output "
                f"{reconstruction.shape[1:]} for encoder input {tuple(input_shape)}"
            )
        return mean.shape[1]


class _LeastGamma(keras.constraints.Constraint):
    """Keeps a learned gamma at 1e-6 or more: images without any error would else draw it to 0."""

    def __call__(self, log_gamma: Tensor) -> Tensor:
        return ops.maximum(log_gamma, math.log(LEAST_GAMMA))


def network_inputs(network: keras.Layer, x: Tensor, condition: Tensor | None) -> Tensor:
    """Returns what `network` takes: x, in a list with the condition if it is conditioned."""
    return x if getattr(network, "condition_dim", None) is None else [x, condition]


def _condition_dim(*networks):
    """Returns the width of the condition that the networks take, None for none."""
    given = (getattr(network, "condition_dim", None) for network in networks)
    dims = {dim for dim in given if dim is not None}
    if len(dims) > 1:
        raise ValueError(
            "`encoder` and `decoder` must take conditions of one width. "
            f"Received: condition_dim={sorted(dims)}"
        )
    return dims.pop() if dims else None
