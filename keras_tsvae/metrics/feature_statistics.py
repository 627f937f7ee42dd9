"""Mean and covariance of features that come in batches."""

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import ArrayLike

_ROWS_AT_ONCE = 4096


class FeatureStatistics:
    """Mean and covariance of feature vectors, in float64, from batches of any size.

    Kept as the count, the mean, and the sum of products of deviations from the mean, which are
    combined batch by batch (Chan et al. 1979), so that nothing is lost to large means. Memory
    does not depend on the number of rows; statistics of several processes can be merged.

    Args:
        dimensions: Positive int, the width d of the features.

    Example:
        >>> statistics = keras_tsvae.metrics.FeatureStatistics(2048)
        >>> for images in batches:
        ...     statistics.update(features(images))
        >>> statistics.mean, statistics.covariance
    """

    def __init__(self, dimensions: int):
        self.dimensions = positive_int("dimensions", dimensions)
        self.num_samples: int | None = 0
        self.mean = np.zeros(self.dimensions)
        self._products = np.zeros((self.dimensions, self.dimensions))

    def update(self, features: ArrayLike) -> None:
        """Adds rows of features `(n, d)`; raises a `ValueError` if they are not finite."""
        features = check_features(features, self.dimensions)
        for start in range(0, len(features), _ROWS_AT_ONCE):
            rows = features[start : start + _ROWS_AT_ONCE].astype("float64")
            mean = rows.mean(0)
            rows -= mean
            self._combine(len(rows), mean, rows.T @ rows)

    def merge(self, other: "FeatureStatistics") -> None:
        """Adds the rows that another `FeatureStatistics` of the same width has seen."""
        if other.dimensions != self.dimensions:
            raise ValueError(
                f"`other` must have {self.dimensions} dimensions. Received: {other.dimensions}"
            )
        if other.num_samples is None:
            raise ValueError("`other` must know its number of images. Received: None")
        if other.num_samples:
            self._combine(other.num_samples, other.mean, other._products)

    def _combine(self, count, mean, products):
        if self.num_samples is None:
            raise ValueError(
                "Statistics of an unknown number of images must stay as they are. "
                "Received: more images"
            )
        total = self.num_samples + count
        difference = mean - self.mean
        self._products += products
        self._products += np.outer(difference, difference * (self.num_samples * count / total))
        self.mean = self.mean + difference * (count / total)
        self.num_samples = total

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance `(d, d)`; needs two rows at least."""
        if self.num_samples is None:
            return self._products
        if self.num_samples < 2:
            raise ValueError(
                "A covariance needs at least 2 rows of features. "
                f"Received: num_samples={self.num_samples}"
            )
        return self._products / (self.num_samples - 1)

    @classmethod
    def from_moments(
        cls, mean: ArrayLike, covariance: ArrayLike, num_samples: int | None = None
    ) -> "FeatureStatistics":
        """Returns the statistics of rows with that mean and covariance.

        Args:
            mean: Array `(d,)`.
            covariance: Array `(d, d)`.
            num_samples: Their number, or None if it is not known; then no more can be added.
                Defaults to None.

        Raises:
            ValueError: If the shapes do not fit or values are not finite.
        """
        mean, covariance = np.asarray(mean, "float64"), np.asarray(covariance, "float64")
        if mean.ndim != 1 or covariance.shape != 2 * mean.shape:
            raise ValueError(
                "`mean` must have shape (d,) and `covariance` (d, d). "
                f"Received: {mean.shape} and {covariance.shape}"
            )
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise ValueError("`mean` and `covariance` must be finite. Received: NaN or infinity")
        if np.diag(covariance).min() < 0:
            raise ValueError(
                "`covariance` must hold no negative variance. "
                f"Received: {np.diag(covariance).min()}"
            )
        if num_samples is not None:
            num_samples = positive_int("num_samples", num_samples)
        statistics = cls(len(mean))
        statistics.num_samples = num_samples
        statistics.mean = mean
        statistics._products = covariance * (1 if num_samples is None else num_samples - 1)
        return statistics


def check_features(features: ArrayLike, dimensions: int | None = None) -> np.ndarray:
    """Returns rows of features as an array, or raises a `ValueError`."""
    features = np.asarray(features)
    rule = "n" if dimensions is None else dimensions
    if features.ndim != 2 or dimensions not in (None, features.shape[1]) or 0 in features.shape:
        raise ValueError(
            f"`features` must have shape (n, {rule if dimensions else 'd'}), n at least 1. "
            f"Received: features.shape={features.shape}"
        )
    if features.dtype.kind not in "fiu" or not np.isfinite(features).all():
        raise ValueError(
            "`features` must hold finite numbers. Received: "
            f"{'NaN or infinity' if features.dtype.kind == 'f' else features.dtype}"
        )
    return features
