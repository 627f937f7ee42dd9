"""The small convolutional network of those who look at images: judges and recognizers."""

import math

import keras

from keras_tsvae.arrays.pixels import CHANNELS_LAST
from keras_tsvae.arrays.types import DTypeLike, ImageShape


def convolutional_trunk(
    image_shape: ImageShape, dimensions: int, dtype: DTypeLike = None
) -> keras.Model:
    """Returns an untrained network from images to `dimensions` features.

    Convolutions 3x3 with batch normalisation and relu: 16 wide at full size, then of stride 2 and
    twice as wide each, up to 64, until no side is longer than 8; a dense layer with relu.

    Args:
        image_shape: `(height, width, channels)`.
        dimensions: Positive int.
        dtype: Dtype policy of all layers. Defaults to Keras's global policy.
    """
    halvings = max(1, math.ceil(math.log2(max(image_shape[:2]) / 8)))
    layers = [keras.Input(image_shape, name="images")]
    for scale in range(halvings + 1):
        stride = 1 if scale == 0 else 2
        layers += [
            keras.layers.Conv2D(
                min(16 * 2**scale, 64),
                3,
                stride,
                "same",
                use_bias=False,
                dtype=dtype,
                name=f"conv_{scale}",
                **CHANNELS_LAST,
            ),
            keras.layers.BatchNormalization(momentum=0.9, dtype=dtype, name=f"norm_{scale}"),
            keras.layers.ReLU(dtype=dtype, name=f"relu_{scale}"),
        ]
    layers += [
        keras.layers.Flatten(dtype=dtype, name="flatten", **CHANNELS_LAST),
        keras.layers.Dense(dimensions, "relu", dtype=dtype, name="features"),
    ]
    return keras.Sequential(layers, name="trunk")
