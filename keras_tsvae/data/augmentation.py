"""What happens to the batches of a training set on their way to the model."""

import typing
from collections.abc import Callable

import keras

from keras_tsvae.arrays.types import Tensor

Augment: typing.TypeAlias = bool | str | Callable[[Tensor], Tensor]


def augmentation(augment: Augment, seed: int) -> Callable[[Tensor], Tensor] | None:
    """Returns a function from a batch of uint8 images to one, or None for none.

    Args:
        augment: False for none; True or `"flip"` for a horizontal flip of every second image, at
            random; or a callable, which is given uint8 batches. What a Keras layer returns is
            rounded to uint8, so it must keep the range [0, 255]; what other callables return is
            passed on as it is.
        seed: Int of at least 0, for the flip.

    Raises:
        ValueError: If `augment` is none of these.
    """
    if augment is False:
        return None
    if augment is True or (isinstance(augment, str) and augment == "flip"):
        return _as_uint8(_flip(seed))
    if isinstance(augment, keras.Layer):
        return _as_uint8(augment)
    if callable(augment):
        return augment
    raise ValueError(
        f'`augment` must be None, False, True, "flip" or a callable. Received: augment={augment!r}'
    )


def _flip(seed):
    """Returns keras_cv's flip, or, where it is not installed, one that flips the same images."""
    seed = seed % 2**31 + 1  # one of 0 would mean keras_cv's global generator
    try:
        import keras_cv
    except ImportError:
        return _flip_without_keras_cv(seed)
    # keras_cv draws with `tf.random.Generator` and computes in TensorFlow whatever Keras's backend
    # is, so this works in a pipeline under JAX too.
    return keras_cv.layers.RandomFlip(mode="horizontal", seed=seed, dtype="float32")


def _flip_without_keras_cv(seed):
    import tensorflow as tf

    generator = tf.random.Generator.from_seed(seed)

    def flip(images):
        drawn = generator.uniform((tf.shape(images)[0], 1, 1, 1))
        return tf.ensure_shape(tf.where(drawn > 0.5, images[:, :, ::-1], images), images.shape)

    return flip


def _as_uint8(layer):
    import tensorflow as tf

    def augmented(images):
        result = layer(images)
        if not result.dtype.is_floating:
            return tf.saturate_cast(result, tf.uint8)
        return tf.saturate_cast(tf.round(result), tf.uint8)

    return augmented
