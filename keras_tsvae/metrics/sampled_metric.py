"""What the metrics share that need the features themselves, not sums of them."""

import numpy as np

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.types import ImagesLike, PathLike
from keras_tsvae.metrics.extractors import FeaturesLike
from keras_tsvae.metrics.feature_metric import FeatureMetric
from keras_tsvae.metrics.feature_sample import FeatureSample
from keras_tsvae.metrics.reference_statistics import ReferenceStatistics


class SampledMetric(FeatureMetric):
    """A metric of a bounded random sample of features of generated images.

    Args:
        reference: As `FeatureMetric` takes it.
        features: As `FeatureMetric` takes it.
        protocol: `"standard"` or `"dai-wipf"`.
        max_features: Positive int, how many features are kept.
        seed: Non-negative int, for what `result` draws at random. Defaults to 0.
    """

    reference: ReferenceStatistics

    def __init__(
        self,
        reference: ReferenceStatistics | PathLike | ImagesLike,
        features: FeaturesLike | None,
        protocol: str,
        max_features: int,
        seed: int = 0,
    ):
        self.max_features = positive_int("max_features", max_features)
        self.seed = non_negative_int("seed", seed)
        super().__init__(reference, features, protocol)

    def reset(self) -> None:
        """Forgets all generated images."""
        self.sample = FeatureSample(self.max_features)

    def update_features(self, features: np.ndarray) -> None:
        """Adds features of generated images, `(n, d)`."""
        self.sample.update(self._check_width(features))

    def _merge(self, other):
        self.sample.merge(other.sample)

    def _samples(self):
        """Returns features of generated and of real images, of each at least `fewest`."""
        self._check_sample("images", self.sample)
        self._check_reference()
        samples = (self.sample, self.reference.sample)
        return tuple(sample.features.astype("float64") for sample in samples)

    def _check_reference(self):
        self._check_sample("reference", self.reference.sample)

    def _check_sample(self, side, sample):
        if len(sample) < self.fewest:
            raise ValueError(
                f"{self.label} needs features of at least {self.fewest} images of `{side}`, not "
                f"statistics alone. Received: features of {len(sample)}"
            )

    def _counts(self) -> tuple[int, int | None]:
        return self.sample.num_seen, self.reference.num_samples
