"""What MNIST, Fashion-MNIST and CIFAR-10 share: two arrays of images with a label in 0..9 each."""

import os
from collections.abc import Sequence

import keras
import numpy as np

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.types import ImageShape, PathLike
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.split import Split
from keras_tsvae.files import expanded
from keras_tsvae.reading.npz import read_npz

VALIDATION_SIZE = 5000
_KEYS = ("x_train", "y_train", "x_test", "y_test")


def load(
    name: str, data_dir: PathLike | None, image_shape: ImageShape, instructions: str
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Returns `((x_train, y_train), (x_test, y_test))`, checked.

    Args:
        name: Name of the data set, here and in `keras.datasets`.
        data_dir: Folder of `NAME.npz`, which is never replaced by a download; or None: Keras
            downloads the data set, or finds it in its own cache folder.
        image_shape: `(height, width, channels)`.
        instructions: What to download and where to put it, for the error message; `{cache}` in it
            stands for Keras's folder of data sets.

    Raises:
        ValueError: If the data set is not there, or is not as described.
    """
    instructions = instructions.format(cache=keras_folder())
    if data_dir is None:
        arrays = _from_keras(name, instructions)
        source = f"keras.datasets.{name}"
    else:
        source = expanded(data_dir) / f"{name}.npz"
        if not source.exists():
            raise ValueError(
                f"The data set {name!r} is not in `data_dir`: {instructions} "
                f"Received: data_dir={str(data_dir)!r}, which has no file {source.name}"
            )
        arrays = _from_npz(source)
    return tuple(
        _checked(source, part, arrays[f"x_{part}"], arrays[f"y_{part}"], image_shape)
        for part in ("train", "test")
    )


def keras_folder() -> str:
    """Returns the folder where Keras keeps data sets, as a message shows it."""
    return f"{os.environ.get('KERAS_HOME', '~/.keras').rstrip('/')}/datasets"


def image_data(
    name: str,
    arrays: Sequence[tuple[np.ndarray, np.ndarray]],
    validation_size: int | None,
    limit: int | None,
    label_names: tuple[str, ...],
) -> ImageData:
    """Returns `ImageData`, the last `validation_size` training rows held out.

    Raises:
        ValueError: If `validation_size` or `limit` is out of range.
    """
    (images, labels), (test_images, test_labels) = arrays
    if validation_size is None:
        validation_size = min(VALIDATION_SIZE, len(images) // 10)
    validation_size = non_negative_int("validation_size", validation_size)
    if validation_size >= len(images):
        raise ValueError(
            f"`validation_size` must be less than the {len(images)} training images of {name!r}. "
            f"Received: validation_size={validation_size}"
        )
    limit = check_limit(limit)
    cut = len(images) - validation_size
    parts = (
        (images[:cut], labels[:cut]),
        (images[cut:], labels[cut:]),
        (test_images, test_labels),
    )
    if limit is not None:  # copies, so that the whole arrays can be freed
        parts = (tuple(array[:limit].copy() for array in part) for part in parts)
    train, validation, test = (Split(*part) for part in parts)
    return ImageData(name, train, validation, test, label_names)


def check_limit(limit: int | None) -> int | None:
    """Returns `limit`, an int of at least 1 or None, or raises a `ValueError`."""
    return None if limit is None else positive_int("limit", limit)


def _from_keras(name, instructions):
    try:
        (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises plain `Exception` where a download fails
        raise ValueError(
            f"The data set {name!r} can be neither downloaded nor read from Keras's cache: "
            f"{instructions} A damaged file there must be deleted first. Received: {error!r}"
        ) from error
    return dict(zip(_KEYS, (x_train, y_train, x_test, y_test)))


def _from_npz(path):
    try:
        return read_npz(path, _KEYS)
    except Exception as error:  # there is hardly an error that a damaged file cannot cause
        raise ValueError(
            f"The file must be an npz of the arrays {', '.join(_KEYS)}. "
            f"Received: {str(path)!r} ({error})"
        ) from error


def _checked(source, part, images, labels, image_shape):
    """Returns images `(n, height, width, channels)` and labels `(n,)`, or raises."""
    accepted = (image_shape, image_shape[:2]) if image_shape[2] == 1 else (image_shape,)
    if images.dtype != np.uint8 or images.shape[1:] not in accepted or not len(images):
        raise ValueError(
            f"`x_{part}` of {str(source)!r} must hold uint8 images of shape {image_shape}. "
            f"Received: dtype={images.dtype}, shape={images.shape}"
        )
    if labels.dtype.kind not in "iu" or labels.shape not in ((len(images),), (len(images), 1)):
        raise ValueError(
            f"`y_{part}` of {str(source)!r} must hold one integer for each of the {len(images)} "
            f"images. Received: dtype={labels.dtype}, shape={labels.shape}"
        )
    if labels.min() < 0 or labels.max() > 9:
        raise ValueError(
            f"`y_{part}` of {str(source)!r} must be in 0..9. "
            f"Received: {labels.min()}..{labels.max()}"
        )
    return images.reshape(-1, *image_shape), labels.reshape(-1).astype("int64")
