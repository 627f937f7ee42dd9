"""The joint distribution of the training conditions, kept compactly."""

import functools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.backend import gather

MAX_ROWS = 200_000
RARELY = 0.05  # how often, to what chance would give, is taken as never: some labels are wrong
_NAMES = ("rows", "shape", "weights")


class JointConditions:
    """The distinct conditions of a training set, and how often each occurs.

    What a user leaves open is drawn from the rows that agree with what is named: so hair, beard and
    make-up go together as they did in training.

    Args:
        rows: Float array `(k, size)` of distinct coded conditions.
        counts: Array `(k,)` of how often each occurs.
    """

    def __init__(self, rows: ArrayLike, counts: ArrayLike) -> None:
        self.rows = np.asarray(rows, "float32")
        self.weights = np.asarray(counts, "float64")
        self.weights = self.weights / self.weights.sum()

    @classmethod
    def from_batches(cls, batches: Iterable[ArrayLike], seed: int = 0) -> "JointConditions":
        """Gathers coded conditions batch by batch, with memory for 200,000 distinct ones.

        Of more, every second example is left out at random, as often as need be. Processes that
        train one model together gather theirs.
        """
        rows: Any = None
        counts, rate = np.empty(0, int), 1.0
        rng = np.random.default_rng(seed)
        for codes in _blocks(batches):
            codes = codes if rate == 1 else codes[rng.random(len(codes)) < rate]
            rows = codes if rows is None else np.concatenate([rows, codes])
            counts = np.concatenate([counts, np.ones(len(codes), int)])
            rows, counts = _distinct(rows, counts)
            counts = counts.astype(int)
            while len(rows) > MAX_ROWS:
                counts, rate = rng.binomial(counts, 0.5), rate / 2
                rows, counts = rows[counts > 0], counts[counts > 0]
        rows, counts = (np.concatenate(gather(array)) for array in (rows, counts / rate))
        return cls(*_distinct(rows, counts))

    @property
    def center(self) -> np.ndarray:
        """The mean condition, `(size,)`."""
        return (self.weights @ self.rows).astype("float32")

    @property
    def spread(self) -> np.ndarray:
        """The standard deviation of each entry, `(size,)`; 1 for one that never changes."""
        variance = self.weights @ np.square(self.rows - self.center)
        return np.sqrt(np.where(variance > 0, variance, 1.0)).astype("float32")

    def draw(
        self, uniform: np.ndarray, values: np.ndarray | None = None, named: np.ndarray | None = None
    ) -> np.ndarray:
        """Returns whole conditions: what is named as asked for, the rest drawn jointly.

        Args:
            uniform: Numbers in [0, 1], `(n,)`, which pick the rows by their quantile.
            values: Coded values `(size,)`, or None to leave all open.
            named: Bool `(size,)`, which of them are asked for.

        Returns:
            A float32 array `(n, size)`.

        Raises:
            ValueError: If no training condition agrees with what is named.
        """
        if named is not None and named.all():
            return np.repeat(np.asarray(values, "float32")[None], len(uniform), axis=0)
        rows, cumulative = self.agreeing(values, named)
        return rows[np.searchsorted(cumulative, uniform)]

    def agreeing(
        self, values: np.ndarray | None = None, named: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the rows that agree with what is named, and their cumulative distribution."""
        rows, weights = self.rows, self.weights
        if values is not None and named is not None and named.any():
            agree = np.isclose(rows[:, named], values[named]).all(axis=1)
            if not agree.any():
                raise ValueError(
                    "`condition` must agree with at least one training example (name less, or "
                    "give a whole vector). Received one that contradicts all of them"
                )
            rows, weights = rows[agree], weights[agree]
        cumulative = np.cumsum(weights)
        return rows, cumulative / cumulative[-1]

    def possible(self, codes: ArrayLike) -> np.ndarray:
        """Returns which attribute vectors do not contradict what always holds in training.

        Two values may exclude one another, such as two colours of hair; and where all training
        examples with a value, such as "not bald", also have one of several that exclude its
        contrary, such as a colour of hair, then it demands one of these. As labels may be wrong,
        what is twenty times as rare as by chance counts as never, and 95 % as all.

        Args:
            codes: Coded attributes `(n, size)`.

        Returns:
            Bool `(n,)`.
        """
        apart, contrary, alone = self._rules
        asked = _two_columns(np.asarray(codes))
        excluded = asked * (asked @ apart) > 0
        lacking = asked * alone * (asked @ contrary.T == 0) > 0
        return ~(excluded | lacking).any(axis=1)

    @functools.cached_property
    def _rules(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which values exclude which, what excludes their contraries, and which need some of it."""
        seen = _two_columns(self.rows)
        share = self.weights @ seen
        together = (seen.T * self.weights) @ seen
        apart = ((together < RARELY * np.outer(share, share)) | (together == 0)).astype("float32")
        contrary = np.roll(apart, len(apart) // 2, axis=0)
        np.fill_diagonal(contrary, 0)  # the value itself
        alone = self.weights @ (seen * (seen @ contrary.T == 0)) < RARELY * share
        return apart, contrary, alone

    def flipped(self, codes: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Turns one attribute round, and with it another one if it cannot be alone.

        So someone with black hair who shall not have it gets the hair of most others, and a beard
        goes along with what says that there is none. Of all attributes that make the whole possible
        (see `possible`), the one is taken whose new value is most common in training.

        Args:
            codes: Coded attributes `(n, size)`.
            number: Int, which attribute to flip.

        Returns:
            The new codes, and a bool `(n,)`: which of them are possible.
        """
        size = codes.shape[1]
        codes = codes * np.where(np.arange(size) == number, -1, 1)
        found = self.possible(codes)
        for row in np.flatnonzero(~found):
            changed = codes[row] * (1 - 2 * np.eye(size, dtype=codes.dtype))
            able = self.possible(changed)
            able[number] = False
            if able.any():
                common = np.where(able, -codes[row] * self.center, -np.inf)
                codes[row], found[row] = changed[common.argmax()], True
        return codes, found

    def save_own_variables(self, store: Any) -> None:
        """Writes rows, as bits where they hold two values only, and their weights."""
        packed = np.unique(self.rows).size <= 2 and np.isin(self.rows, (-1, 1)).all()
        rows = np.packbits(self.rows > 0) if packed else self.rows
        for name, array in zip(_NAMES, (rows, self.rows.shape, self.weights)):
            store[f"joint_{name}"] = np.asarray(array)

    @classmethod
    def from_own_variables(cls, store: Any) -> "JointConditions | None":
        """Returns what `save_own_variables` wrote, or None if there is nothing."""
        if not {f"joint_{name}" for name in _NAMES} & {*store.keys()}:
            return None
        rows, shape, weights = (np.asarray(store[f"joint_{name}"]) for name in _NAMES)
        if rows.dtype == np.uint8:
            bits = np.unpackbits(rows, count=int(np.prod(shape))).reshape(shape)
            rows = 2.0 * bits - 1.0
        return cls(rows, weights)


def _two_columns(codes: np.ndarray) -> np.ndarray:
    """Returns one column for each attribute that is there, and one for each that is not."""
    return np.concatenate([codes > 0, codes <= 0], axis=1).astype("float32")


def _blocks(batches: Iterable[ArrayLike]) -> Iterator[np.ndarray]:
    """Joins small batches, so that few sorts are needed."""
    block, count = [], 0
    for codes in batches:
        block.append(np.asarray(codes, "float32"))
        count += len(block[-1])
        if count >= MAX_ROWS:
            yield np.concatenate(block)
            block, count = [], 0
    if block:
        yield np.concatenate(block)


def _distinct(rows: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns each row once, with the sum of its counts."""
    rows, index = np.unique(rows, axis=0, return_inverse=True)
    return rows, np.bincount(index.ravel(), counts)
