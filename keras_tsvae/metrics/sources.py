"""Images wherever they come from: arrays, data sets, folders of pictures, or a model."""

import itertools
import os
import typing
from collections.abc import Iterator

import keras
import numpy as np

from keras_tsvae import inputs
from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import ImagesLike
from keras_tsvae.data import Split
from keras_tsvae.data.picture_folder import batch_rows, find_pictures, picture_batches
from keras_tsvae.metrics.protocols import check_images, with_channels


def is_model(source: typing.Any) -> bool:
    """Whether `source` draws images by itself."""
    return callable(getattr(source, "sample_batches", None))


def source_batches(
    source: ImagesLike,
    num_images: int | None = None,
    name: str = "images",
    **sampling: typing.Any,
) -> Iterator[np.ndarray]:
    """Yields images in checked batches of at most 256 images, or as many as 64 MiB hold.

    Args:
        source: Images in the forms that `FirstStageVAE.fit` takes; pictures of a folder (with its
            subfolders; RGB, unless all are grey) are read batch by batch and may differ in shape.
            Or an iterable of batches that can be read only once, or a model with a method
            `sample_batches(n, ...)`.
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


def batches_for(
    model: typing.Any, source: ImagesLike, num_images: int | None = None, name: str = "images"
) -> Iterator[np.ndarray]:
    """Yields the batches of `source_batches` with as many channels as a model's images have.

    Raises:
        ValueError: Besides, if the model's images are grey and those of `source` are not.
    """
    for batch in source_batches(source, num_images, name):
        yield with_channels(batch, model.image_shape[-1], name)


def check_channels(
    model: typing.Any, source: ImagesLike, num_images: int | None, name: str, channels: int
) -> None:
    """Raises a `ValueError` if `batches_for` would, of images with so many channels."""
    if channels != model.image_shape[-1]:
        for _ in batches_for(model, source, num_images, name):
            pass


def is_npz(source: typing.Any) -> bool:
    """Whether `source` is the path of an `.npz` file."""
    return isinstance(source, (str, os.PathLike)) and str(source).endswith(".npz")


def is_array(source: typing.Any) -> bool:
    """Whether rows of `source` can be taken by their number."""
    if isinstance(source, list):  # of images, not of batches
        return bool(source) and not isinstance(source[0], tuple) and np.ndim(source[0]) < 4
    return isinstance(source, Split) or hasattr(source, "__array__")


def first_or_random(
    source: ImagesLike, num_rows: int | None, seed: int = 0
) -> tuple[ImagesLike, int | None]:
    """Returns `num_rows` random rows of an array, in its order, and how many are to be taken.

    Other sources come back as they are, for their first images to be taken.
    """
    if num_rows is None or not is_array(source):
        return source, num_rows
    array = source.images if isinstance(source, Split) else np.asarray(source)
    if positive_int("num_images", num_rows) >= len(array):
        return array, None
    rows = np.random.default_rng(seed).permutation(len(array))[:num_rows]
    return array[np.sort(rows)], None


def _raw_batches(source, num_images, name, sampling):
    if is_model(source):
        if num_images is None:
            raise ValueError(
                "`num_images` must say how many images a model is to draw. Received: None"
            )
        return source.sample_batches(num_images, **sampling)
    if isinstance(source, (str, os.PathLike)):  # pictures may differ in shape
        return picture_batches(source, name)
    if _is_read_once(source):
        return itertools.chain.from_iterable(_rows(np.asarray(b), name) for b in source)
    images = inputs.as_images(source, name)
    if images.is_array:
        return _rows(images.data, name)
    endless = num_images is not None
    batches = inputs.image_batches(images, None, endless=endless)
    return itertools.chain.from_iterable(_rows(batch, name) for batch in batches)


def _is_read_once(source):
    """Whether `source` yields batches, but not again, or does not say how many."""
    return hasattr(source, "__iter__") and not (
        isinstance(source, (dict, set, list, tuple, keras.utils.PyDataset))
        or hasattr(source, "__array__")
        or hasattr(source, "element_spec")
        or (hasattr(source, "__len__") and not hasattr(source, "__next__"))
    )


def require_rereadable(source: typing.Any, name: str) -> None:
    """Raises a `ValueError` unless the images of `source` can be read more than once."""
    if is_npz(source) or is_model(source):
        raise ValueError(
            f"`{name}` must be images that can be read more than once: an array, a Split, a data "
            f"set or a folder of pictures. Received: type({name})={type(source).__name__}"
        )
    if isinstance(source, (str, os.PathLike)):
        find_pictures(source, name)
    else:
        inputs.as_images(source, name)


def _rows(images, name):
    if images.ndim == 0:
        raise ValueError(f"`{name}` must be batches of images. Received: {images!r}")
    rows = batch_rows(images[:1].nbytes)
    return (images[start : start + rows] for start in range(0, len(images), rows))
