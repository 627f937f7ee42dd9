"""Images wherever they come from: arrays, data sets, folders of pictures, or a model."""

import itertools
import pathlib

import keras
import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.data import Split
from keras_tsvae.data.picture_folder import batch_rows, picture_batches
from keras_tsvae.metrics.protocols import check_images, with_channels
from keras_tsvae.training import inputs


def is_model(source) -> bool:
    """Whether `source` draws images by itself."""
    return callable(getattr(source, "sample_batches", None))


def image_batches(source, num_images=None, name="images", **sampling):
    """Yields images in checked batches of at most 256 images, or as many as 64 MiB hold.

    Args:
        source: An array (or a memory map, or what NumPy turns into an array), a
            `keras_tsvae.data.Split`, a `tf.data.Dataset` or `keras.utils.PyDataset` of batches
            with or without labels, a folder of picture files (with its subfolders; RGB, unless all
            are grey), an iterable of batches, or a model with a method `sample_batches(n, ...)`.
        num_images: How many images to take, or None for all; a must for models.
        name: The argument that messages name. Defaults to `"images"`.
        **sampling: What a model's `sample_batches` takes besides their number.

    Yields:
        Arrays `(n, height, width, channels)`, uint8 or float in [0, 1].

    Raises:
        ValueError: If there are no images, or they are not as described; pictures that cannot be
            decoded are named.
    """
    if num_images is not None:
        num_images = positive_int("num_images", num_images)
    taken = 0
    for batch in _raw_batches(source, num_images, name, sampling):
        batch = batch if num_images is None else batch[: num_images - taken]
        yield check_images(batch, name)
        taken += len(batch)
        if taken == num_images:
            return
    if not taken:
        raise ValueError(f"`{name}` must not be empty. Received: no image")


def batches_for(model, source, num_images=None, name="images"):
    """Yields the batches of `image_batches` with as many channels as a model's images have.

    Raises:
        ValueError: Besides, if the model's images are grey and those of `source` are not.
    """
    for batch in image_batches(source, num_images, name):
        yield with_channels(batch, model.image_shape[-1], name)


def check_channels(model, source, num_images, name, channels):
    """Raises a `ValueError` if `batches_for` would, of images with so many channels."""
    if channels != model.image_shape[-1]:
        for _ in batches_for(model, source, num_images, name):
            pass


def is_npz(source) -> bool:
    """Whether `source` is the path of an `.npz` file."""
    return isinstance(source, (str, pathlib.Path)) and str(source).endswith(".npz")


def is_array(source) -> bool:
    """Whether rows of `source` can be taken by their number."""
    if isinstance(source, list):  # of images, not of batches
        return bool(source) and np.ndim(source[0]) < 4
    return isinstance(source, Split) or hasattr(source, "__array__")


def first_or_random(source, num_images, seed=0):
    """Returns `num_images` random rows of an array, in its order, and how many are to be taken.

    Other sources come back as they are, for their first images to be taken.
    """
    if num_images is None or not is_array(source):
        return source, num_images
    images = _array(source, "images")
    if positive_int("num_images", num_images) >= len(images):
        return images, None
    rows = np.random.default_rng(seed).permutation(len(images))[:num_images]
    return images[np.sort(rows)], None


def _raw_batches(source, num_images, name, sampling):
    if is_model(source):
        if num_images is None:
            raise ValueError(
                "`num_images` must say how many images a model is to draw. Received: None"
            )
        return source.sample_batches(num_images, **sampling)
    if isinstance(source, (str, pathlib.Path)):
        return picture_batches(source, name)
    if inputs.is_batched(source):
        return _data_set_batches(source, num_images)
    if is_array(source):
        return _rows(_array(source, name))
    if hasattr(source, "__iter__") and not isinstance(source, (dict, tuple)):
        return itertools.chain.from_iterable(map(_rows, map(np.asarray, source)))
    raise ValueError(
        f"`{name}` must be an array of images, a data set, a folder of pictures, an iterable of "
        f"batches or a model. Received: type({name})={type(source).__name__}"
    )


def _array(source, name):
    try:
        return source.images if isinstance(source, Split) else np.asarray(source)
    except ValueError as error:
        raise ValueError(f"`{name}` must have one shape. Received: {error}") from error


def require_rereadable(source, name):
    """Raises a `ValueError` unless the images of `source` can be read more than once."""
    again = is_array(source) or isinstance(source, (str, pathlib.Path)) or inputs.is_batched(source)
    if not again or is_npz(source):
        raise ValueError(
            f"`{name}` must be images that can be read again: an array, a Split, a data set or a "
            f"folder of pictures. Received: type({name})={type(source).__name__}"
        )


def _rows(images):
    if images.ndim == 0:
        raise ValueError(f"`images` must be batches of images. Received: {images!r}")
    rows = batch_rows(images[:1].nbytes)
    return (images[start : start + rows] for start in range(0, len(images), rows))


def _data_set_batches(source, num_images):
    """Yields the images of a batched data set's elements, which may hold labels as well."""
    if num_images is None:
        inputs.require_finite(source)
    if isinstance(source, keras.utils.PyDataset):
        source = map(source.__getitem__, range(source.num_batches))
    for element in source:
        yield from _rows(np.asarray(element[0] if isinstance(element, (tuple, list)) else element))
