"""What a `tf.data.Dataset` needs, on either backend."""

import contextlib
import re
from collections.abc import Iterator

from keras_tsvae.arrays.types import Dataset, ImageShape
from keras_tsvae.inputs import checks
from keras_tsvae.inputs.images import Images
from keras_tsvae.inputs.pairs import pairs_rule, second_of

_MESSAGE = re.compile(r"`\w+` must [^\n]*Received[^\n]*")


def not_autotuned(dataset: Dataset) -> Dataset:
    """Returns a `tf.data.Dataset` that stops as soon as its last element is read.

    Autotuning wakes up after 10, 20, 40, ... ms, and often an epoch that is over waits for it: for
    up to as long as it took. A choice that is made already stays.
    """
    if dataset.options().autotune.enabled is not None:
        return dataset

    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def checked_stream(
    images: Images, image_shape: ImageShape | None, condition_dim: int | None = None
) -> Dataset:
    """Returns the `tf.data.Dataset` of `Images` as one of tuples, checked as they are read.

    Nothing is read here: what can be read only once is whole still.

    Args:
        images: `Images` of a `tf.data.Dataset`.
        image_shape: `(height, width, channels)`, or None if it is not known.
        condition_dim: The width of the conditions that images are paired with, or None to leave
            out whatever comes with them.
    """
    import tensorflow as tf

    def check(number, element):
        batch = _checked_images(images, images.first_of(element), image_shape, number == 0)
        if condition_dim is None:
            return (batch,)
        condition = tf.cast(second_of(element, images.name), tf.float32)
        condition = tf.ensure_shape(condition, (None, condition_dim))
        valid = tf.reduce_all(tf.math.is_finite(condition))
        rule = f"{pairs_rule(images.name)}. Received: NaN or infinity"
        with tf.control_dependencies([tf.debugging.Assert(valid, [rule])]):
            return batch, tf.identity(condition)

    dataset = images.data.enumerate().map(check)
    if int(images.data.cardinality()) < -1:  # not known
        dataset = _not_empty(dataset, images.name)
    return not_autotuned(dataset)


def _checked_images(images, batch, image_shape, is_first):
    """Returns a tensor of images that raises where it is computed if they are not as they must."""
    import tensorflow as tf

    wanted = (None, None, None) if image_shape is None else tuple(image_shape)
    if not batch.shape[1:].is_fully_defined():
        rule = f"`{images.name}` must hold images of shape {wanted} (height, width, channels). "
        rule += "Received: a batch of shape"
        sides, known = tf.shape(batch)[1:], [side or -1 for side in wanted]
        fits = tf.cond(
            tf.equal(tf.size(sides), 3),
            lambda: tf.reduce_all((sides == known) | (tf.constant(known) == -1)),
            lambda: False,
        )
        with tf.control_dependencies(
            [tf.debugging.Assert(fits, [rule, tf.shape(batch)], summarize=9)]
        ):
            batch = tf.ensure_shape(batch, (None, *wanted))
    if batch.dtype == tf.uint8:

        def warn(batch):
            images.warn_if_dark(batch.numpy())
            return True

        tf.cond(is_first, lambda: tf.py_function(warn, [batch], tf.bool), lambda: True)
    if not batch.dtype.is_floating:
        return batch
    lowest, highest = tf.reduce_min(batch), tf.reduce_max(batch)
    finite = tf.reduce_all(tf.math.is_finite(batch))
    valid = finite & (lowest >= 0.0) & (highest <= 1.0)
    message = [checks.values_rule(images.name) + "min, max =", lowest, highest]
    message += ["all finite =", finite]
    with tf.control_dependencies([tf.debugging.Assert(valid, message)]):
        return tf.identity(batch)


def _not_empty(dataset, name):
    """Returns a `tf.data.Dataset` that raises at its end if no element came before."""
    import tensorflow as tf

    nothing = [
        tf.zeros([side or 0 for side in part.shape], part.dtype) for part in dataset.element_spec
    ]
    end = tf.data.Dataset.from_tensors((False, *nothing))
    rule = f"`{name}` must not be empty. Received: a tf.data.Dataset with no batch, or one that "
    rule += "can be read only once and has been read"

    def count(some_came, element):
        is_batch, *batch = element
        with tf.control_dependencies([tf.debugging.Assert(some_came | is_batch, [rule])]):
            return tf.constant(True), (tf.identity(is_batch), *batch)

    dataset = dataset.map(lambda *batch: (True, *batch)).concatenate(end).scan(False, count)
    dataset = dataset.filter(lambda is_batch, *batch: is_batch)
    return dataset.map(lambda is_batch, *batch: batch)


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turns this package's errors, as a backend's pipeline wraps them, into `ValueError`s."""
    try:
        yield
    except Exception as error:
        message = _MESSAGE.search(str(error))
        if message is None or type(error) is ValueError:
            raise
        raise ValueError(message.group().replace("] [", " ").rstrip("]'\"")) from error
