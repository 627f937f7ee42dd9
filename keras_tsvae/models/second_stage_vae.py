"""The second stage: a VAE on the latent vectors of the first."""

import keras
import numpy as np
from keras import ops

from keras_tsvae import inputs
from keras_tsvae.arguments import check_gamma, positive_int
from keras_tsvae.arrays.inference import DivergedError, batched, batches_of, collect, finite
from keras_tsvae.arrays.noise import noise_batches, resolve_seed
from keras_tsvae.arrays.vectors import broadcast_condition, check_vectors
from keras_tsvae.backend import global_normal
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.models.gaussian_vae import GaussianVAE, network_inputs
from keras_tsvae.networks import MLPDecoder, MLPEncoder
from keras_tsvae.saving.trainability import trainability, trainability_kept

BATCH_SIZE = 64
RESCALING_SAMPLES = 4096


@keras.saving.register_keras_serializable(package="keras_tsvae")
class SecondStageVAE(GaussianVAE):
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
            `update_gamma`). With a computed one samples are rescaled by `z_scale`, measured at the
            end of every epoch, so that their standard deviation, averaged over dimensions, is that
            of the training posteriors, `sqrt(mean_j(Var mean_j + E std_j^2))`. Defaults to
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
        gamma and the rescaling.
    """

    title = "stage 2"

    def __init__(
        self,
        latent_dim,
        width=1024,
        depth=3,
        encoder=None,
        decoder=None,
        gamma="learned",
        condition_dim=None,
        conditioning="modulate",
        **kwargs,
    ):
        latent_dim = positive_int("latent_dim", latent_dim)
        replaced = (encoder is not None, decoder is not None)
        shape = (latent_dim, width, depth, condition_dim, conditioning, kwargs.get("dtype"))
        super().__init__(
            encoder or MLPEncoder(*shape, name="encoder"),
            decoder or MLPDecoder(*shape, name="decoder"),
            check_gamma(gamma),
            **kwargs,
        )
        self.latent_dim = latent_dim
        self.width = width
        self.depth = depth
        self.conditioning = conditioning
        self._replaced = replaced
        self._z_seed_generator = keras.random.SeedGenerator()
        self.z_scale = self.add_weight(
            name="z_scale",
            shape=(),
            initializer="ones",
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )
        self.build((None, latent_dim))

    def build(self, input_shape):
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

    @property
    def reconstructed_shape(self):
        """`(latent_dim,)`."""
        return (self.latent_dim,)

    def targets(self, data):
        """Returns a fresh sample of z from a batch of posteriors; a batch of z stays as it is."""
        parts = data if isinstance(data, (tuple, list)) else (data,)
        parts = parts if self.condition_dim is None else parts[:-1]
        mean, std = (*parts, None)[:2]
        mean = ops.cast(mean, "float32")
        if std is None:
            return mean
        noise = global_normal(ops.shape(mean), self._z_seed_generator)
        return mean + ops.cast(std, "float32") * noise

    def condition(self, data):
        """Returns the float32 conditions that come with a batch, or None."""
        return None if self.condition_dim is None else ops.cast(data[-1], "float32")

    def fit_checked(
        self,
        x,
        y=None,
        *,
        batch_size,
        callbacks,
        validation_data,
        validation_batch_size,
        shuffle,
        **options,
    ):
        """As `fit`, whose arguments, but for the posteriors, have been checked."""
        posteriors = self._posteriors(x, y)
        data = self._batches(posteriors, batch_size, training=True, shuffle=shuffle)
        if validation_data is not None:
            size = validation_batch_size or batch_size
            validation = self._posteriors(validation_data, name="validation_data")
            validation_data = self._batches(validation, size)
        if self.gamma_mode == "computed":
            callbacks = [self._rescaling(posteriors), *callbacks]
        return self._train(
            data,
            callbacks,
            validation_data=validation_data,
            shuffle=False,  # the batches are already
            **options,
        )

    def batches_to_measure(self, x, y, batch_size, steps):
        """Returns posteriors as a data set of checked batches, in their order."""
        return self._batches(self._posteriors(x, y), batch_size)

    def encode(self, z, batch_size=256, condition=None):
        """Encodes z `(n, latent_dim)` into `(mean, std)` of the posterior of u, two arrays."""
        arrays = self._checked("z", z, condition)
        encode = self._compiled(self.encode_batch, batch_size)
        return tuple(collect(batched(encode, arrays, batch_size), len(z)).swapaxes(0, 1))

    def decode(self, u, batch_size=256, condition=None):
        """Decodes u `(n, latent_dim)` into means of z, a float32 array of the same shape."""
        arrays = self._checked("u", u, condition)
        means = batched(self._compiled(self.decode_batch, batch_size), arrays, batch_size)
        return collect(finite(means, "latent vectors"), len(u))

    def sample(self, n, *, seed=None, batch_size=256, condition=None):
        """Draws `n` latent vectors: `u ~ N(0, I)`, `z = z_scale * (decoder(u) + gamma * noise)`."""
        n = positive_int("n", n)
        options = {"seed": seed, "batch_size": batch_size, "condition": condition}
        return collect(self.sample_batches(n, **options), n)

    def sample_batches(self, n, *, seed=None, batch_size=256, condition=None):
        """Returns an iterator over the latent vectors of `sample` in batches."""
        n, batch_size = positive_int("n", n), positive_int("batch_size", batch_size)
        condition = broadcast_condition(condition, n, self.condition_dim)
        noise = noise_batches(n, self.latent_dim, resolve_seed(seed), batch_size, parts=2)
        generate = self._compiled(self.generate_batch, batch_size)
        arguments = zip(noise, batches_of(condition, n, batch_size))
        latents = (ops.convert_to_numpy(generate(*parts, *rows)) for parts, rows in arguments)
        return finite(latents, "latent vectors")

    def encode_batch(self, z, condition=None):
        """Returns mean and standard deviation of u for one batch, stacked: `(batch, 2, d)`."""
        mean, log_std = self.encoder(network_inputs(self.encoder, z, condition), training=False)
        return ops.stack([ops.cast(mean, "float32"), ops.exp(ops.cast(log_std, "float32"))], 1)

    def decode_batch(self, u, condition=None):
        """Returns the means of z of one batch of u, as a tensor."""
        return ops.cast(
            self.decoder(network_inputs(self.decoder, u, condition), training=False), "float32"
        )

    def generate_batch(self, u, noise, condition=None):
        """Returns samples of z for one batch of u, with `noise` scaled by gamma, as a tensor."""
        mean = self.decode_batch(u, condition)
        return self.z_scale * (mean + ops.exp(self.log_gamma) * noise)

    def _checked(self, name, vectors, condition):
        vectors = check_vectors(name, vectors, self.latent_dim)
        return (vectors, *broadcast_condition(condition, len(vectors), self.condition_dim))

    def _rescaling(self, posteriors):
        """Returns a callback that gives samples the standard deviation of the posteriors."""
        z_std, condition = posteriors.z_std(), None
        if self.condition_dim is not None:
            rows = np.linspace(0, len(posteriors) - 1, RESCALING_SAMPLES).round().astype(int)
            condition = posteriors.condition[rows]

        def rescale(*_):
            self.z_scale.assign(1.0)
            try:
                sampled = self.sample(RESCALING_SAMPLES, seed=0, condition=condition)
            except DivergedError:
                return  # as the logs of the epoch show
            self.z_scale.assign(z_std / np.std(sampled, axis=0).mean())

        return keras.callbacks.LambdaCallback(on_epoch_end=rescale)

    def _posteriors(self, x, y=None, name="x"):
        """Returns `x`, or the pair `x` and `y`, as `Posteriors` of this stage's width."""
        if not isinstance(x, Posteriors):
            pair = x if y is None else (x, y)
            if not isinstance(pair, (tuple, list)) or len(pair) not in (2, 3):
                raise ValueError(
                    f"`{name}` must be `Posteriors` or a pair of arrays (mean, std). "
                    f"Received: type({name})={type(x).__name__}"
                )
            x = Posteriors(*pair)
        if x.latent_dim != self.latent_dim:
            raise ValueError(
                f"`{name}` must hold posteriors of width {self.latent_dim}. "
                f"Received: latent_dim={x.latent_dim}"
            )
        if self.condition_dim is not None and x.condition_dim != self.condition_dim:
            raise ValueError(
                f"`{name}` must hold posteriors with conditions of width {self.condition_dim}. "
                f"Received: condition_dim={x.condition_dim}"
            )
        return x

    def _batches(self, posteriors, batch_size, training=False, shuffle=True):
        arrays = posteriors.arrays if self.condition_dim is not None else posteriors.arrays[:2]
        size = BATCH_SIZE if batch_size is None else batch_size
        return inputs.array_batches(arrays, size, training, shuffle)

    def get_config(self):
        """Returns the constructor's arguments."""
        config = {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "width": self.width,
            "depth": self.depth,
            "condition_dim": self.condition_dim,
            "conditioning": self.conditioning,
        }
        for name, replaced in zip(("encoder", "decoder"), self._replaced):
            network = getattr(self, name)
            if replaced or network.trainable != self.trainable or trainability(network):
                config[name] = keras.saving.serialize_keras_object(network)
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Creates the model anew from `get_config()`."""
        networks = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("encoder", "decoder")
            if name in config
        }
        with trainability_kept(networks.values()):
            return cls(**{**config, **networks})
