"""The types in which the functions of a SavedModel take their arguments."""

import inspect
import itertools
import typing
from collections.abc import Callable, Mapping

from keras_tsvae.arrays.noise import SEED_RANGE

if typing.TYPE_CHECKING:
    import tensorflow as tf

Exported: typing.TypeAlias = tuple[Callable[..., typing.Any], list[str], dict[str, typing.Any]]
"""A function, the names of its results, and the `tf.TensorSpec`s of its arguments."""


def of_all_types(
    function: Callable[..., typing.Any], arguments: "Mapping[str, tf.TensorSpec]"
) -> Callable[..., typing.Any]:
    """Returns a `tf.function` that takes its arguments as NumPy and Python may hold them.

    `function` itself is traced once, on `n` as int32, `seed` as int64, all else as float32.

    Args:
        function: Function of tensors.
        arguments: Dict of its arguments, `tf.TensorSpec`s by name.
    """
    import tensorflow as tf

    body = tf.function(function, autograph=False)
    signature = inspect.signature(function)

    def public(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return body(**{name: _canonical(name, value) for name, value in bound.arguments.items()})

    public.__name__ = function.__name__
    public.__doc__ = function.__doc__
    setattr(public, "__signature__", signature)
    compiled = tf.function(public, autograph=False)
    conditions = [name for name in arguments if "condition" in name]
    types = [_types(name) for name in arguments if name not in conditions[1:]]
    for chosen in itertools.product(*types):
        taken = dict(zip((name for name in arguments if name not in conditions[1:]), chosen))
        taken.update({name: taken[conditions[0]] for name in conditions[1:]})  # all alike
        compiled.get_concrete_function(
            **{name: tf.TensorSpec(spec.shape, taken[name]) for name, spec in arguments.items()}
        )
    return compiled


def _types(name):
    """Returns the types that an argument is taken in, first that of Python's numbers.

    A Python number is converted to the first of them, without a word if it does not fit.
    """
    import tensorflow as tf

    if name == "n":
        return [tf.int64, tf.int32]
    if name == "seed":
        return [tf.int64, tf.int32, tf.uint32, tf.uint64]
    if name == "images":
        return [tf.float32, tf.float64, tf.uint8]
    if "condition" in name:
        return [tf.float32, tf.float64, tf.int32, tf.int64]
    return [tf.float32, tf.float64]


def _canonical(name, value):
    """Returns an argument in the one type that it is computed in, images in [0, 1]."""
    import tensorflow as tf

    value = tf.convert_to_tensor(value)
    if name == "n":
        rule = "`n` must be an integer from 1 to 2147483647. Received: n ="
        valid = value <= tf.cast(tf.int32.max, value.dtype)
        with tf.control_dependencies([tf.debugging.Assert(valid, [rule, value])]):
            return tf.cast(value, tf.int32)
    if name == "seed":
        if value.dtype.is_unsigned:
            value = value % tf.cast(SEED_RANGE, value.dtype)
        return tf.cast(value, tf.int64)
    if name == "images" and value.dtype == tf.uint8:
        return tf.cast(value, tf.float32) / 255.0
    if name == "images":
        value = _in_unit_interval(value)
    return tf.cast(value, tf.float32)


def _in_unit_interval(images):
    """Lets float images pass whose values are finite and in [0, 1], or fails with a word."""
    import tensorflow as tf

    lowest, highest = tf.reduce_min(images), tf.reduce_max(images)
    valid = tf.reduce_all(tf.math.is_finite(images)) & (lowest >= 0) & (highest <= 1)
    rule = "`images` must hold finite values in [0, 1], or be uint8 in [0, 255]. Received: min, max"
    with tf.control_dependencies([tf.debugging.Assert(valid, [rule, lowest, highest])]):
        return tf.identity(images)
