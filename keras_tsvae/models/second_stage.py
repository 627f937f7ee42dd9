"""What a whole model asks of its second stage, whatever kind of model that is."""

import typing
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from keras_tsvae import inputs
from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.inference import batched, batches_of, collect, finite
from keras_tsvae.arrays.noise import noise_batches, resolve_seed
from keras_tsvae.arrays.types import ArrayLike, Dataset, Shape, Tensor
from keras_tsvae.arrays.vectors import broadcast_condition, check_vectors
from keras_tsvae.backend import global_normal
from keras_tsvae.latents import Posteriors
from keras_tsvae.models.posterior_inputs import PosteriorsLike, as_posteriors
from keras_tsvae.models.stage import Stage

BATCH_SIZE = 64


class SecondStage(Stage):
    """A model of the latent vectors z of a first stage, q(z), or q(z|c) under conditions.

    It is fitted on posteriors `(mean, std)` of images, of which `z = mean + std * noise` is drawn
    anew at every step, and turns standard normal noise into z. Where it is conditioned, posteriors,
    z and u come with a `condition` `(n, condition_dim)`, or one row for all. `fit` and `evaluate`
    take a `Posteriors`, a pair of arrays `(mean, std)`, or the means alone with the deviations as
    `y`; each array `(n, latent_dim)`. Where it is conditioned, a `Posteriors` with conditions, or
    three arrays `(mean, std, condition)`.

    A subclass makes its weights in the constructor or in `build`, and defines these functions of
    one batch of tensors, each with a `condition` where there is one:

    - `loss_terms(data, training)`: a dict with `loss`, one value per example; `targets(data)` draws
      z, and `condition(data)` picks out the condition. `track` names what else is to be shown;
    - `generate_batch(u, noise, condition)`: z of standard normal noise, twice `(batch, d)`;
    - `encode_batch(z, condition)`: mean and standard deviation of u, stacked, `(batch, 2, d)`;
    - `decode_batch(u, condition)`: the mean of z, `(batch, d)`; what editing moves z along;
    - `log_prob_batch(z, condition)`: the log density of z, `(batch,)`, or a lower bound, then with
      `log_prob_is_bound = True`; only for `log_prob` and reports, which do without.

    For files it defines `get_config` and is registered with Keras, and for `wrap` it defines
    `conditioned(condition_dim, conditioning)`: a new stage of the same settings.

    Args:
        latent_dim: Positive int, the width d of z and of u.
        *args: Further arguments of the next class.
        condition_dim: Positive int, the width of the conditions. Defaults to None: there are none,
            or the next class knows their width.
        **kwargs: `name`, `trainable` and `dtype` of `keras.Model`, and what the next class takes.

    Example:
        >>> @keras.saving.register_keras_serializable()
        ... class DiagonalGaussian(keras_tsvae.SecondStage):
        ...     def __init__(self, latent_dim, **kwargs):
        ...         super().__init__(latent_dim, **kwargs)
        ...         self.shift = self.add_weight(shape=(latent_dim,), initializer="zeros")
        ...         self.log_scale = self.add_weight(shape=(latent_dim,), initializer="zeros")
        ...
        ...     def loss_terms(self, data, training=False):
        ...         u = self.encode_batch(self.targets(data))[:, 0]
        ...         return {"loss": ops.sum(0.5 * u**2 + self.log_scale, axis=-1)}
        ...
        ...     def encode_batch(self, z, condition=None):
        ...         u = (z - self.shift) * ops.exp(-self.log_scale)
        ...         return ops.stack([u, ops.ones_like(u)], axis=1)
        ...
        ...     def decode_batch(self, u, condition=None):
        ...         return self.shift + ops.exp(self.log_scale) * u
        ...
        ...     def generate_batch(self, u, noise, condition=None):
        ...         return self.decode_batch(u)
        >>> model = keras_tsvae.TwoStageVAE(first_stage, DiagonalGaussian(latent_dim=16))
    """

    title = "stage 2"
    log_prob_is_bound = False  # whether `log_prob` is a lower bound rather than log p(z) itself

    def __init__(
        self,
        latent_dim: int,
        *args: typing.Any,
        condition_dim: int | None = None,
        **kwargs: typing.Any,
    ):
        latent_dim = positive_int("latent_dim", latent_dim)
        super().__init__(*args, **kwargs)
        self.latent_dim = latent_dim
        if condition_dim is not None:
            self.condition_dim = positive_int("condition_dim", condition_dim)
        self._z_seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape: Shape) -> None:
        """Makes the weights that the constructor has not made, for z of `input_shape[1:]`."""
        self.built = True

    def call(self, inputs: typing.Any, training: bool | None = None) -> Tensor:
        """Reconstructs a batch of z, or of z and conditions, from the mean of u."""
        z, condition = self.targets(inputs), self.condition(inputs)
        arguments = () if condition is None else (condition,)
        return self.decode_batch(self.encode_batch(z, *arguments)[:, 0], *arguments)

    @property
    def reconstructed_shape(self) -> tuple[int, ...]:
        """`(latent_dim,)`."""
        return (self.latent_dim,)

    def conditioned(
        self, condition_dim: int, conditioning: str = "modulate", **kwargs: typing.Any
    ) -> "SecondStage":
        """Returns a new, untrained stage of the same settings that takes conditions.

        Args:
            condition_dim: Positive int, their width.
            conditioning: `"concat"` or `"modulate"`. Defaults to `"modulate"`.
            **kwargs: Arguments of the constructor in place of this stage's own.
        """
        raise NotImplementedError

    def targets(self, data: typing.Any) -> Tensor:
        """Returns a fresh sample of z from a batch of posteriors; a batch of z stays as it is."""
        parts = data if isinstance(data, (tuple, list)) else (data,)
        parts = parts if self.condition_dim is None else parts[:-1]
        mean, std = (*parts, None)[:2]
        mean = ops.cast(mean, "float32")
        if std is None:
            return mean
        noise = global_normal(ops.shape(mean), self._z_seed_generator)
        return mean + ops.cast(std, "float32") * noise

    def condition(self, data: typing.Any) -> Tensor | None:
        """Returns the float32 conditions that come with a batch, or None."""
        return None if self.condition_dim is None else ops.cast(data[-1], "float32")

    def fit_checked(
        self,
        x: PosteriorsLike,
        y: ArrayLike | None = None,
        *,
        batch_size: int | None,
        callbacks: list[keras.callbacks.Callback],
        validation_data: typing.Any,
        validation_batch_size: int | None,
        shuffle: bool,
        **options: typing.Any,
    ) -> keras.callbacks.History:
        """As `fit`, whose arguments, but for the posteriors, have been checked."""
        posteriors = self._posteriors(x, y)
        if not self.built:
            self.build((None, self.latent_dim))
        data = self._batches(posteriors, batch_size, training=True, shuffle=shuffle)
        if validation_data is not None:
            size = validation_batch_size or batch_size
            validation = self._posteriors(validation_data, name="validation_data")
            validation_data = self._batches(validation, size)
        return self._train(
            data,
            [*self.own_callbacks(posteriors), *callbacks],
            validation_data=validation_data,
            shuffle=False,  # the batches are already
            **options,
        )

    def own_callbacks(self, posteriors: Posteriors) -> list[keras.callbacks.Callback]:
        """Returns callbacks that belong to every training of this stage on `posteriors`."""
        return []

    def batches_to_measure(
        self, x: PosteriorsLike, y: ArrayLike | None, batch_size: int | None, steps: int | None
    ) -> Dataset:
        """Returns posteriors as a data set of checked batches, in their order."""
        return self._batches(self._posteriors(x, y), batch_size)

    def encode(
        self, z: ArrayLike, batch_size: int = 256, condition: ArrayLike | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Encodes z `(n, latent_dim)` into `(mean, std)` of the posterior of u, two arrays."""
        arrays = self._checked("z", z, condition)
        encode = self._compiled(self.encode_batch, batch_size)
        return tuple(collect(batched(encode, arrays, batch_size), len(arrays[0])).swapaxes(0, 1))

    def decode(
        self, u: ArrayLike, batch_size: int = 256, condition: ArrayLike | None = None
    ) -> np.ndarray:
        """Decodes u `(n, latent_dim)` into means of z, a float32 array of the same shape."""
        arrays = self._checked("u", u, condition)
        means = batched(self._compiled(self.decode_batch, batch_size), arrays, batch_size)
        return collect(finite(means, "latent vectors"), len(arrays[0]))

    def log_prob(
        self, z: ArrayLike, batch_size: int = 256, condition: ArrayLike | None = None
    ) -> np.ndarray:
        """Returns log p(z), or log p(z|c), in nats, a float32 array `(n,)`.

        It is exact of mixtures and flows, a lower bound of a VAE (`log_prob_is_bound`). What it is
        of held-out images says what a second stage is worth (`metrics.held_out_log_prob`).

        Args:
            z: Array `(n, latent_dim)`.
            batch_size: Rows per step. Defaults to 256.
            condition: Coded conditions `(n, condition_dim)`, or one row for all, where the stage
                takes them.

        Raises:
            ValueError: If an argument is not as described.
        """
        arrays = self._checked("z", z, condition)
        log_prob = self._compiled(self.log_prob_batch, batch_size)
        return collect(batched(log_prob, arrays, batch_size), len(arrays[0]))

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        batch_size: int = 256,
        condition: ArrayLike | None = None,
    ) -> np.ndarray:
        """Draws `n` latent vectors, a float32 array `(n, latent_dim)`."""
        n = positive_int("n", n)
        batches = self.sample_batches(n, seed=seed, batch_size=batch_size, condition=condition)
        return collect(batches, n)

    def sample_batches(
        self,
        n: int,
        *,
        seed: int | None = None,
        batch_size: int = 256,
        condition: ArrayLike | None = None,
    ) -> Iterator[np.ndarray]:
        """Returns an iterator over the latent vectors of `sample` in batches."""
        n, batch_size = positive_int("n", n), positive_int("batch_size", batch_size)
        condition = broadcast_condition(condition, n, self.condition_dim)
        noise = noise_batches(n, self.latent_dim, resolve_seed(seed), batch_size, parts=2)
        arguments = zip(noise, batches_of(condition, n, batch_size))
        latents = (
            self.generate(u, noise, rows[0] if rows else None, batch_size)
            for (u, noise), rows in arguments
        )
        return finite(latents, "latent vectors")

    def generate(
        self,
        u: np.ndarray,
        noise: np.ndarray,
        condition: np.ndarray | None = None,
        full: int | None = None,
    ) -> np.ndarray:
        """Returns z of one batch of standard normal noise, as an array, unchecked.

        Args:
            u: Array `(batch, latent_dim)`.
            noise: Another one.
            condition: Coded conditions `(batch, condition_dim)` where the stage takes them.
            full: How many rows full batches have, if that is known. Defaults to None.
        """
        arguments = (u, noise) if condition is None else (u, noise, condition)
        return ops.convert_to_numpy(self._compiled(self.generate_batch, full)(*arguments))

    def encode_batch(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns mean and standard deviation of u for one batch, stacked: `(batch, 2, d)`."""
        raise NotImplementedError

    def decode_batch(self, u: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the means of z of one batch of u, as a tensor."""
        raise NotImplementedError

    def log_prob_batch(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the log density of one batch of z, or a lower bound of it, `(batch,)`."""
        raise NotImplementedError

    def generate_batch(self, u: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns samples of z for one batch of standard normal noise, as a tensor."""
        raise NotImplementedError

    def _checked(
        self, name: str, vectors: ArrayLike, condition: ArrayLike | None
    ) -> tuple[np.ndarray, ...]:
        vectors = check_vectors(name, vectors, self.latent_dim)
        return (vectors, *broadcast_condition(condition, len(vectors), self.condition_dim))

    def _posteriors(self, x, y=None, name="x"):
        return as_posteriors(x, y, self.latent_dim, self.condition_dim, name)

    def _batches(self, posteriors, batch_size, training=False, shuffle=True):
        arrays = posteriors.arrays if self.condition_dim is not None else posteriors.arrays[:2]
        size = BATCH_SIZE if batch_size is None else batch_size
        return inputs.array_batches(arrays, size, training, shuffle)

    def get_config(self) -> dict[str, typing.Any]:
        """Returns name, dtype and widths."""
        widths = {"latent_dim": self.latent_dim, "condition_dim": self.condition_dim}
        return {**super().get_config(), **widths}
