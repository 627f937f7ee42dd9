"""Posteriors that are kept aside."""

from collections.abc import Iterator

import numpy as np

from keras_tsvae.latents.posteriors import Posteriors

_ROWS_AT_ONCE = 4096


def hold_out(posteriors: Posteriors, n: int, seed: int) -> tuple[Posteriors, Posteriors]:
    """Splits posteriors at random into those to be trained on and `n` held out.

    Both keep their order. They are copies, in memory or, where they are large, in a file (see
    `Posteriors.from_batches`).

    Args:
        posteriors: `Posteriors`, more than `n`.
        n: Positive int.
        seed: Non-negative int; equal seeds hold out the same rows of equally many.
    """
    held_out = np.zeros(len(posteriors), bool)
    held_out[np.random.default_rng(seed).choice(len(posteriors), n, replace=False)] = True
    kept, others = (np.flatnonzero(rows) for rows in (~held_out, held_out))
    return _rows_of(posteriors, kept), _rows_of(posteriors, others)


def _rows_of(posteriors: Posteriors, rows: np.ndarray) -> Posteriors:
    def batches() -> Iterator[tuple[np.ndarray, ...]]:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            yield tuple(np.asarray(array[some], "float32") for array in posteriors.arrays)

    return Posteriors.from_batches(batches())
