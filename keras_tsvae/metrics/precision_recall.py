"""Improved precision and recall."""

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import ImagesLike, PathLike
from keras_tsvae.metrics.extractors import FeaturesLike
from keras_tsvae.metrics.feature_metric import measure
from keras_tsvae.metrics.reference_statistics import ReferenceStatistics
from keras_tsvae.metrics.sampled_metric import SampledMetric
from keras_tsvae.metrics.score import Score

_ROWS_AT_ONCE = 1024


class PrecisionRecall(SampledMetric):
    """How many generated images look real, and how much of the real ones is generated.

    Each set of features stands for the union of balls around its members that reach to their
    k-th nearest neighbour in the same set. Precision is the share of generated images within the
    balls of the real ones; recall the share of real images within the balls of the generated
    ones. Both lie in [0, 1]; what lies on the edge of a ball is within it. At most 10,000 features
    of each side are kept, drawn at random.

    Args:
        reference: As `FeatureMetric` takes it; not an `.npz` of `mu` and `sigma` alone.
        features: As `FeatureMetric` takes it.
        protocol: `"standard"` or `"dai-wipf"`. Defaults to `"standard"`.
        neighbors: Positive int k. Defaults to 3.
        max_features: Positive int, how many features of generated images are kept. Defaults to
            10,000.

    Raises:
        ValueError: If an argument is not as described.

    Source:
        Kynkäänniemi et al. (2019), *Improved Precision and Recall Metric for Assessing Generative
        Models*, section 3.
    """

    label = "Precision and recall"

    def __init__(
        self,
        reference: ReferenceStatistics | PathLike | ImagesLike,
        features: FeaturesLike | None = None,
        protocol: str = "standard",
        neighbors: int = 3,
        max_features: int = 10_000,
    ):
        self.neighbors = positive_int("neighbors", neighbors)
        self.fewest = self.neighbors + 1
        super().__init__(reference, features, protocol, max_features)

    def result(self) -> tuple[Score, Score]:
        """Returns precision and recall, a pair of `Score`s."""
        generated, real = self._samples()
        center = real.mean(0)  # near 0 squared distances lose nothing to large offsets
        generated, real = generated - center, real - center
        values = {
            "precision": _coverage(generated, real, self.neighbors),
            "recall": _coverage(real, generated, self.neighbors),
        }
        return tuple(self._score(value, name, *self._counts()) for name, value in values.items())


def _coverage(points, members, neighbors):
    """The share of `points` within the balls around `members`, edges included.

    Squared distances are `|a|^2 + |b|^2 - 2 a . b`, of which rounding can take or add as much as
    `d * eps` of `|a|^2 + |b|^2`. Radii are taken at their greatest and distances at their least,
    so that a point on the edge is inside however the sums were rounded: one that equals a member
    above all, even where that member's neighbours equal it, too, and its radius is 0.
    """
    rounding = (members.shape[1] + 2) * np.finfo("float64").eps
    radii = np.concatenate(
        [
            np.partition(distances, neighbors, axis=1)[:, neighbors]  # 0 is the member itself
            for distances in _squared_distances(members, members, 1.0 + rounding)
        ]
    )
    distances = _squared_distances(points, members, 1.0 - rounding)
    return float(np.concatenate([(rows <= radii).any(1) for rows in distances]).mean())


def _squared_distances(a, b, factor):
    """Yields squared distances of some rows of `a` to all rows of `b` at a time.

    The sum of both squared norms is multiplied by `factor`.
    """
    norms = np.square(b).sum(1)
    for start in range(0, len(a), _ROWS_AT_ONCE):
        rows = a[start : start + _ROWS_AT_ONCE]
        yield factor * (np.square(rows).sum(1)[:, None] + norms) - 2.0 * rows @ b.T


def precision_recall(
    images: ImagesLike,
    reference: ReferenceStatistics | PathLike | ImagesLike,
    features: FeaturesLike | None = None,
    protocol: str = "standard",
    num_samples: int | None = None,
    seed: int | None = 0,
    stage: int | str = 2,
) -> tuple[Score, Score]:
    """Measures `PrecisionRecall` in one call; returns the pair.

    Arguments are those of `keras_tsvae.metrics.frechet_inception_distance`; `reference` cannot be
    an `.npz` of `mu` and `sigma` alone.
    """
    metric = PrecisionRecall(reference, features, protocol)
    return measure(metric, images, num_samples, seed, stage)
