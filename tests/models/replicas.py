"""Two logical CPU replicas on TensorFlow."""

import functools


@functools.cache
def two_replicas():
    """One strategy for all tests: a second one would reuse the first one's collective keys."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
