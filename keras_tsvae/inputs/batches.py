"""Images as a user brings them: checked, without labels, ready to be fitted or encoded.

A conditioned model's images keep the conditions that they are paired with. What images may be
given as, `keras_tsvae.inputs.images` says. What can be seen of them is checked before training;
the values of streamed batches are checked on the way to the model, so that a bad batch never
reaches it. No batch is read for a check alone.
"""

import functools
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.array_batches import ArrayBatches
from keras_tsvae.arrays.inference import batches_of
from keras_tsvae.arrays.types import Dataset, ImageShape, ImagesLike
from keras_tsvae.inputs.images import Images, as_images
from keras_tsvae.inputs.pairs import paired_condition, second_of
from keras_tsvae.inputs.streams import checked_stream, clear_errors
from keras_tsvae.inputs.transformed_batches import TransformedBatches


def images_for_fit(
    x: ImagesLike,
    batch_size: int | None,
    image_shape: ImageShape | None = None,
    training: bool = True,
    shuffle: bool = True,
    steps: int | None = None,
    condition_dim: int | None = None,
    name: str = "x",
) -> Dataset:
    """Returns `x` as a data set of checked batches that `keras.Model.fit` takes.

    Args:
        x: What `as_images` takes.
        batch_size: Int or None; None means 64 for arrays, and is a must for batched data sets.
        image_shape: `(height, width, channels)` of the model, or None if it is not known.
        training: Whether the last partial batch of arrays is dropped.
        shuffle: Whether arrays are shuffled.
        steps: Batches per epoch, without which an endless data set is refused.
        condition_dim: The width of the conditions that images are paired with, or None to leave
            out whatever comes with them.
        name: The argument that messages name. Defaults to `"x"`.

    Raises:
        ValueError: If `x` is no such data set, is empty or smaller than a batch, or does not fit
            the model.
    """
    images = as_images(x, name)
    arrays = _seen(images, image_shape, condition_dim)
    if images.is_array:
        return array_batches(arrays, 64 if batch_size is None else batch_size, training, shuffle)
    if batch_size is not None:
        raise ValueError(
            "`batch_size` must not be given with a data set that is batched already. "
            f"Received: batch_size={batch_size}"
        )
    if steps is None:
        images.require_finite()
    return _checked(images, image_shape, condition_dim)


def array_batches(
    arrays: Sequence[np.ndarray], batch_size: int, training: bool, shuffle: bool = True
) -> ArrayBatches:
    """Returns `ArrayBatches`, or raises if there is not a single batch."""
    rows, batch_size = len(arrays[0]), positive_int("batch_size", batch_size)
    if training and rows < batch_size:
        raise ValueError(
            "`batch_size` must not exceed the number of examples: an epoch drops its last "
            f"partial batch. Received: batch_size={batch_size} for {rows} examples"
        )
    batches = ArrayBatches(arrays, batch_size, training, shuffle)
    if not len(batches):
        raise ValueError(
            f"`x` must hold an example for each of the {batches.replicas} devices of this process. "
            f"Received: {rows}"
        )
    return batches


def image_batches(
    x: ImagesLike,
    batch_size: int | None,
    image_shape: ImageShape | None = None,
    name: str = "x",
    endless: bool = False,
) -> Iterator[np.ndarray]:
    """Yields the images of `x` in order as checked NumPy batches, as `example_batches` does."""
    examples = example_batches(x, batch_size, image_shape, name=name, endless=endless)
    return (images for (images,) in examples)


def example_batches(
    x: ImagesLike,
    batch_size: int | None,
    image_shape: ImageShape | None = None,
    condition_dim: int | None = None,
    name: str = "x",
    endless: bool = False,
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields `x` in order as tuples of checked NumPy arrays, images and, if wanted, conditions.

    Args:
        x: What `as_images` takes.
        batch_size: Positive int, how arrays are cut; None means not at all.
        image_shape: As in `images_for_fit`.
        condition_dim: As in `images_for_fit`.
        name: The argument that messages name. Defaults to `"x"`.
        endless: Whether a data set may be one that never ends. Defaults to False.
    """
    images = as_images(x, name)
    arrays = _seen(images, image_shape, condition_dim)
    if images.is_array:
        rows = len(images.data)
        yield from batches_of(arrays, rows, rows if batch_size is None else batch_size)
        return
    if not endless:
        images.require_finite()
    checked = _checked(images, image_shape, condition_dim)
    if not images.is_stream:
        yield from map(checked.__getitem__, range(checked.num_batches))
        return
    with clear_errors():
        yield from checked.as_numpy_iterator()


def gathered(
    x: ImagesLike, image_shape: ImageShape | None = None, name: str = "images"
) -> np.ndarray:
    """Returns all images of `x` as one checked array."""
    images = as_images(x, name)
    if images.is_array:
        _seen(images, image_shape, None)
        return images.data
    return np.concatenate(list(image_batches(images, None, image_shape)))


def gathered_batch(
    x: ImagesLike, image_shape: ImageShape | None = None, name: str = "images"
) -> tuple[np.ndarray, bool]:
    """Returns what `gathered` does of several images or one, and whether it is one."""
    single = hasattr(x, "__array__") and np.ndim(x) == 3
    return gathered(np.asarray(x)[None] if single else x, image_shape, name), single


def can_be_shuffled(x: ImagesLike) -> bool:
    """Whether the batches of `x` can be read in another order than their own."""
    data = as_images(x).data
    return isinstance(data, keras.utils.PyDataset) and not getattr(data, "keeps_order", False)


def num_batches(x: ImagesLike, batch_size: int | None) -> int | None:
    """Returns how many batches `image_batches` yields, or None if it is not known."""
    images = as_images(x)
    if images.is_array:
        return 1 if batch_size is None else -(-len(images.data) // batch_size)
    if images.is_stream:
        return max(int(images.data.cardinality()), 0) or None
    return images.data.num_batches


def image_shape_of(x: ImagesLike, name: str = "x") -> ImageShape:
    """Returns `(height, width, channels)` of images of any accepted form."""
    images = as_images(x, name)
    shape = images.shape
    if shape is None:
        raise ValueError(
            f"`{images.name}` must say the shape of its images (its `element_spec` does not) where "
            "the model is not built: call `build((None, height, width, channels))` first. "
            f"Received: {images.first_of(images.data.element_spec)}"
        )
    return shape


def _seen(
    images: Images, image_shape: ImageShape | None, condition_dim: int | None
) -> tuple[np.ndarray, ...]:
    """Raises if it can be seen now that images do not fit; returns arrays, none of a data set."""
    if image_shape is not None:
        images.check_shape(image_shape)
    elif not images.is_array:
        images.shape  # rank and dtype, as far as they are known
    if not images.is_array:
        if condition_dim is not None:
            second_of(images.element(), images.name)
        return ()
    if condition_dim is None:
        return (images.data,)
    rows, name = len(images.data), images.name
    condition = images.labels
    if condition is None:
        second_of(images.data, name)
    return images.data, paired_condition(condition, rows, condition_dim, name)


def _checked(images: Images, image_shape: ImageShape | None, condition_dim: int | None) -> Dataset:
    """Returns a data set, every batch of which is checked as it is read."""
    if images.is_stream:
        return checked_stream(images, image_shape, condition_dim)
    check = functools.partial(images.checked, image_shape=image_shape, condition_dim=condition_dim)
    return TransformedBatches(images.data, check)
