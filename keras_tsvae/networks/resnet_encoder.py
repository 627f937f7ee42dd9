"""The ResNet encoder of the paper and the thesis."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_tsvae.arguments import check_image_shape, positive_int
from keras_tsvae.arrays.pixels import CHANNELS_LAST
from keras_tsvae.arrays.types import DTypeLike
from keras_tsvae.layers import DenseScaleBlock, ScaleBlock
from keras_tsvae.networks.conditioning import Conditioning
from keras_tsvae.networks.network import Network, gaussian_heads


@keras.saving.register_keras_serializable(package="keras_tsvae")
class ResNetEncoder(Network):
    """Residual encoder of images into the mean and log deviation of their posterior.

    A convolution to `base_dim` channels; `num_scale` scale blocks, with a stride-2 convolution
    to twice the channels between them; the mean over height and width; a dense scale block of
    width `fc_dim`; two dense heads.

    Args:
        image_shape: `(height, width, channels)` of the images; any height and width.
        latent_dim: Positive int, the width of z.
        base_dim: Positive int, channels at full resolution. Defaults to 16.
        num_scale: Positive int, the number of resolutions. Defaults to 3.
        block_per_scale: Positive int, residual blocks at each resolution. Defaults to 1.
        depth_per_block: Positive int, layers on each block's main path. Defaults to 2.
        kernel_size: Positive int, side of all kernels. Defaults to 3.
        fc_dim: Positive int, width of the dense scale block. Defaults to 512.
        condition_dim: Positive int, the width of a condition that is concatenated behind the
            spatial mean, or None for an encoder without. Defaults to None.
        dtype: Dtype policy of all layers. Defaults to Keras's global policy.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Call arguments:
        images: Float tensor in [0, 1] of shape `(batch, height, width, channels)`; with a
            `condition_dim`, a list of it and the conditions `(batch, condition_dim)`.

    Returns:
        `(mean, log_std)`, each of shape `(batch, latent_dim)`.

    Raises:
        ValueError: If an argument is not what it is said to be.

    Example:
        >>> encoder = keras_tsvae.networks.ResNetEncoder((28, 28, 1), latent_dim=16)
        >>> mean, log_std = encoder(np.random.rand(2, 28, 28, 1))
        >>> mean.shape
        (2, 16)

    Source:
        Dai & Wipf (2019), appendix; Trentin (2019), chapter 4, and chapter 5 for
        the condition.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        base_dim: int = 16,
        num_scale: int = 3,
        block_per_scale: int = 1,
        depth_per_block: int = 2,
        kernel_size: int = 3,
        fc_dim: int = 512,
        condition_dim: int | None = None,
        dtype: DTypeLike = None,
        **kwargs: Any,
    ) -> None:
        image_shape = check_image_shape(image_shape)
        base_dim = positive_int("base_dim", base_dim)
        num_scale = positive_int("num_scale", num_scale)
        latent_dim = positive_int("latent_dim", latent_dim)
        block_per_scale = positive_int("block_per_scale", block_per_scale)
        depth_per_block = positive_int("depth_per_block", depth_per_block)
        kernel_size = positive_int("kernel_size", kernel_size)
        fc_dim = positive_int("fc_dim", fc_dim)
        policy = keras.dtype_policies.get(dtype)
        condition = Conditioning(condition_dim, "concat", policy)
        convolution = {
            "kernel_size": kernel_size,
            "padding": "same",
            "dtype": policy,
            **CHANNELS_LAST,
        }

        images = keras.Input(image_shape, dtype="float32", name="images")
        y = keras.layers.Conv2D(base_dim, name="stem", **convolution)(images)
        for scale in range(num_scale):
            width = base_dim * 2**scale
            if scale > 0:  # (batch, ceil(height / 2), ceil(width / 2), channels * 2)
                y = keras.layers.Conv2D(width, strides=2, name=f"down_{scale}", **convolution)(y)
            y = ScaleBlock(
                width,
                block_per_scale=block_per_scale,
                depth_per_block=depth_per_block,
                kernel_size=kernel_size,
                dtype=policy,
                name=f"scale_{scale}",
            )(y)
        y = keras.layers.GlobalAveragePooling2D(dtype=policy, name="spatial_mean", **CHANNELS_LAST)(
            y
        )
        y = condition.concat(y)
        y = DenseScaleBlock(fc_dim, 1, depth_per_block, dtype=policy, name="dense_scale")(y)
        arguments = {
            "image_shape": image_shape,
            "latent_dim": latent_dim,
            "base_dim": base_dim,
            "num_scale": num_scale,
            "block_per_scale": block_per_scale,
            "depth_per_block": depth_per_block,
            "kernel_size": kernel_size,
            "fc_dim": fc_dim,
            "condition_dim": condition.arguments["condition_dim"],
        }
        posterior = gaussian_heads(y, latent_dim, policy)
        super().__init__(condition.inputs(images), posterior, policy, arguments, **kwargs)
