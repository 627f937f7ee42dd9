"""The InfoGAN decoder, the paper's common network for every data set."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_tsvae.arguments import check_image_shape, positive_int
from keras_tsvae.arrays.pixels import CHANNELS_LAST
from keras_tsvae.arrays.types import DTypeLike
from keras_tsvae.layers import DebiasedBatchNormalization
from keras_tsvae.networks.conditioning import Conditioning
from keras_tsvae.networks.network import ImageDecoder, check_stride, vector_input


@keras.saving.register_keras_serializable(package="keras_tsvae")
class InfoGANDecoder(ImageDecoder):
    """Convolutional decoder of latent vectors into images in [0, 1].

    A dense layer to `fc_dim`, a dense layer to a grid of a quarter of the image's sides with
    `2 * base_dim` channels, a 4x4 transposed convolution of stride 2 to `base_dim` channels, each
    followed by batch normalisation and relu; another one to the image's channels; a sigmoid.

    Args:
        image_shape: `(height, width, channels)` of the images; height and width are multiples
            of 4.
        latent_dim: Positive int, the width of z.
        base_dim: Positive int, channels before the last layer. Defaults to 64.
        fc_dim: Positive int, width of the first dense layer. Defaults to 1024.
        condition_dim: Positive int, the width of the condition; None for a decoder without.
            Defaults to None.
        conditioning: `"concat"`: the condition is concatenated behind z; `"modulate"`: it scales
            and shifts the output of every batch normalisation
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
        >>> decoder = keras_tsvae.networks.InfoGANDecoder((28, 28, 1), latent_dim=64)
        >>> decoder(np.random.randn(2, 64)).shape
        (2, 28, 28, 1)

    Source:
        Chen et al. (2016), *InfoGAN*, appendix C; Dai & Wipf (2019), section 5.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        base_dim: int = 64,
        fc_dim: int = 1024,
        condition_dim: int | None = None,
        conditioning: str = "modulate",
        dtype: DTypeLike = None,
        **kwargs: Any,
    ) -> None:
        image_shape = check_stride(check_image_shape(image_shape), 4)
        latent_dim = positive_int("latent_dim", latent_dim)
        base_dim = positive_int("base_dim", base_dim)
        fc_dim = positive_int("fc_dim", fc_dim)
        height, width, channels = image_shape
        policy = keras.dtype_policies.get(dtype)
        condition = Conditioning(condition_dim, conditioning, policy)
        common = {
            "kernel_initializer": keras.initializers.RandomNormal(stddev=0.02),
            "dtype": policy,
        }
        deconvolution = {
            "kernel_size": 4,
            "strides": 2,
            "padding": "same",
            **common,
            **CHANNELS_LAST,
        }

        def norm_relu(y, name):
            y = DebiasedBatchNormalization(dtype=policy, name=name)(y)
            y = condition.modulate(y, name.replace("norm", "modulation"))
            return keras.layers.ReLU(dtype=policy, name=name.replace("norm", "relu"))(y)

        grid = (height // 4, width // 4, 2 * base_dim)
        z = vector_input(latent_dim, "z")
        y = norm_relu(
            keras.layers.Dense(fc_dim, name="hidden", **common)(condition.concat(z)), "norm_0"
        )
        y = keras.layers.Dense(grid[0] * grid[1] * grid[2], name="grid", **common)(y)
        y = norm_relu(y, "norm_1")
        y = keras.layers.Reshape(grid, dtype=policy, name="reshape")(y)
        y = keras.layers.Conv2DTranspose(base_dim, name="up_0", **deconvolution)(y)
        y = norm_relu(y, "norm_2")
        logits = keras.layers.Conv2DTranspose(channels, name="to_image", **deconvolution)(y)
        arguments = {
            "image_shape": image_shape,
            "latent_dim": latent_dim,
            "base_dim": base_dim,
            "fc_dim": fc_dim,
            **condition.arguments,
        }
        super().__init__(condition.inputs(z), logits, policy, arguments, **kwargs)
