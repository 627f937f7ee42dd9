"""The residual block of the convolutional networks."""

from typing import Any

import keras

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.pixels import CHANNELS_LAST
from keras_tsvae.layers.debiased_batch_normalization import DebiasedBatchNormalization
from keras_tsvae.layers.residual import PreActivationBlock


@keras.saving.register_keras_serializable(package="keras_tsvae")
class ResBlock(PreActivationBlock):
    """Pre-activation residual block: batch norm, relu, convolution, `depth_per_block` times.

    `y = x; repeat: y = conv(relu(batchnorm(y)))`, and the output is `y + conv(x)`: the shortcut
    is always a convolution of the same kernel, also where the widths agree.

    Args:
        filters: Positive int, the number of output channels.
        depth_per_block: Positive int, convolutions on the main path. Defaults to 2.
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
        >>> keras_tsvae.layers.ResBlock(32)(np.random.rand(1, 8, 8, 16)).shape
        (1, 8, 8, 32)

    Source:
        He et al. (2016), *Identity Mappings in Deep Residual Networks*, for the order of the
        operations; Dai & Wipf (2019), appendix, for its use in a VAE.
    """

    def __init__(
        self, filters: int, depth_per_block: int = 2, kernel_size: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(positive_int("filters", filters), depth_per_block, **kwargs)
        self.filters = self.width
        self.kernel_size = positive_int("kernel_size", kernel_size)

    def make_transform(self, name: str) -> keras.Layer:
        """Returns a convolution that keeps height and width."""
        return keras.layers.Conv2D(
            self.filters,
            self.kernel_size,
            padding="same",
            dtype=self.dtype_policy,
            name=name,
            **CHANNELS_LAST,
        )

    def make_norm(self, name: str) -> keras.Layer:
        """Returns a batch normalisation."""
        return DebiasedBatchNormalization(dtype=self.dtype_policy, name=name)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
        }
