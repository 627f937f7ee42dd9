"""TensorFlow: fused batch normalisation and compiled inference."""

import tensorflow as tf
from keras import ops


def resolve_jit(jit_compile) -> bool:
    """XLA where it pays: `"auto"` means on an accelerator, not on CPU."""
    if jit_compile == "auto":
        return bool(tf.config.list_physical_devices("GPU"))
    return bool(jit_compile)


def compile_function(model, function):
    """Compiles `function` of batches, which reads the variables of `model`, for inference."""
    del model  # TensorFlow's graphs capture variables by themselves
    compiled = tf.function(function, autograph=False)
    graphs = {}  # one for each dtype and shape of an example, whatever the batch size

    def call(*batches):
        specs = tuple(tf.TensorSpec((None, *batch.shape[1:]), batch.dtype) for batch in batches)
        if specs not in graphs:
            graphs[specs] = compiled.get_concrete_function(*specs)
        return graphs[specs](*(tf.convert_to_tensor(batch) for batch in batches))

    return call


def normalize_batch(inputs, scale, offset, moving_mean, moving_variance, epsilon, training):
    """Batch-normalises over all axes but the last; also returns the mean and variance used."""
    if training and tf.distribute.get_strategy().num_replicas_in_sync > 1:
        return _normalize_across_replicas(inputs, scale, offset, epsilon)
    shape = tf.shape(inputs)
    channels = inputs.shape[-1]
    images = inputs if inputs.shape.rank == 4 else tf.reshape(inputs, [-1, 1, 1, channels])
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
        outputs = tf.ensure_shape(tf.reshape(outputs, shape), inputs.shape)
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
