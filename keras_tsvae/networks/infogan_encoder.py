"""The InfoGAN encoder, the paper's common network for every data set."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_tsvae.arguments import check_image_shape, positive_int
from keras_tsvae.arrays.pixels import CHANNELS_LAST
from keras_tsvae.arrays.types import DTypeLike
from keras_tsvae.layers import DebiasedBatchNormalization, SpectralNormalization
from keras_tsvae.networks.conditioning import Conditioning
from keras_tsvae.networks.network import Network, check_stride

MIN_STD = 1e-6


@keras.saving.register_keras_serializable(package="keras_tsvae")
class InfoGANEncoder(Network):
    r"""Convolutional encoder of images into the mean and log deviation of their posterior.

    Two 4x4 convolutions of stride 2 to `base_dim` and `2 * base_dim` channels, a dense layer to
    `fc_dim`, a dense layer to `2 * latent_dim`: its first half is the mean, its second half h
    gives `std = 1e-6 + softplus(h)`. All four are spectrally normalised; the second and third
    are batch-normalised; the activation after the first three is a leaky relu of slope 0.2.

    Args:
        image_shape: `(height, width, channels)` of the images; height and width are multiples
            of 4.
        latent_dim: Positive int, the width of z.
        base_dim: Positive int, channels of the first convolution. Defaults to 64.
        fc_dim: Positive int, width of the dense layer. Defaults to 1024.
        condition_dim: Positive int, the width of a condition that is concatenated behind the
            convolutions' flattened output, or None for an encoder without. Defaults to None.
        dtype: Dtype policy of all layers. Defaults to Keras's global policy.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Call arguments:
        images: Float tensor in [0, 1] of shape `(batch, height, width, channels)`; with a
            `condition_dim`, a list of it and the conditions `(batch, condition_dim)`.

    Returns:
        `(mean, log_std)`, each of shape `(batch, latent_dim)`; `log_std` is float32.

    Raises:
        ValueError: If an argument is not what it is said to be.

    Example:
        >>> encoder = keras_tsvae.networks.InfoGANEncoder((28, 28, 1), latent_dim=64)
        >>> mean, log_std = encoder(np.random.rand(2, 28, 28, 1))
        >>> mean.shape
        (2, 64)

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
        dtype: DTypeLike = None,
        **kwargs: Any,
    ) -> None:
        image_shape = check_stride(check_image_shape(image_shape), 4)
        latent_dim = positive_int("latent_dim", latent_dim)
        base_dim = positive_int("base_dim", base_dim)
        fc_dim = positive_int("fc_dim", fc_dim)
        policy = keras.dtype_policies.get(dtype)
        condition = Conditioning(condition_dim, "concat", policy)

        def normalized(layer, name):
            return SpectralNormalization(layer, dtype=policy, name=name)

        def conv(filters):
            initializer = keras.initializers.TruncatedNormal(stddev=0.02)
            return keras.layers.Conv2D(
                filters,
                4,
                strides=2,
                padding="same",
                use_bias=False,
                kernel_initializer=initializer,
                dtype=policy,
                name="conv",
                **CHANNELS_LAST,
            )

        def dense(units):
            initializer = keras.initializers.RandomNormal(stddev=0.02)
            return keras.layers.Dense(
                units, use_bias=False, kernel_initializer=initializer, dtype=policy, name="dense"
            )

        def leaky_relu(y, name):
            return keras.layers.LeakyReLU(0.2, dtype=policy, name=name)(y)

        images = keras.Input(image_shape, dtype="float32", name="images")
        y = leaky_relu(normalized(conv(base_dim), "conv_0")(images), "relu_0")
        y = normalized(conv(2 * base_dim), "conv_1")(y)
        y = leaky_relu(DebiasedBatchNormalization(dtype=policy, name="norm_1")(y), "relu_1")
        y = keras.layers.Flatten(dtype=policy, name="flatten", **CHANNELS_LAST)(y)
        y = condition.concat(y)
        y = normalized(dense(fc_dim), "hidden")(y)
        y = leaky_relu(DebiasedBatchNormalization(dtype=policy, name="norm_2")(y), "relu_2")
        y = normalized(dense(2 * latent_dim), "gaussian")(y)
        std = MIN_STD + ops.softplus(ops.cast(y[:, latent_dim:], "float32"))
        posterior = (y[:, :latent_dim], ops.log(std))
        arguments = {
            "image_shape": image_shape,
            "latent_dim": latent_dim,
            "base_dim": base_dim,
            "fc_dim": fc_dim,
            "condition_dim": condition.arguments["condition_dim"],
        }
        super().__init__(condition.inputs(images), posterior, policy, arguments, **kwargs)
