"""JAX: batch normalisation and Adam left to XLA to fuse, and compiled inference."""

import jax
import keras
from keras import ops


def resolve_jit(jit_compile) -> bool:
    """JAX always compiles, unless told not to."""
    return True if jit_compile == "auto" else bool(jit_compile)


def compile_function(model, function):
    """Compiles `function`, which reads the variables of `model`, for inference."""

    @jax.jit
    def stateless(values, *arguments):
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values))):
            return function(*arguments)

    return lambda *arguments: stateless([v.value for v in model.variables], *arguments)


def normalize_batch(inputs, scale, offset, moving_mean, moving_variance, epsilon, training):
    """Batch-normalises over all axes but the last; also returns the mean and variance used."""
    wide = ops.cast(inputs, "float32")
    if training:
        mean, variance = ops.moments(wide, list(range(wide.ndim - 1)))
    else:
        mean, variance = moving_mean, moving_variance
    outputs = ops.batch_normalization(wide, mean, variance, -1, offset, scale, epsilon)
    return ops.cast(outputs, inputs.dtype), mean, variance


def apply_adam(optimizer, gradient, variable, moments, learning_rate):
    """Leaves the update to XLA; returns False."""
    return False
