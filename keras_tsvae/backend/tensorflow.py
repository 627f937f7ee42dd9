"""TensorFlow: fused batch normalisation and Adam, and compiled inference."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops


def resolve_jit(jit_compile: bool | str) -> bool:
    """XLA where it pays: `"auto"` means on an accelerator, not on CPU."""
    if jit_compile == "auto":
        return bool(tf.config.list_physical_devices("GPU"))
    return bool(jit_compile)


def compile_function(model: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles `function` of batches, which reads the variables of `model`, for inference."""
    del model  # TensorFlow's graphs capture variables by themselves
    compiled = tf.function(function, autograph=False)
    graphs = {}  # one for each dtype and shape of an example, whatever the batch size

    def call(*batches, full=None):  # what the rows of a full batch are matters on JAX alone
        specs = tuple(tf.TensorSpec((None, *batch.shape[1:]), batch.dtype) for batch in batches)
        if specs not in graphs:
            graphs[specs] = compiled.get_concrete_function(*specs)
        return graphs[specs](*(tf.convert_to_tensor(batch) for batch in batches))

    return call


class Inference:
    """What Keras's inference lacks on JAX; on TensorFlow there is nothing to add."""


def local_replicas() -> int:
    """Returns 1: `tf.distribute` splits a batch by itself, even or not."""
    return 1


def global_normal(shape: tuple[Any, ...], generator: keras.random.SeedGenerator) -> tf.Tensor:
    """Returns float32 noise, other noise for every replica of a `tf.distribute` strategy.

    Each replica keeps the state of `generator` for itself, and all states are equal.

    Args:
        shape: Shape of the noise, the batch first.
        generator: A `keras.random.SeedGenerator`.
    """
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return keras.random.normal(shape, dtype="float32", seed=generator)
    seed = tf.random.experimental.stateless_fold_in(
        tf.cast(generator.next(), tf.int32), replica.replica_id_in_sync_group
    )
    return tf.random.stateless_normal(shape, seed)


def standard_normal(seed: int, count: int, shape: tuple[int, ...]) -> np.ndarray:
    """Returns what the call number `count` of a `keras.random.SeedGenerator(seed)` draws.

    Args:
        seed: Int from 0 to 2**31 - 3.
        count: Non-negative int; 0 is the first call.
        shape: Tuple of ints.
    """
    return tf.random.stateless_normal(shape, tf.constant([seed, count], tf.int32)).numpy()


def process_index() -> int:
    """Returns 0: several TensorFlow processes each train a model of their own."""
    return 0


def gather(array: np.ndarray) -> list[np.ndarray]:
    """Returns `[array]`: several TensorFlow processes each train a model of their own."""
    return [array]


def normalize_batch(
    inputs: tf.Tensor,
    scale: tf.Tensor | keras.Variable,
    offset: tf.Tensor | keras.Variable,
    moving_mean: tf.Tensor | keras.Variable,
    moving_variance: tf.Tensor | keras.Variable,
    epsilon: float,
    training: bool,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Batch-normalises over all axes but the last; also returns the mean and variance used."""
    if training and tf.distribute.get_strategy().num_replicas_in_sync > 1:
        return _normalize_across_replicas(inputs, scale, offset, epsilon)
    shape = tf.shape(inputs)
    channels = inputs.shape[-1]
    # There is no kernel for float64, and statistics are float32 in any case.
    images = tf.cast(inputs, tf.float32) if inputs.dtype == tf.float64 else inputs
    if inputs.shape.rank != 4:
        images = tf.reshape(images, [-1, 1, 1, channels])
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=images,
        scale=scale,
        offset=offset,
        mean=tf.constant([], tf.float32) if training else moving_mean,
        variance=tf.constant([], tf.float32) if training else moving_variance,
        epsilon=epsilon,
        exponential_avg_factor=1.0,
        is_training=training,
    )
    if images is not inputs:
        outputs = tf.reshape(tf.cast(outputs, inputs.dtype), shape)
        outputs = tf.ensure_shape(outputs, inputs.shape)
    if training:  # the kernel normalises with the biased variance and returns the unbiased one
        count = tf.cast(tf.size(images) // channels, tf.float32)
        variance = variance * (count - 1.0) / count
    return outputs, mean, variance


def _normalize_across_replicas(inputs, scale, offset, epsilon):
    axes = list(range(len(inputs.shape) - 1))
    wide = ops.cast(inputs, "float32")
    mean, variance = ops.moments(wide, axes, synchronized=True)
    outputs = ops.batch_normalization(wide, mean, variance, -1, offset, scale, epsilon)
    return ops.cast(outputs, inputs.dtype), mean, variance


def apply_adam(
    optimizer: keras.optimizers.Adam,
    gradient: Any,
    variable: tf.Variable,
    moments: tuple[keras.Variable, keras.Variable],
    learning_rate: tf.Tensor | keras.Variable,
) -> bool:
    """Updates a variable and its moments in one operation; returns False if that is impossible.

    Args:
        optimizer: A `keras.optimizers.Adam`.
        gradient: A tensor; `tf.IndexedSlices` are left alone.
        variable: A `tf.Variable`.
        moments: The first and the second moment, `keras.Variable`s.
        learning_rate: A tensor.
    """
    if not isinstance(gradient, tf.Tensor):
        return False
    dtype = variable.dtype
    steps = ops.cast(optimizer.iterations + 1, dtype)
    beta_1, beta_2 = tf.cast(optimizer.beta_1, dtype), tf.cast(optimizer.beta_2, dtype)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=moments[0].value.handle,
        v=moments[1].value.handle,
        beta1_power=tf.pow(beta_1, steps),
        beta2_power=tf.pow(beta_2, steps),
        lr=tf.cast(learning_rate, dtype),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=tf.cast(optimizer.epsilon, dtype),
        grad=tf.cast(gradient, dtype),
    )
    return True
