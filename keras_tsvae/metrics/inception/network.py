"""The Inception v3 network that distances between sets of images are measured with."""

import keras

from keras_tsvae.arrays.pixels import CHANNELS_LAST
from keras_tsvae.metrics.inception.blocks import (
    FIXED,
    block_a,
    block_b,
    block_c,
    block_d,
    block_e,
    convolution,
    halving_max_pool,
)

SIZE = 299  # height and width of the images
CLASSES = 1008
DIMENSIONS = {
    "64": 64,
    "192": 192,
    "768": 768,
    "2048": 2048,
    "logits_unbiased": CLASSES,
    "logits": CLASSES,
}


def inception_network(layer: str) -> keras.Model:
    """Returns the network up to a layer, its weights still zero.

    It takes float32 images `(batch, 299, 299, 3)` in [0, 255] and returns vectors
    `(batch, DIMENSIONS[layer])`: for a number, the means over all pixels of the activations
    that are so many wide; for the logits, a linear map of the 2048 means. Each layer with weights
    has the name it has in the published files.

    Args:
        layer: One of `DIMENSIONS`.

    Source:
        Szegedy et al. (2016), *Rethinking the Inception Architecture for Computer Vision*, as in
        the TensorFlow graph of 2015-12-05 that Heusel et al. (2017) measure with.
    """
    images = keras.Input((SIZE, SIZE, 3), dtype="float32")
    x = keras.layers.Rescaling(1 / 128, -1.0, **FIXED)(images)
    for width, stage in _STAGES.items():
        x = stage(x)
        if width == layer:
            break
    x = keras.layers.GlobalAveragePooling2D(**FIXED, **CHANNELS_LAST)(x)
    if layer.startswith("logits"):
        biased = layer == "logits"
        x = keras.layers.Dense(
            CLASSES, use_bias=biased, kernel_initializer="zeros", name="fc", **FIXED
        )(x)
    return keras.Model(images, x, name=f"inception_{layer}")


def _stage_64(x):
    x = convolution(x, "Conv2d_1a_3x3", 32, 3, 2, "valid")  # (batch, 149, 149, 32)
    x = convolution(x, "Conv2d_2a_3x3", 32, 3, 1, "valid")
    x = convolution(x, "Conv2d_2b_3x3", 64, 3)
    return halving_max_pool(x)  # (batch, 73, 73, 64)


def _stage_192(x):
    x = convolution(x, "Conv2d_3b_1x1", 80)
    x = convolution(x, "Conv2d_4a_3x3", 192, 3, 1, "valid")
    return halving_max_pool(x)  # (batch, 35, 35, 192)


def _stage_768(x):
    x = block_a(x, "Mixed_5b", 32)
    x = block_a(x, "Mixed_5c", 64)
    x = block_a(x, "Mixed_5d", 64)
    x = block_b(x, "Mixed_6a")
    x = block_c(x, "Mixed_6b", 128)
    x = block_c(x, "Mixed_6c", 160)
    x = block_c(x, "Mixed_6d", 160)
    return block_c(x, "Mixed_6e", 192)  # (batch, 17, 17, 768)


def _stage_2048(x):
    x = block_d(x, "Mixed_7a")
    x = block_e(x, "Mixed_7b", "average")
    return block_e(x, "Mixed_7c", "max")  # (batch, 8, 8, 2048)


_STAGES = {"64": _stage_64, "192": _stage_192, "768": _stage_768, "2048": _stage_2048}
