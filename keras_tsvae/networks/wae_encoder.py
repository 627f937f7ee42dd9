"""The encoder of Wasserstein auto-encoders, the paper's second network for faces."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_tsvae.arguments import check_image_shape, positive_int
from keras_tsvae.arrays.pixels import CHANNELS_LAST
from keras_tsvae.arrays.types import DTypeLike
from keras_tsvae.layers import DebiasedBatchNormalization
from keras_tsvae.networks.conditioning import Conditioning
from keras_tsvae.networks.network import Network, check_stride, gaussian_heads


@keras.saving.register_keras_serializable(package="keras_tsvae")
class WAEEncoder(Network):
    """Convolutional encoder of images into the mean and log deviation of their posterior.

    Four 5x5 convolutions to `base_dim`, twice, four and eight times as many channels, the first
    of stride 1, the others of stride 2, each followed by batch normalisation and relu; two dense
    heads.

    Args:
        image_shape: `(height, width, channels)` of the images; height and width are multiples
            of 8.
        latent_dim: Positive int, the width of z.
        base_dim: Positive int, channels of the first convolution. Defaults to 128.
        condition_dim: Positive int, the width of a condition that is concatenated behind the
            convolutions' flattened output, or None for an encoder without. Defaults to None.
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
        >>> encoder = keras_tsvae.networks.WAEEncoder((64, 64, 3), latent_dim=64)
        >>> mean, log_std = encoder(np.random.rand(2, 64, 64, 3))
        >>> mean.shape
        (2, 64)

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
        dtype: DTypeLike = None,
        **kwargs: Any,
    ) -> None:
        image_shape = check_stride(check_image_shape(image_shape), 8)
        latent_dim = positive_int("latent_dim", latent_dim)
        base_dim = positive_int("base_dim", base_dim)
        policy = keras.dtype_policies.get(dtype)
        condition = Conditioning(condition_dim, "concat", policy)

        images = keras.Input(image_shape, dtype="float32", name="images")
        y = images
        for index in range(4):
            y = keras.layers.Conv2D(
                base_dim * 2**index,
                5,
                strides=1 if index == 0 else 2,
                padding="same",
                dtype=policy,
                name=f"conv_{index}",
                **CHANNELS_LAST,
            )(y)
            y = DebiasedBatchNormalization(dtype=policy, name=f"norm_{index}")(y)
            y = keras.layers.ReLU(dtype=policy, name=f"relu_{index}")(y)
        y = keras.layers.Flatten(dtype=policy, name="flatten", **CHANNELS_LAST)(y)
        y = condition.concat(y)
        posterior = gaussian_heads(y, latent_dim, policy)
        arguments = {
            "image_shape": image_shape,
            "latent_dim": latent_dim,
            "base_dim": base_dim,
            "condition_dim": condition.arguments["condition_dim"],
        }
        super().__init__(condition.inputs(images), posterior, policy, arguments, **kwargs)
