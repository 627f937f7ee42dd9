"""The number of channels that a layer is built for."""

from keras_tsvae.arrays.types import Shape


def known_channels(input_shape: Shape) -> int:
    """Returns the length of the last axis, or raises a `ValueError` if it is not known."""
    channels = input_shape[-1]
    if channels is None:
        raise ValueError(
            f"The last axis of the inputs must be known. Received: input_shape={tuple(input_shape)}"
        )
    return channels
