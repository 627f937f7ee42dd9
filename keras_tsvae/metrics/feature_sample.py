"""A random sample of features that come in batches."""

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.metrics.feature_statistics import check_features


class FeatureSample:
    """Feature vectors drawn at random, without replacement, from all that came.

    All of them, in order, as long as they are no more than `max_features`; beyond it each has an
    equal chance to be kept (reservoir sampling), and memory grows no further.

    Args:
        max_features: Positive int, how many rows are kept at the most.
        seed: Non-negative int. Defaults to 0.

    Source:
        Vitter (1985), *Random Sampling with a Reservoir*; a batch takes as many places as a
        hypergeometric draw says.
    """

    def __init__(self, max_features: int, seed: int = 0):
        self.max_features = positive_int("max_features", max_features)
        self.num_seen = 0
        self._rng = np.random.default_rng(seed)
        self._chunks: list[np.ndarray] = []

    def __len__(self) -> int:
        """Returns the number of rows kept."""
        return sum(len(chunk) for chunk in self._chunks)

    @property
    def features(self) -> np.ndarray:
        """The rows kept, `(m, d)`; needs one at least."""
        if not self._chunks:
            raise ValueError("There must be at least 1 image. Received: none yet")
        if len(self._chunks) > 1:
            self._chunks = [np.concatenate(self._chunks)]
        return self._chunks[0]

    def update(self, features: np.ndarray) -> None:
        """Offers rows of features `(n, d)`."""
        dimensions = self._chunks[0].shape[1] if self._chunks else None
        self._offer(np.array(check_features(features, dimensions)), len(features))

    def merge(self, other: "FeatureSample") -> None:
        """Offers all that another `FeatureSample` has seen."""
        if other.num_seen > len(other) < self.max_features:
            raise ValueError(
                f"`other` must keep at least as many features as this sample, {self.max_features}. "
                f"Received: other.max_features={other.max_features}"
            )
        if other.num_seen:
            self._offer(other.features.copy(), other.num_seen)

    def restore(self, features: np.ndarray, num_seen: int) -> None:
        """Takes up the rows kept of `num_seen`."""
        self._chunks = [np.array(check_features(features))]
        self.num_seen = num_seen

    def _offer(self, rows, num_seen):
        """Adds `rows`, which stand for `num_seen` rows."""
        room = self.max_features - len(self)
        if self.num_seen == len(self) and num_seen == len(rows) <= room:
            self._chunks.append(rows)
        else:
            total = min(self.max_features, self.num_seen + num_seen)
            entering = self._rng.hypergeometric(num_seen, self.num_seen, total)
            staying = self._rng.permutation(len(self))[: total - entering]
            arriving = self._rng.permutation(len(rows))[:entering]
            if len(self) == total:  # in place: only the rows that leave are written over
                leaving = np.ones(total, bool)
                leaving[staying] = False
                self.features[leaving] = rows[arriving]
            else:
                kept = [self.features[np.sort(staying)]] if len(self) else []
                self._chunks = [np.concatenate([*kept, rows[np.sort(arriving)]])]
        self.num_seen += num_seen
