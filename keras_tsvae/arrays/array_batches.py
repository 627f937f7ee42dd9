"""Batches of arrays, cut on demand, for a fit."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_tsvae.backend import local_replicas


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

    def __init__(
        self,
        arrays: Sequence[np.ndarray],
        batch_size: int,
        training: bool,
        shuffle: bool = True,
        rows: np.ndarray | None = None,
    ) -> None:
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

    def __len__(self) -> int:
        """Returns the number of batches."""
        rows = self._count()
        if self.training:
            return rows // self.batch_size
        return -(-rows // max(self.batch_size, self.replicas))

    def _count(self) -> int:
        rows = len(self.arrays[0]) if self.rows is None else len(self.rows)
        return rows if self.training else rows - rows % self.replicas

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """Returns batch `index` as a tuple."""
        if self.training:
            rows: slice | np.ndarray
            rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
            rows = rows if self._order is None else self._order[rows]
        else:
            share = self._count() / self.replicas / len(self)
            start, stop = (self.replicas * round(edge * share) for edge in (index, index + 1))
            rows = slice(start, stop)
        if self.rows is not None:
            rows = self.rows[rows]
        return tuple(np.array(array[rows]) for array in self.arrays)  # never a view

    def on_epoch_begin(self) -> None:
        """Draws the epoch's order."""
        rng = self._rng if self.training else None
        self._order = None if rng is None else rng.permutation(self._count())


def check_divisible(name: str, batch_size: int) -> None:
    """Raises a `ValueError` unless a batch can be split evenly over the process's devices."""
    if batch_size % local_replicas():
        raise ValueError(
            f"`{name}` must be a multiple of the {local_replicas()} devices of this process. "
            f"Received: {name}={batch_size}"
        )
