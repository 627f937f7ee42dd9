"""Images as a user brings them: checked, without labels, ready to be fitted or encoded.

A conditioned model's images keep the conditions that they are paired with.

Images are uint8 in [0, 255] or floats in [0, 1], as NumPy arrays (or anything that turns into
one), `tf.data.Dataset`s of batches, or `keras.utils.PyDataset`s, alone or followed by labels.
What can be seen of them is checked before training; the values of streamed batches are checked
on the way to the model, so that a bad batch never reaches it.
"""

import contextlib
import functools
import re

import keras
import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.batching import ArrayBatches
from keras_tsvae.training.pairs import CONDITIONS, check_condition, second_of
from keras_tsvae.training.streams import not_autotuned
from keras_tsvae.training.transformed_batches import TransformedBatches

_VALUES = "`x` must hold finite values in [0, 1], or be uint8 in [0, 255]. Received: "
_MARK = re.compile(r"`(?:x|conditions)` must [^\n]*")
_ROWS_AT_ONCE = 1024


def images_for_fit(
    x,
    batch_size,
    image_shape=None,
    training=True,
    shuffle=True,
    steps=None,
    condition_dim=None,
):
    """Returns `x` as a data set of checked batches that `keras.Model.fit` takes.

    Args:
        x: Images in any of the forms above.
        batch_size: Int or None; None means 64 for arrays, and is a must for batched data sets.
        image_shape: `(height, width, channels)` of the model, or None if it is not known.
        training: Whether the last partial batch of arrays is dropped.
        shuffle: Whether arrays are shuffled.
        steps: Batches per epoch, without which an endless data set is refused.
        condition_dim: The width of the conditions that images are paired with, or None to leave
            out whatever comes with them.

    Raises:
        ValueError: If `x` is no such data set, is empty or smaller than a batch, or does not fit
            the model.
    """
    x, *condition = _images_and_condition(x, condition_dim)
    _check_fit(x, image_shape)
    if not is_batched(x):
        size = 64 if batch_size is None else batch_size
        return array_batches((x, *condition), size, training, shuffle)
    if batch_size is not None:
        raise ValueError(
            "`batch_size` must not be given with a data set that is batched already. "
            f"Received: batch_size={batch_size}"
        )
    if isinstance(x, keras.utils.PyDataset):
        return _checked_batches(x, condition_dim)
    if steps is None:
        require_finite(x)
    return _checked_tf(x, image_shape, condition_dim)


def require_finite(x):
    """Raises if `x` is a `tf.data.Dataset` known never to end."""
    x = _first(x) if isinstance(x, tuple) else x
    if _is_tf_dataset(x) and int(x.cardinality()) == -1:
        raise ValueError("`x` must be finite. Received: a tf.data.Dataset that never ends")


def array_batches(arrays, batch_size, training, shuffle=True):
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


def image_batches(x, batch_size, image_shape=None):
    """Yields the images of `x` in order as checked NumPy batches; `batch_size` cuts arrays only."""
    return (images for (images,) in example_batches(x, batch_size, image_shape))


def example_batches(x, batch_size, image_shape=None, condition_dim=None):
    """Yields `x` in order as tuples of checked NumPy arrays, images and, if wanted, conditions."""
    x, *condition = _images_and_condition(x, condition_dim)
    _check_fit(x, image_shape)
    if isinstance(x, np.ndarray):
        for start in range(0, len(x), batch_size):
            yield tuple(array[start : start + batch_size] for array in (x, *condition))
    elif isinstance(x, keras.utils.PyDataset):
        checked = _checked_batches(x, condition_dim)
        yield from map(checked.__getitem__, range(checked.num_batches))
    else:
        require_finite(x)
        with clear_errors():
            yield from _checked_tf(x, None, condition_dim).as_numpy_iterator()


def is_batched(x):
    """Whether `x` comes in batches of its own: a `tf.data.Dataset` or a `PyDataset`."""
    return _is_tf_dataset(x) or isinstance(x, keras.utils.PyDataset)


