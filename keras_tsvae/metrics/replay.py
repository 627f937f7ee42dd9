"""Training examples that are drawn again."""

import numpy as np

from keras_tsvae.arrays.types import ArrayLike

_NEIGHBORS = 50
_QUANTILE = 0.05
_DISTANCES_AT_ONCE = 2**23


class Replay:
    r"""Tells how many samples lie as near to a training example as held-out ones hardly ever do.

    The nearness of an example is `r = d_1 / d_50`: how far its nearest training example is, and
    how far the 50th nearest. The threshold t is the 5 % quantile of r of held-out examples, and the
    figure the share of samples with `r <= t`: close to 0.05 where a model draws new examples, and
    1 where it draws training examples again.

    Since distances are held against those of the same neighbourhood, the figure hardly rises where
    a model only draws what is frequent, or smooth: where examples have a density that does not
    change over 50 neighbours in D directions, `P(r <= t) = 1 - (1 - t^D)^49`, whatever that
    density is. A model that draws copies with errors, such as the reconstructions of training
    images, shows as far as the errors are less than the distances between examples.

    Args:
        train: Array `(n, d)` of features of training examples, or their latent vectors, n at least
            2; of less than 50, `d_50` is the largest distance.
        held_out: Array `(m, d)` of examples of the same kind that the model was not trained on.

    Attributes:
        threshold: Float t.
        fair: Float, the share of the held-out examples with `r <= t`, which new samples would show
            as well: 0.05, more where held-out examples are copies of training examples.

    Raises:
        ValueError: If an argument is not as described.

    Source:
        Carlini et al. (2023), *Extracting Training Data from Diffusion Models*, for distances
        relative to those of 50 neighbours; Meehan et al. (2020), *A Non-Parametric Test to Detect
        Data-Copying in Generative Models*, for held-out examples as the measure.
    """

    def __init__(self, train: ArrayLike, held_out: ArrayLike) -> None:
        train = _check("train", train, fewest=2)
        self._center = train.mean(0, dtype="float64")  # near 0 squares of distances lose little
        self._train = (train - self._center).astype("float32")
        norms = np.square(self._train).sum(1, keepdims=True)
        self._factors = np.concatenate([self._train, norms], 1).T  # |b|^2 - 2 a . b in one product
        nearness = self._nearness(_check("held_out", held_out, train.shape[1]))
        self.threshold = float(np.quantile(nearness, _QUANTILE, method="inverted_cdf"))
        self.fair = float((nearness <= self.threshold).mean())

    @property
    def num_train(self) -> int:
        """The number of training examples."""
        return len(self._train)

    def share(self, samples: ArrayLike) -> float:
        """Returns the share of samples `(n, d)` that are no farther than the threshold."""
        nearness = self._nearness(_check("samples", samples, self._train.shape[1]))
        return float((nearness <= self.threshold).mean())

    def _nearness(self, points: np.ndarray) -> np.ndarray:
        """Returns `d_1 / d_50` of each point; 0 of a training example itself."""
        points = (points - self._center).astype("float32")
        rows = min(max(_DISTANCES_AT_ONCE // len(self._train), 1), len(points))
        squares = np.empty((rows, len(self._train)), "float32")
        blocks = [points[start : start + rows] for start in range(0, len(points), rows)]
        return np.concatenate(
            [self._nearness_of_block(block, squares[: len(block)]) for block in blocks]
        )

    def _nearness_of_block(self, points: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """Returns that of some points; `squares` is written over."""
        ones = np.ones((len(points), 1), "float32")
        np.matmul(np.concatenate([-2.0 * points, ones], 1), self._factors, out=squares)
        nearest = self._train[squares.argmin(1)]
        first = np.sqrt(np.square(points - nearest, dtype="float64").sum(1))  # 0 of equal rows
        last = min(_NEIGHBORS, len(self._train)) - 1
        squares.partition(last, axis=1)
        far = np.sqrt(np.maximum(squares[:, last] + np.square(points).sum(1), 0.0))
        return np.divide(first, far, out=np.zeros(len(points)), where=(first > 0) & (far > 0))


def replay_share(samples: ArrayLike, train: ArrayLike, held_out: ArrayLike) -> float:
    """Returns `Replay(train, held_out).share(samples)`.

    Args:
        samples: Array `(n, d)` of features of generated images, or of latent vectors.
        train: As `Replay` takes it.
        held_out: Likewise.
    """
    return Replay(train, held_out).share(samples)


def _check(name: str, rows: ArrayLike, width: int | None = None, fewest: int = 1) -> np.ndarray:
    """Returns `rows` as an array `(n, width)`, or raises a `ValueError`."""
    rows = np.asarray(rows)
    right = rows.ndim == 2 and len(rows) >= fewest and rows.shape[1] == (width or rows.shape[1])
    if not right or rows.dtype.kind not in "fiu" or not np.isfinite(rows).all():
        raise ValueError(
            f"`{name}` must be finite numbers of shape (n, {width or 'd'}), n at least {fewest}. "
            f"Received: dtype={rows.dtype}, shape={rows.shape}"
        )
    return rows
