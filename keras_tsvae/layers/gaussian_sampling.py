"""The reparameterised draw from a diagonal Gaussian."""

from typing import Any

import keras
from keras import ops

from keras_tsvae.arrays.types import Shape, Tensor
from keras_tsvae.backend import global_normal


@keras.saving.register_keras_serializable(package="keras_tsvae")
class GaussianSampling(keras.layers.Layer):
    """Draws `z = mean + exp(log_std) * noise`, with `noise ~ N(0, I)` drawn anew at every call.

    Devices that share a batch draw different noise.

    Always computes in float32: `exp` of a half-precision logarithm loses small deviations.

    Args:
        seed: Int or None. Two layers of equal seed draw the same sequence of noise.
            Defaults to None: a seed drawn from Python's `random`, which
            `keras.utils.set_random_seed` fixes.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        mean: Tensor of shape `(batch, latent_dim)`.
        log_std: Logarithms of the standard deviations, same shape.
        noise: Optional tensor of the same shape to use in place of a fresh draw.

    Returns:
        A float32 tensor of the shape of `mean`.

    Example:
        >>> mean = np.zeros((4, 64)); log_std = np.zeros((4, 64))
        >>> keras_tsvae.layers.GaussianSampling(seed=0)(mean, log_std).shape
        (4, 64)

    Source:
        Kingma & Welling (2014), section 2.4.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, mean_shape: Shape, log_std_shape: Shape | None = None) -> None:
        """Does nothing: the layer has no weights."""

    def call(self, mean: Tensor, log_std: Tensor, noise: Tensor | None = None) -> Tensor:
        """Draws one sample per row."""
        mean, log_std = ops.cast(mean, "float32"), ops.cast(log_std, "float32")
        if noise is None:
            noise = global_normal(ops.shape(mean), self.seed_generator)
        return mean + ops.exp(log_std) * noise

    def compute_output_shape(self, mean_shape: Shape, log_std_shape: Shape | None = None) -> Shape:
        """Returns the shape of `mean`."""
        return mean_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "seed": self.seed}
