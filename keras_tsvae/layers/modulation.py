"""Feature-wise modulation: a condition scales and shifts every channel."""

from typing import Any

import keras
from keras import ops

from keras_tsvae.arrays.types import Shape, Tensor
from keras_tsvae.layers.channels import known_channels


@keras.saving.register_keras_serializable(package="keras_tsvae")
class Modulation(keras.layers.Layer):
    """`y = (1 + scale(c)) * x + shift(c)`, one scale and one shift for each channel of x.

    Both are affine in the condition c, and zero at first: an untrained modulation changes nothing.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor x of shape `(batch, ..., channels)`.
        condition: Tensor c of shape `(batch, condition_dim)`.

    Returns:
        A tensor of the shape of `inputs`.

    Example:
        >>> keras_tsvae.layers.Modulation()(np.ones((2, 8, 8, 16)), np.ones((2, 40))).shape
        (2, 8, 8, 16)

    Source:
        Perez et al. (2018), *FiLM: Visual Reasoning with a General Conditioning Layer*, section 2.
    """

    def build(self, inputs_shape: Shape, condition_shape: Shape) -> None:
        """Creates the two affine maps, as one kernel and one bias."""
        self.channels = known_channels(inputs_shape)
        self.kernel = self.add_weight(
            name="kernel", shape=(condition_shape[-1], 2 * self.channels), initializer="zeros"
        )
        self.bias = self.add_weight(name="bias", shape=(2 * self.channels,), initializer="zeros")

    def call(self, inputs: Tensor, condition: Tensor) -> Tensor:
        """Modulates a batch."""
        affine = ops.matmul(ops.cast(condition, self.compute_dtype), self.kernel) + self.bias
        between = (1,) * (len(inputs.shape) - 2)
        scale, shift = (
            ops.reshape(part, (-1, *between, self.channels)) for part in ops.split(affine, 2, -1)
        )
        return inputs * (1 + scale) + shift

    def compute_output_shape(
        self, inputs_shape: Shape, condition_shape: Shape | None = None
    ) -> Shape:
        """Returns the shape of `inputs`."""
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, which Keras cannot gather if `dtype` is a policy."""
        return super().get_config()
