"""How images are prepared before their features are taken, by the names of the protocols.

- `"standard"`: all images are uint8; floats are rounded to it. What pytorch-fid, torch-fidelity
  and most papers measure on image files.
- `"dai-wipf"`: generated and reconstructed images are stretched, one by one, so that the least of
  their values is 0 and the greatest 1, over all pixels and channels, and are not rounded; real
  images are uint8 as they are. 10,000 images are held against 10,000 test images. What Dai & Wipf
  (2019) and Trentin (2019) report; figures of the two protocols cannot be compared.
"""

import numpy as np

from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.inputs.checks import check_array

PROTOCOLS = ("standard", "dai-wipf")


def check_protocol(protocol: str) -> str:
    """Returns `protocol`, or raises a `ValueError`."""
    if protocol not in PROTOCOLS:
        raise ValueError(
            f"`protocol` must be one of {', '.join(PROTOCOLS)}. Received: protocol={protocol!r}"
        )
    return protocol


def check_images(images: ArrayLike, name: str = "images") -> np.ndarray:
    """Returns images as a NumPy array, or raises a `ValueError`.

    Args:
        images: Array-like `(n, height, width, 1 or 3)`, n at least 1, uint8 or float in [0, 1].
        name: The argument that messages name. Defaults to `"images"`.
    """
    images = check_array(images, name)
    if images.shape[-1] not in (1, 3):
        hint = " (channels are the last axis, not the first)" if images.shape[1] in (1, 3) else ""
        raise ValueError(
            f"`{name}` must have 1 or 3 channels{hint}. Received: {name}.shape={images.shape}"
        )
    return images


def with_channels(images: np.ndarray, channels: int, name: str = "images") -> np.ndarray:
    """Returns grey images as RGB, or RGB images whose channels are equal as grey.

    Args:
        images: Checked images.
        channels: How many channels they shall have; for any but 1 and 3, they stay as they are.
        name: The argument that messages name. Defaults to `"images"`.

    Raises:
        ValueError: If they shall be grey and are not.
    """
    if (images.shape[-1], channels) == (1, 3):
        return np.repeat(images, 3, axis=-1)
    if (images.shape[-1], channels) != (3, 1):
        return images
    if not (images == images[..., :1]).all():
        raise ValueError(
            f"`{name}` must be grey, with equal values in all channels. "
            f"Received: {name} of shape {images.shape[1:]}, in colour"
        )
    return images[..., :1]


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Returns checked images as uint8, floats in [0, 1] rounded to the nearest value."""
    return images if images.dtype == "uint8" else np.rint(255.0 * images).astype("uint8")


def prepare_generated(images: np.ndarray, protocol: str) -> np.ndarray:
    """Returns checked generated or reconstructed images as `protocol` wants them.

    Args:
        images: uint8 or float in [0, 1], `(n, height, width, channels)`.
        protocol: One of `PROTOCOLS`. Under `"dai-wipf"` an image of a single value, which cannot
            be stretched, stays as it is.

    Returns:
        uint8 images, or float32 in [0, 1] under `"dai-wipf"`.
    """
    if protocol == "standard":
        return to_uint8(images)
    scale = 255.0 if images.dtype == "uint8" else 1.0
    images = images.astype("float32") / scale
    lowest = images.min((1, 2, 3), keepdims=True)
    extent = images.max((1, 2, 3), keepdims=True) - lowest
    return np.where(extent > 0, (images - lowest) / np.where(extent > 0, extent, 1.0), images)
