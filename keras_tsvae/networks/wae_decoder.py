"""The decoder of Wasserstein auto-encoders, the paper's second network for faces."""

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
class WAEDecoder(ImageDecoder):
    """Convolutional decoder of latent vectors into images in [0, 1].

    A dense relu layer to a grid of an eighth of the image's sides with `8 * base_dim` channels;
    three 5x5 transposed convolutions of stride 2 to four times, twice and once `base_dim`
    channels, each followed by batch normalisation and relu; one of stride 1 to the image's
    channels; a sigmoid.

    Args:
        image_shape: `(height, width, channels)` of the images; height and width are multiples
            of 8.
        latent_dim: Positive int, the width of z.
        base_dim: Positive int, channels before the last layer. Defaults to 128.
        condition_dim: Positive int, the width of the condition; None for a decoder without.
            Defaults to None.
        conditioning: `"concat"`: the condition is concatenated behind z; `"modulate"`: it scales
            and shifts the grid and the output of every batch normalisation
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
        >>> decoder = keras_tsvae.networks.WAEDecoder((64, 64, 3), latent_dim=64)
        >>> decoder(np.random.randn(2, 64)).shape
        (2, 64, 64, 3)

    Source:
        Tolstikhin et al. (2018), *Wasserstein Auto-Encoders*, appendix C; Dai & Wipf (2019),
        section 5, table 2.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        latent_dim: int,
        base_dim: int = 128,
        condition_dim: int | None = None,
        conditioning: str = "modulate",
        dtype: DTypeLike = None,
        **kwargs: Any,
    ) -> None:
        image_shape = check_stride(check_image_shape(image_shape), 8)
        latent_dim = positive_int("latent_dim", latent_dim)
        base_dim = positive_int("base_dim", base_dim)
        height, width, channels = image_shape
        policy = keras.dtype_policies.get(dtype)
        condition = Conditioning(condition_dim, conditioning, policy)
        convolution = {"kernel_size": 5, "padding": "same", "dtype": policy, **CHANNELS_LAST}

        grid = (height // 8, width // 8, 8 * base_dim)
        z = vector_input(latent_dim, "z")
        y = keras.layers.Dense(grid[0] * grid[1] * grid[2], dtype=policy, name="grid")(
            condition.concat(z)
        )
        y = keras.layers.ReLU(dtype=policy, name="relu")(condition.modulate(y, "modulation"))
        y = keras.layers.Reshape(grid, dtype=policy, name="reshape")(y)
        for index in range(3):
            filters = base_dim * 2 ** (2 - index)
            y = keras.layers.Conv2DTranspose(filters, strides=2, name=f"up_{index}", **convolution)(
                y
            )
            y = DebiasedBatchNormalization(dtype=policy, name=f"norm_{index}")(y)
            y = condition.modulate(y, f"modulation_{index}")
            y = keras.layers.ReLU(dtype=policy, name=f"relu_{index}")(y)
        logits = keras.layers.Conv2DTranspose(channels, name="to_image", **convolution)(y)
        arguments = {
            "image_shape": image_shape,
            "latent_dim": latent_dim,
            "base_dim": base_dim,
            **condition.arguments,
        }
        super().__init__(condition.inputs(z), logits, policy, arguments, **kwargs)
