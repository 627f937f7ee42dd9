"""The residual block of the dense layers behind the encoder's spatial mean."""

from typing import Any

import keras

from keras_tsvae.arguments import positive_int
from keras_tsvae.layers.residual import PreActivationBlock


@keras.saving.register_keras_serializable(package="keras_tsvae")
class DenseResBlock(PreActivationBlock):
    """Dense residual block: relu and dense layer, `depth_per_block` times, no batch norm.

    `y = x; repeat: y = dense(relu(y))`, and the output is `y + dense(x)`.

    Args:
        units: Positive int, the output width.
        depth_per_block: Positive int, dense layers on the main path. Defaults to 2.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor of shape `(batch, features)`.
        condition: Optional tensor of shape `(batch, condition_dim)` that modulates each layer
            (see `Modulation`); given at the first call, it has to be given at every call.

    Returns:
        A tensor of shape `(batch, units)`.

    Raises:
        ValueError: If an argument is not a positive integer.

    Example:
        >>> keras_tsvae.layers.DenseResBlock(512)(np.random.rand(1, 64)).shape
        (1, 512)

    Source:
        Dai & Wipf (2019), appendix: the ResNet encoder.
    """

    def __init__(self, units: int, depth_per_block: int = 2, **kwargs: Any) -> None:
        super().__init__(positive_int("units", units), depth_per_block, **kwargs)
        self.units = self.width

    def make_transform(self, name: str) -> keras.Layer:
        """Returns a dense layer."""
        return keras.layers.Dense(self.units, dtype=self.dtype_policy, name=name)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "units": self.units}
