"""JAX: batch normalisation and Adam left to XLA to fuse, noise, devices."""

from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from keras import ops


def resolve_jit(jit_compile: bool | str) -> bool:
    """JAX always compiles, unless told not to."""
    return True if jit_compile == "auto" else bool(jit_compile)


def local_replicas() -> int:
    """Returns over how many of its own devices each process splits a batch."""
    distribution = keras.distribution.distribution()
    replicas = 1 if distribution is None else distribution.device_mesh.shape[0]
    return max(replicas // jax.process_count(), 1)


def normalize_batch(
    inputs: jax.Array,
    scale: jax.Array,
    offset: jax.Array,
    moving_mean: jax.Array,
    moving_variance: jax.Array,
    epsilon: float,
    training: bool,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Batch-normalises over all axes but the last; also returns the mean and variance used."""
    wide = ops.cast(inputs, "float32")
    if training:
        mean, variance = ops.moments(wide, list(range(wide.ndim - 1)))
    else:
        mean, variance = moving_mean, moving_variance
    outputs = ops.batch_normalization(wide, mean, variance, -1, offset, scale, epsilon)
    return ops.cast(outputs, inputs.dtype), mean, variance


def apply_adam(
    optimizer: keras.optimizers.Adam,
    gradient: jax.Array,
    variable: keras.Variable,
    moments: tuple[keras.Variable, keras.Variable],
    learning_rate: jax.Array | keras.Variable,
) -> bool:
    """Leaves the update to XLA; returns False."""
    return False


def global_normal(shape: tuple[Any, ...], generator: keras.random.SeedGenerator) -> jax.Array:
    """Returns float32 noise; JAX draws for the whole batch, however many devices share it.

    Args:
        shape: Shape of the noise, the batch first.
        generator: A `keras.random.SeedGenerator`.
    """
    return keras.random.normal(shape, dtype="float32", seed=generator)


def standard_normal(seed: int, count: int, shape: tuple[int, ...]) -> np.ndarray:
    """Returns what the call number `count` of a `keras.random.SeedGenerator(seed)` draws.

    Args:
        seed: Int from 0 to 2**32 - 1.
        count: Non-negative int; 0 is the first call.
        shape: Tuple of ints.
    """
    return np.asarray(jax.random.normal(np.array([seed, count], "uint32"), shape, "float32"))


def process_index() -> int:
    """Returns which of the processes that train the same model this one is, counted from 0."""
    return 0 if keras.distribution.distribution() is None else jax.process_index()


def gather(array: np.ndarray) -> list[np.ndarray]:
    """Returns a list of one array from each process that trains the same model.

    Args:
        array: Array `(n, ...)`; n may differ from process to process.
    """
    if keras.distribution.distribution() is None or jax.process_count() == 1:
        return [array]
    lengths = multihost_utils.process_allgather(np.array([len(array)]))[:, 0]
    padded = np.zeros((lengths.max(), *array.shape[1:]), array.dtype)
    padded[: len(array)] = array
    return [a[:n] for a, n in zip(multihost_utils.process_allgather(padded), lengths)]
