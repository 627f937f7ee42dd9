"""The dense counterpart of a scale block."""

from typing import Any

import keras

from keras_tsvae.arguments import positive_int
from keras_tsvae.layers.dense_res_block import DenseResBlock
from keras_tsvae.layers.residual import BlockStack


@keras.saving.register_keras_serializable(package="keras_tsvae")
class DenseScaleBlock(BlockStack):
    """`block_per_scale` `DenseResBlock`s of one width, one after another.

    Args:
        units: Positive int, the output width of every block. Defaults to 512.
        block_per_scale: Positive int, the number of blocks. Defaults to 1.
        depth_per_block: Positive int, dense layers on each block's main path. Defaults to 2.
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
        >>> keras_tsvae.layers.DenseScaleBlock(512)(np.random.rand(1, 64)).shape
        (1, 512)

    Source:
        Dai & Wipf (2019), appendix: the ResNet encoder.
    """

    def __init__(
        self, units: int = 512, block_per_scale: int = 1, depth_per_block: int = 2, **kwargs: Any
    ) -> None:
        width = positive_int("units", units)
        super().__init__(width, block_per_scale, depth_per_block, **kwargs)
        self.units = self.width

    def make_block(self, name: str) -> keras.Layer:
        """Returns a dense residual block."""
        return DenseResBlock(
            self.units, depth_per_block=self.depth_per_block, dtype=self.dtype_policy, name=name
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "units": self.units}
