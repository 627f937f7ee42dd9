"""Images as networks take them: the order of their axes, and their values."""

import keras
from keras import ops

from keras_tsvae.arrays.types import Tensor

# The order of the axes, given to every layer that asks for one: images are
# `(batch, height, width, channels)` whatever `keras.config.image_data_format()` says.
CHANNELS_LAST = {"data_format": "channels_last"}


def unit_floats(images: Tensor, dtype: str = "float32") -> Tensor:
    """Returns images as floats in [0, 1]: uint8 is scaled on the device, floats are as they are.

    Args:
        images: A tensor, uint8 in [0, 255] or float in [0, 1].
        dtype: Of the result. Defaults to `"float32"`.
    """
    whole_numbers = "int" in keras.backend.standardize_dtype(images.dtype)
    images = ops.cast(images, dtype)
    return images / 255.0 if whole_numbers else images
