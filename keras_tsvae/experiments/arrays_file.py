"""Pictures in an `.npz`."""

import math

import numpy as np

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.labelled import check_limit
from keras_tsvae.data.split import Split
from keras_tsvae.files import expanded
from keras_tsvae.reading.npz import read_npz

NAME = "arrays"
_PAIRS = {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")}


def load_arrays(path: PathLike, test_fraction: float = 0.1, limit: int | None = None) -> ImageData:
    """Returns the pictures of an `.npz`.

    The file has `images`, and `labels` or not, of which a share is held out for testing, in a
    fixed random order; or `x_train` and `x_test`, and `y_train` and `y_test` or not. The validation
    split is empty. Names of classes or attributes are in `label_names`, or not.

    Args:
        path: The file. Images are uint8, or floats in [0, 1], of shape
            `(n, height, width, channels)`, or `(n, height, width)`. Labels are class indices
            `(n,)` or `(n, 1)`, or rows of attributes, +1 and -1 or 1 and 0.
        test_fraction: Float in (0, 1), the share that is held out. Defaults to 0.1.
        limit: Positive int, to keep the first so many of both splits. Defaults to None: all.

    Raises:
        ValueError: If the file cannot be read or holds anything else.
    """
    path, limit = expanded(path), check_limit(limit)
    arrays = _read(path)
    if "images" in arrays:
        images = _images(path, "images", arrays["images"])
        parts = _split(images, _labels(path, "labels", arrays, len(images)), test_fraction)
    elif {"x_train", "x_test"} <= arrays.keys():
        parts = []
        for x, y in _PAIRS.values():
            images = _images(path, x, arrays[x])
            parts.append((images, _labels(path, y, arrays, len(images))))
    else:
        raise ValueError(
            "The file must be an .npz of `images`, or of `x_train` and `x_test`. "
            f"Received: {str(path)!r} of {sorted(arrays)}"
        )
    (train, labels), (test, test_labels) = parts
    if train.shape[1:] != test.shape[1:] or labels.shape[1:] != test_labels.shape[1:]:
        raise ValueError(
            f"Images and labels of both parts of {str(path)!r} must be of one shape. "
            f"Received: {train.shape[1:]} and {test.shape[1:]}, {labels.shape} and "
            f"{test_labels.shape}"
        )
    names = _names(arrays, labels, test_labels)
    splits = [Split(*(array[:limit] for array in part)) for part in parts]
    empty = Split(train[:0], labels[:0])
    return ImageData(NAME, splits[0], empty, splits[1], names)


def _read(path):
    try:
        return read_npz(path)
    except Exception as error:  # there is hardly an error that a damaged file cannot cause
        raise ValueError(
            f"The file must be an .npz that can be read. Received: {str(path)!r} ({error})"
        ) from error


def _images(path, name, images):
    """Returns uint8 images `(n, height, width, channels)`, or raises."""
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or 0 in images.shape or images.shape[-1] not in (1, 3):
        raise ValueError(
            f"`{name}` of {str(path)!r} must be of shape (n, height, width, channels), with 1 or 3 "
            f"channels. Received: shape={images.shape}"
        )
    if images.dtype.kind == "f" and np.isfinite(images).all() and images.min() >= 0:
        if images.max() <= 1:
            return np.rint(255 * images).astype("uint8")
    if images.dtype != np.uint8:
        raise ValueError(
            f"`{name}` of {str(path)!r} must be uint8, or floats in [0, 1]. "
            f"Received: dtype={images.dtype}, up to {images.max()}"
        )
    return images


def _labels(path, name, arrays, n):
    """Returns class indices `(n,)`, zeros where there are none, or rows of +1 and -1."""
    labels = arrays.get(name)
    if labels is None:
        return np.zeros(n, "int64")
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim not in (1, 2) or len(labels) != n or labels.dtype.kind not in "iub":
        raise ValueError(
            f"`{name}` of {str(path)!r} must hold an integer, or a row of attributes, for each of "
            f"the {n} images. Received: dtype={labels.dtype}, shape={labels.shape}"
        )
    labels = labels.astype("int64")
    if labels.ndim == 1 and labels.min() >= 0:
        return labels
    if labels.ndim == 2 and (np.isin(labels, (0, 1)).all() or np.isin(labels, (-1, 1)).all()):
        return np.where(labels > 0, 1, -1).astype("int8")
    raise ValueError(
        f"`{name}` of {str(path)!r} must be classes from 0, or attributes of +1 and -1, or of 1 "
        f"and 0. Received: {labels.min()}..{labels.max()}"
    )


def _split(images, labels, test_fraction):
    order = np.random.default_rng(0).permutation(len(images))
    cut = len(images) - max(1, math.floor(len(images) * test_fraction + 1e-9))
    return [(images[rows], labels[rows]) for rows in (order[:cut], order[cut:])]


def _names(arrays, labels, test_labels):
    count = labels.shape[1] if labels.ndim == 2 else int(max(labels.max(), test_labels.max())) + 1
    names = arrays.get("label_names")
    if names is None:
        return tuple(str(number) for number in range(count))
    if len(names) != count:
        raise ValueError(f"`label_names` must be {count} names. Received: {len(names)}")
    return tuple(map(str, names))