def num_batches(x, batch_size):
    """Returns how many batches `image_batches` yields, or None if it is not known."""
    x = _first(x) if isinstance(x, tuple) else x
    if isinstance(x, keras.utils.PyDataset):
        return x.num_batches
    if _is_tf_dataset(x):
        return max(int(x.cardinality()), 0) or None
    return -(-len(x) // batch_size)


def image_shape_of(x):
    """Returns `(height, width, channels)` of images of any accepted form."""
    return _shape(_images(x))


def _shape(images):
    if isinstance(images, np.ndarray):
        return images.shape[1:]
    if isinstance(images, keras.utils.PyDataset):
        return _check_array(_first(images[0])).shape[1:]
    spec = _first(images.element_spec)
    _check_rank_and_dtype(spec.shape.rank, spec.shape, spec.dtype.name)
    if spec.shape.rank and spec.shape[1:].is_fully_defined():
        return tuple(spec.shape[1:])
    with clear_errors():
        return next(_checked_tf(images).as_numpy_iterator())[0].shape[1:]


def _check_fit(images, image_shape):
    received = tuple(_shape(images))
    if image_shape is not None and received != tuple(image_shape):
        raise ValueError(
            f"`x` must hold images of shape {tuple(image_shape)} (height, width, channels). "
            f"Received: images of shape {received}"
        )


@contextlib.contextmanager
def clear_errors():
    """Turns this module's errors, as a backend's pipeline wraps them, into `ValueError`s."""
    try:
        yield
    except Exception as error:
        message = _MARK.search(str(error))
        if message is None or type(error) is ValueError:
            raise
        raise ValueError(message.group().replace("] [", " ").rstrip("]'\"")) from error


def _checked_batches(dataset, condition_dim=None):
    """Returns a user's `PyDataset` without its labels, every batch checked as it is read."""
    return TransformedBatches(dataset, functools.partial(_checked, condition_dim=condition_dim))


def _checked(batch, condition_dim):
    images = _check_array(_first(batch))
    if condition_dim is None:
        return (images,)
    return images, check_condition(second_of(batch), len(images), condition_dim)


def _checked_tf(dataset, image_shape=None, condition_dim=None):
    import tensorflow as tf

    def check(*element):
        images = check_images(_first(element))
        if condition_dim is None:
            return (images,)
        condition = tf.cast(second_of(element), tf.float32)
        condition = tf.ensure_shape(condition, (None, condition_dim))
        valid = tf.reduce_all(tf.math.is_finite(condition))
        with tf.control_dependencies([tf.debugging.Assert(valid, [CONDITIONS + "(NaN found)"])]):
            return images, tf.identity(condition)

    def check_images(images):
        if image_shape is not None:
            images = tf.ensure_shape(images, (None, *image_shape))
        if not images.dtype.is_floating:
            return images
        lowest, highest = tf.reduce_min(images), tf.reduce_max(images)
        finite = tf.reduce_all(tf.math.is_finite(images))
        valid = finite & (lowest >= 0.0) & (highest <= 1.0)
        received = [_VALUES + "min, max =", lowest, highest, "all finite =", finite]
        with tf.control_dependencies([tf.debugging.Assert(valid, received)]):
            return tf.identity(images)

    return not_autotuned(dataset.map(check))


def _images_and_condition(x, condition_dim):
    """Returns `(images,)`, or `(images, condition)` of arrays that shall have one, checked."""
    images = _images(x)
    if condition_dim is None:
        return (images,)
    if is_batched(images):
        second_of(images.element_spec if _is_tf_dataset(images) else images[0])
        return (images,)
    return images, check_condition(second_of(x), len(images), condition_dim)


def _images(x):
    """Returns the images of `x`: a checked array, or a data set that is not empty."""
    x = _first(x) if isinstance(x, tuple) else x
    if _is_tf_dataset(x):
        count = int(x.cardinality())
        if count == 0 or (count == -2 and next(iter(x.take(1)), None) is None):
            raise ValueError("`x` must not be empty. Received: a tf.data.Dataset with no batch")
        return x
    if isinstance(x, keras.utils.PyDataset):
        if not x.num_batches:
            raise ValueError(
                "`x` must have a length of at least one batch. "
                f"Received: a PyDataset with num_batches={x.num_batches}"
            )
        return x
    if isinstance(x, list) or hasattr(x, "__array__"):
        return _check_array(x)
    raise ValueError(
        "`x` must be an array of images, a tf.data.Dataset or a keras.utils.PyDataset. "
        f"Received: type(x)={type(x).__name__}"
    )


def _check_array(x):
    x = np.asarray(x)
    _check_rank_and_dtype(x.ndim, x.shape, x.dtype.name)
    if len(x) == 0:
        raise ValueError(f"`x` must not be empty. Received: x.shape={x.shape}")
    if x.dtype != np.uint8:
        for start in range(0, len(x), _ROWS_AT_ONCE):
            rows = x[start : start + _ROWS_AT_ONCE]
            lowest, highest = rows.min(), rows.max()  # NaN if there is one
            if not (lowest >= 0 and highest <= 1):
                raise ValueError(f"{_VALUES}min={lowest}, max={highest}")
    return x


def _check_rank_and_dtype(rank, shape, dtype):
    if rank is not None and rank != 4:
        hint = " (grey images need a last axis of length 1)" if rank == 3 else ""
        raise ValueError(
            "`x` must hold batches of images of rank 4 (batch, height, width, channels)"
            f"{hint}. Received: shape={tuple(shape)}"
        )
    if dtype != "uint8" and "float" not in dtype:
        raise ValueError(
            f"`x` must be uint8 in [0, 255] or floating point in [0, 1]. Received: dtype={dtype}"
        )


def _first(element):
    """Returns the images of a batch or a pair of images and labels."""
    if isinstance(element, dict) or (isinstance(element, (tuple, list)) and len(element) > 2):
        raise ValueError(
            "`x` must yield images, or pairs of images and labels. "
            f"Received: a {type(element).__name__} of {len(element)}"
        )
    return element[0] if isinstance(element, (tuple, list)) else element


def _is_tf_dataset(x):
    return hasattr(x, "element_spec") and hasattr(x, "as_numpy_iterator")
