"""The bilinear resize of TensorFlow 1."""

import typing

import keras
import numpy as np
from keras import ops

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import Tensor


@keras.saving.register_keras_serializable(package="keras_tsvae")
class TF1BilinearResize(keras.layers.Layer):
    """Resizes images to squares as TensorFlow 1 did: neither half-pixel centres nor antialiasing.

    Pixel `i` of `size` is read at `i * height / size` of the source, between the two pixels next
    to it, and beyond the last pixel is the last pixel. So the picture moves by up to half a pixel
    to the upper left, and a large source is sampled, not averaged. The features of the 2015
    Inception network are defined with this resize, and any other changes the distances computed
    from them.

    Args:
        size: Positive int, height and width of the result.
        **kwargs: Arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)` of any dtype; height and width
            must be known when the graph is built.

    Returns:
        A tensor of shape `(batch, size, size, channels)` of the layer's dtype.

    Raises:
        ValueError: If `size` is not a positive integer.

    Example:
        >>> TF1BilinearResize(299)(np.random.rand(1, 32, 32, 3)).shape
        (1, 299, 299, 3)

    Source:
        `tf.compat.v1.image.resize_bilinear` with `align_corners=False` and
        `half_pixel_centers=False`.
    """

    def __init__(self, size: int, **kwargs: typing.Any):
        super().__init__(**kwargs)
        self.size = positive_int("size", size)

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the resized images."""
        return self._resized(self._resized(inputs, 1), 2)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns `(batch, size, size, channels)`."""
        return (input_shape[0], self.size, self.size, input_shape[3])

    def get_config(self) -> dict[str, typing.Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "size": self.size}

    def _resized(self, images, axis):
        side = images.shape[axis]
        if side == self.size:
            return ops.cast(images, self.compute_dtype)
        places = np.arange(self.size) * (side / self.size)
        before = places.astype("int32")
        after = np.minimum(before + 1, side - 1)
        shape = [-1 if i == axis else 1 for i in range(4)]
        share = ops.convert_to_tensor((places - before).reshape(shape), self.compute_dtype)
        # Gathered, not multiplied by a matrix: accelerators multiply matrices in low precision.
        before, after = (
            ops.cast(ops.take(images, rows, axis=axis), self.compute_dtype)
            for rows in (before, after)
        )
        return before + (after - before) * share
