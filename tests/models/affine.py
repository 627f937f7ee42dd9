"""The least that a second stage can be: no VAE, `z = shift(c) + scale * u`, by its likelihood."""

import keras
from keras import ops

from keras_tsvae import SecondStage


@keras.saving.register_keras_serializable(package="tests")
class AffineSecondStage(SecondStage):
    """A diagonal Gaussian of z, whose mean is linear in the condition."""

    def __init__(self, latent_dim, condition_dim=None, offset=0.0, **kwargs):
        super().__init__(latent_dim, condition_dim=condition_dim, **kwargs)
        self.offset = offset
        self.shift = self.add_weight(
            shape=(latent_dim,), initializer=keras.initializers.Constant(offset), name="shift"
        )
        self.log_scale = self.add_weight(shape=(latent_dim,), initializer="zeros", name="log_scale")
        if condition_dim is not None:
            shape = (condition_dim, latent_dim)
            self.weights_of_condition = self.add_weight(shape=shape, initializer="zeros")

    def conditioned(self, condition_dim, conditioning="modulate", **kwargs):
        return AffineSecondStage(
            self.latent_dim, condition_dim, **{"offset": self.offset, **kwargs}
        )

    def loss_terms(self, data, training=False):
        z, condition = self.targets(data), self.condition(data)
        u = self._to_u(z, condition)
        return {"loss": ops.sum(0.5 * ops.square(u) + self.log_scale, axis=-1)}

    def encode_batch(self, z, condition=None):
        u = self._to_u(z, condition)
        return ops.stack([u, ops.ones_like(u)], 1)

    def decode_batch(self, u, condition=None):
        return self._mean(condition) + ops.exp(self.log_scale) * u

    def generate_batch(self, u, noise, condition=None):
        return self.decode_batch(u, condition)

    def _to_u(self, z, condition):
        return (z - self._mean(condition)) * ops.exp(-self.log_scale)

    def _mean(self, condition):
        if condition is None:
            return self.shift
        return self.shift + ops.matmul(condition, self.weights_of_condition)

    def get_config(self):
        return {**super().get_config(), "offset": self.offset}
