"""Gaussian noise from seeds, for sampling."""

import random
from collections.abc import Iterator

import numpy as np

from keras_tsvae.arguments import non_negative_int
from keras_tsvae.backend import standard_normal

NOISE_BLOCK = 256  # rows drawn at a time; part of what a seed means, also in exported models
SEED_RANGE = 2**31 - 2


def noise_batches(
    n: int, dimensions: int, seed: int, batch_size: int, parts: int = 1
) -> Iterator[np.ndarray]:
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


def resolve_seed(seed: int | None) -> int:
    """Returns `seed` as a non-negative int; None is drawn from Python's `random`."""
    return random.randrange(SEED_RANGE) if seed is None else non_negative_int("seed", seed)
