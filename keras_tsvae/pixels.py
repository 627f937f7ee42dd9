"""The values of images, as networks take them."""

import keras
from keras import ops


def unit_floats(images, dtype="float32"):
    """Returns images as floats in [0, 1]: uint8 is scaled on the device, floats are as they are.

    Args:
        images: A tensor, uint8 in [0, 255] or float in [0, 1].
        dtype: Of the result. Defaults to `"float32"`.
    """
    whole_numbers = "int" in keras.backend.standardize_dtype(images.dtype)
    images = ops.cast(images, dtype)
    return images / 255.0 if whole_numbers else images
