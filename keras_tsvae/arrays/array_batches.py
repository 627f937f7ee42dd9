"""Batches of arrays, cut on demand, for a fit."""

import typing
from collections.abc import Sequence

import keras
import numpy as np

from keras_tsvae.backend import local_replicas


class ArrayBatches(keras.utils.PyDataset):
    """Batches of equally long arrays, cut on demand: no copy of the arrays is made.

    Args:
        arrays: Tuple of arrays (or memory maps) of equal length.
        batch_size: Positive int.
        training: If true, every pass over the arrays has its own order, which depends on the
            attribute `seed` and its number alone, and drops the last partial batch;
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
        self.seed: typing.Any = np.random.randint(2**31) if shuffle else None
        self.steps: int | None = None
        self._epoch = -1  # before the first
        self._drawn: tuple[int, np.ndarray] | None = None

    def begin_at(self, epoch: int, seed: int | None = None, steps: int | None = None) -> None:
        """Sets what comes next, of a training.

        Args:
            epoch: Which epoch, counted from 0.
            seed: That of the orders. Defaults to None: as it is.
            steps: Batches of an epoch, which then need not be one pass over the arrays: it goes on
                where the one before has ended. Defaults to None: one pass.
        """
        self._epoch, self._drawn, self.steps = epoch - 1, None, steps
        self.seed = self.seed if seed is None else seed

    def __len__(self) -> int:
        """Returns the number of batches of an epoch."""
        if self.training:
            return self.steps or self._batches_of_pass()
        return -(-self._count() // max(self.batch_size, self.replicas))

    def _batches_of_pass(self) -> int:
        return self._count() // self.batch_size

    def _count(self) -> int:
        rows = len(self.arrays[0]) if self.rows is None else len(self.rows)
        return rows if self.training else rows - rows % self.replicas

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """Returns batch `index` of the epoch as a tuple."""
        if self.training:
            number = max(self._epoch, 0) * len(self) + index
            number, index = divmod(number, self._batches_of_pass())
            rows: slice | np.ndarray
            rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
            rows = rows if self.seed is None else self._order(number)[rows]
        else:
            share = self._count() / self.replicas / len(self)
            start, stop = (self.replicas * round(edge * share) for edge in (index, index + 1))
            rows = slice(start, stop)
        if self.rows is not None:
            rows = self.rows[rows]
        return tuple(np.array(array[rows]) for array in self.arrays)  # never a view

    def on_epoch_begin(self) -> None:
        """Goes on to the next epoch."""
        self._epoch += 1

    def _order(self, number: int) -> np.ndarray:
        """Returns the order of a pass over the arrays."""
        if self._drawn is None or self._drawn[0] != number:
            rng = np.random.default_rng((self.seed, number))
            self._drawn = number, rng.permutation(self._count())
        return self._drawn[1]


def check_divisible(name: str, batch_size: int) -> None:
    """Raises a `ValueError` unless a batch can be split evenly over the process's devices."""
    if batch_size % local_replicas():
        raise ValueError(
            f"`{name}` must be a multiple of the {local_replicas()} devices of this process. "
            f"Received: {name}={batch_size}"
        )
