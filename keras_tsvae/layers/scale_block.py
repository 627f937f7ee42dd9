"""All residual blocks at one resolution."""

from typing import Any

import keras

from keras_tsvae.arguments import positive_int
from keras_tsvae.layers.res_block import ResBlock
from keras_tsvae.layers.residual import BlockStack


@keras.saving.register_keras_serializable(package="keras_tsvae")
class ScaleBlock(BlockStack):
    """`block_per_scale` `ResBlock`s of one width, one after another, at one resolution.

    Args:
        filters: Positive int, the number of output channels of every block.
        block_per_scale: Positive int, the number of blocks. Defaults to 1, as in the thesis;
            Dai & Wipf draw 2.
        depth_per_block: Positive int, convolutions on each block's main path. Defaults to 2.
        kernel_size: Positive int, side of all kernels. Defaults to 3.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        condition: Optional tensor of shape `(batch, condition_dim)` that modulates each layer
            (see `Modulation`); given at the first call, it has to be given at every call.
        training: Whether batch normalisation uses the batch's own statistics.

    Returns:
        A tensor of shape `(batch, height, width, filters)`.

    Raises:
        ValueError: If an argument is not a positive integer.

    Example:
        >>> keras_tsvae.layers.ScaleBlock(32, block_per_scale=2)(np.ones((1, 8, 8, 16))).shape
        (1, 8, 8, 32)

    Source:
        Dai & Wipf (2019), appendix: the ResNet encoder and decoder.
    """

    def __init__(
        self,
        filters: int,
        block_per_scale: int = 1,
        depth_per_block: int = 2,
        kernel_size: int = 3,
        **kwargs: Any,
    ) -> None:
        width = positive_int("filters", filters)
        super().__init__(width, block_per_scale, depth_per_block, **kwargs)
        self.filters = self.width
        self.kernel_size = positive_int("kernel_size", kernel_size)

    def make_block(self, name: str) -> keras.Layer:
        """Returns a convolutional residual block."""
        return ResBlock(
            self.filters,
            depth_per_block=self.depth_per_block,
            kernel_size=self.kernel_size,
            dtype=self.dtype_policy,
            name=name,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
        }
