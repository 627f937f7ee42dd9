"""The ResNet decoder of the paper and the thesis, for images of any height and width."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_tsvae.arguments import check_image_shape, positive_int
from keras_tsvae.arrays.pixels import CHANNELS_LAST
from keras_tsvae.arrays.types import DTypeLike
from keras_tsvae.layers import ScaleBlock
from keras_tsvae.networks.conditioning import Conditioning
from keras_tsvae.networks.network import ImageDecoder, vector_input

MAX_WIDTH = 1024


@keras.saving.register_keras_serializable(package="keras_tsvae")
class ResNetDecoder(ImageDecoder):
    """Residual decoder of latent vectors into images in [0, 1].

    A dense layer to a small grid; until the image's side is reached, a stride-2 transposed
    convolution and a scale block; a convolution to the image's channels; a sigmoid. Channels are
    `base_dim` at the image's side and double at every halving, up to 1024.

    The grid is the image halved, rounding up, until its shorter side is 2: 2x2 for 32x32 and
    28x28, 2x4 for 32x64. Where rounding up makes an upsampled map one row or column too large,
    that row or column is cut off (28x28 grows 2, 4, 7, 14, 28).

    Args:
        image_shape: `(height, width, channels)` of the images; any height and width of 2 or more.
        latent_dim: Positive int, the width of z.
        base_dim: Positive int, channels at full resolution. Defaults to 16.
        block_per_scale: Positive int, residual blocks at each resolution. Defaults to 1.
        depth_per_block: Positive int, layers on each block's main path. Defaults to 2.
        kernel_size: Positive int, side of all kernels. Defaults to 3.
        condition_dim: Positive int, the width of the condition; None for a decoder without.
            Defaults to None.
        conditioning: `"concat"`: the condition is concatenated behind z; `"modulate"`: it scales
            and shifts the grid, and what goes into every convolution of the residual blocks
            (see `keras_tsvae.layers.Modulation`). Defaults to `"modulate"`.
        dtype: Dtype policy of all layers but the sigmoid, which is float32.
            Defaults to Keras's global policy.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Call arguments:
        z: Float tensor of shape `(batch, latent_dim)`; with a `condition_dim`, a list of it and
            the conditions `(batch, condition_dim)`.

    Returns:
        Float32 images in [0, 1] of shape `(batch, height, width, channels)`.

    Raises:
        ValueError: If an argument is not what it is said to be.

    Example:
        >>> decoder = keras_tsvae.networks.ResNetDecoder((48, 64, 3), latent_dim=16)
        >>> decoder(np.random.randn(2, 16)).shape
        (2, 48, 64, 3)

    Source:
        Dai & Wipf (2019), appendix; Trentin (2019), chapter 4, and chapter 5 for
        the condition.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        base_dim: int = 16,
        block_per_scale: int = 1,
        depth_per_block: int = 2,
        kernel_size: int = 3,
        condition_dim: int | None = None,
        conditioning: str = "modulate",
        dtype: DTypeLike = None,
        **kwargs: Any,
    ) -> None:
        image_shape = check_image_shape(image_shape)
        base_dim = positive_int("base_dim", base_dim)
        latent_dim = positive_int("latent_dim", latent_dim)
        block_per_scale = positive_int("block_per_scale", block_per_scale)
        depth_per_block = positive_int("depth_per_block", depth_per_block)
        kernel_size = positive_int("kernel_size", kernel_size)
        height, width, channels = image_shape
        if min(height, width) < 2:
            raise ValueError(
                "`image_shape` must have a height and a width of at least 2. "
                f"Received: image_shape={image_shape}"
            )
        policy = keras.dtype_policies.get(dtype)
        condition = Conditioning(condition_dim, conditioning, policy)
        convolution = {
            "kernel_size": kernel_size,
            "padding": "same",
            "dtype": policy,
            **CHANNELS_LAST,
        }

        (rows, columns), *sizes = _sizes(height, width)
        dims = [min(base_dim * 2**i, MAX_WIDTH) for i in reversed(range(len(sizes) + 1))]
        z = vector_input(latent_dim, "z")
        y = keras.layers.Dense(rows * columns * dims[0], dtype=policy, name="grid")(
            condition.concat(z)
        )
        y = condition.modulate(y, "modulation")
        y = keras.layers.Reshape((rows, columns, dims[0]), dtype=policy, name="reshape")(y)
        for i, (size, dim) in enumerate(zip(sizes, dims[1:])):
            y = keras.layers.Conv2DTranspose(dim, strides=2, name=f"up_{i}", **convolution)(y)
            excess = ((0, y.shape[1] - size[0]), (0, y.shape[2] - size[1]))
            if any(cut for _, cut in excess):
                y = keras.layers.Cropping2D(
                    excess, dtype=policy, name=f"crop_{i}", **CHANNELS_LAST
                )(y)
            y = ScaleBlock(
                dim,
                block_per_scale=block_per_scale,
                depth_per_block=depth_per_block,
                kernel_size=kernel_size,
                dtype=policy,
                name=f"scale_{i}",
            )(y, *condition.of_blocks())
        logits = keras.layers.Conv2D(channels, name="to_image", **convolution)(y)
        arguments = {
            "image_shape": image_shape,
            "latent_dim": latent_dim,
            "base_dim": base_dim,
            "block_per_scale": block_per_scale,
            "depth_per_block": depth_per_block,
            "kernel_size": kernel_size,
            **condition.arguments,
        }
        super().__init__(condition.inputs(z), logits, policy, arguments, **kwargs)


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Returns the (rows, columns) of every resolution, the grid first, the image last."""
    sizes = [(height, width)]
    while min(sizes[0]) > 2:
        rows, columns = sizes[0]
        sizes.insert(0, (-(-rows // 2), -(-columns // 2)))
    return sizes
