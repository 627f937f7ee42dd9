"""Batches on the host: of arrays for a fit, of Gaussian noise for sampling."""

import keras
import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.backend import local_replicas, standard_normal

NOISE_BLOCK = 256  # rows drawn at a time; part of what a seed means, also in exported models
SEED_RANGE = 2**31 - 2


class DivergedError(ValueError):
    """A model gives numbers that are not finite."""


class ArrayBatches(keras.utils.PyDataset):
    """Batches of equally long arrays, cut on demand: no copy of the arrays is made.

    Args:
        arrays: Tuple of arrays (or memory maps) of equal length.
        batch_size: Positive int.
        training: If true, every epoch has its own order and drops the last partial batch;
            if false, the order is kept, and all batches are about equally large: none is too
            small to be split over several devices. Nothing is dropped but, under a
            `keras.distribution`, the last rows that do not fill all of a process's devices.
        shuffle: Whether training shuffles. Defaults to True.
        rows: Int array of the rows to take. Defaults to None: all.

    Raises:
        ValueError: If a batch cannot be split evenly over the process's devices.
    """

    def __init__(self, arrays, batch_size, training, shuffle=True, rows=None):
        super().__init__()
        self.arrays = arrays
        self.rows = rows
        self.batch_size = batch_size
        self.training = training
        self.replicas = local_replicas()
        if training:
            check_divisible("batch_size", batch_size)
        # Keras's global seed, `keras.utils.set_random_seed`, also seeds NumPy's.
        self._rng = np.random.default_rng(np.random.randint(2**31)) if shuffle else None
        self.on_epoch_begin()

    def __len__(self):
        """Returns the number of batches."""
        rows = self._count()
        if self.training:
            return rows // self.batch_size
        return -(-rows // max(self.batch_size, self.replicas))

    def _count(self):
        rows = len(self.arrays[0]) if self.rows is None else len(self.rows)
        return rows if self.training else rows - rows % self.replicas

    def __getitem__(self, index):
        """Returns batch `index` as a tuple."""
        if self.training:
            rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
            rows = rows if self._order is None else self._order[rows]
        else:
            share = self._count() / self.replicas / len(self)
            start, stop = (self.replicas * round(edge * share) for edge in (index, index + 1))
            rows = slice(start, stop)
        if self.rows is not None:
            rows = self.rows[rows]
        return tuple(np.array(array[rows]) for array in self.arrays)  # never a view

    def on_epoch_begin(self):
        """Draws the epoch's order."""
        shuffled = self.training and self._rng is not None
        self._order = self._rng.permutation(self._count()) if shuffled else None


def check_divisible(name, batch_size):
    """Raises a `ValueError` unless a batch can be split evenly over the process's devices."""
    if batch_size % local_replicas():
        raise ValueError(
            f"`{name}` must be a multiple of the {local_replicas()} devices of this process. "
            f"Received: {name}={batch_size}"
        )


def noise_batches(n, dimensions, seed, batch_size, parts=1):
    """Yields `n` rows of N(0, I) in batches, each an array `(parts, rows, dimensions)`.

    Row `i` depends on `seed` and `i` alone, not on `batch_size`: rows are drawn in blocks of
    `NOISE_BLOCK` and handed out as asked for. One block is in memory at a time.
    """
    seed, count = seed % SEED_RANGE, 0
    waiting = np.empty((parts, 0, dimensions), "float32")
    for start in range(0, n, batch_size):
        rows = min(batch_size, n - start)
        while waiting.shape[1] < rows:
            block = [
                standard_normal(seed, count + part, (NOISE_BLOCK, dimensions))
                for part in range(parts)
            ]
            count += parts
            waiting = np.concatenate([waiting, np.stack(block)], axis=1)
        yield waiting[:, :rows]
        waiting = waiting[:, rows:]


def batches_of(arrays, n, batch_size):
    """Yields `n` rows of equally long arrays in batches, each a tuple, empty of no arrays."""
    for start in range(0, n, batch_size):
        yield tuple(array[start : start + batch_size] for array in arrays)


def finite(batches, what):
    """Yields what `require_finite` returns of each batch."""
    return (require_finite(batch, what) for batch in batches)


def require_finite(array, what):
    """Returns an array that a model made, or raises a `DivergedError` for NaN or infinity."""
    if not np.isfinite(array).all():
        raise DivergedError(
            "The model must have weights with which it gives finite numbers; its training has "
            "diverged: train it anew, at a lower learning rate, or load a checkpoint. "
            f"Received: {what} with NaN or infinity"
        )
    return array


def collect(batches, n):
    """Returns `n` rows yielded in batches as one array, allocated once."""
    result, done = None, 0
    for batch in batches:
        if result is None:
            result = np.empty((n, *batch.shape[1:]), batch.dtype)
        result[done : done + len(batch)] = batch
        done += len(batch)
    return result


def batched(function, arrays, batch_size):
    """Yields `function` of equally long arrays, batch by batch, as NumPy arrays."""
    batch_size = positive_int("batch_size", batch_size)
    for rows in batches_of(arrays, len(arrays[0]), batch_size):
        yield keras.ops.convert_to_numpy(function(*rows))


def check_vectors(name, value, dimensions):
    """Returns `value` as a float32 array `(n, dimensions)`, or raises a `ValueError`."""
    vectors = np.asarray(value)
    if vectors.ndim != 2 or vectors.shape[1] != dimensions or not len(vectors):
        raise ValueError(
            f"`{name}` must have shape (n, {dimensions}), n at least 1. "
            f"Received: {name}.shape={vectors.shape}"
        )
    if vectors.dtype.kind not in "fiu" or not np.isfinite(vectors).all():
        raise ValueError(f"`{name}` must hold finite numbers. Received: dtype={vectors.dtype}")
    return vectors.astype("float32", copy=False)


def check_condition(condition, n, condition_dim):
    """Returns coded conditions, checked, as `((n, condition_dim),)`; `()` for a model without.

    Args:
        condition: Array `(n, condition_dim)`, or one row `(condition_dim,)` for all, or None.
        n: Int.
        condition_dim: The width that the model takes, or None if it takes none.

    Raises:
        ValueError: If there is none where there has to be one, or the other way round, or it has
            another shape.
    """
    if condition_dim is None or condition is None:
        if condition_dim is not None or condition is not None:
            raise ValueError(
                "`condition` must be given if and only if the model is conditioned. Received: "
                f"condition={condition!r} for a model with condition_dim={condition_dim}"
            )
        return ()
    rows = np.atleast_2d(np.asarray(condition))
    if rows.shape[0] == 1:
        rows = np.broadcast_to(rows, (n, rows.shape[1]))
    if rows.shape != (n, condition_dim):
        raise ValueError(
            f"`condition` must have shape ({n}, {condition_dim}) or ({condition_dim},). "
            f"Received: condition.shape={np.shape(condition)}"
        )
    return (check_vectors("condition", rows, condition_dim),)


def with_progress(batches, total):
    """Yields `batches` while Keras's progress bar counts them; `total` may be None."""
    bar = keras.utils.Progbar(total, unit_name="batch")
    count = 0
    for count, batch in enumerate(batches, start=1):
        yield batch
        bar.update(count, finalize=False)
    bar.update(count, finalize=True)
