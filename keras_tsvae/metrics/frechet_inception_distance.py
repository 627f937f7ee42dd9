"""Fréchet Inception distance."""

import warnings

import numpy as np

from keras_tsvae.arrays.types import ImagesLike, PathLike
from keras_tsvae.metrics.extractors import FeaturesLike
from keras_tsvae.metrics.feature_metric import FeatureMetric, measure
from keras_tsvae.metrics.feature_statistics import FeatureStatistics
from keras_tsvae.metrics.frechet import frechet_distance
from keras_tsvae.metrics.reference_statistics import ReferenceStatistics
from keras_tsvae.metrics.score import Score

FEWEST_SAMPLES = 2048


class FrechetInceptionDistance(FeatureMetric):
    """The Fréchet distance between features of generated and of real images.

    `FID = |m_r - m_g|^2 + Tr(S_r + S_g - 2 (S_r S_g)^(1/2))` of means and covariances of the
    features; 0 at best. Sums are kept in float64, and memory does not depend on the number of
    images. Below 2,048 images the figure is biased upwards and a warning says so; figures of
    different numbers of images cannot be compared in any case.

    Args:
        reference: As `FeatureMetric` takes it.
        features: As `FeatureMetric` takes it.
        protocol: `"standard"` or `"dai-wipf"`. Defaults to `"standard"`.

    Raises:
        ValueError: If an argument is not as described.

    Example:
        >>> fid = keras_tsvae.metrics.FrechetInceptionDistance(test_images)
        >>> for images in model.sample_batches(10_000, seed=0):
        ...     fid.update(images)
        >>> fid.result()
        FID 71.9 (standard protocol, 10,000 images against 10,000, features inception-v3-...)

    Source:
        Heusel et al. (2017), *GANs Trained by a Two Time-Scale Update Rule Converge to a Local
        Nash Equilibrium*.
    """

    label = "FID"
    fewest = 2
    reference: ReferenceStatistics

    def reset(self) -> None:
        """Forgets all generated images."""
        self.statistics: FeatureStatistics | None = None

    def update_features(self, features: np.ndarray) -> None:
        """Adds features of generated images, `(n, d)`."""
        features = self._check_width(features)
        if self.statistics is None:
            self.statistics = FeatureStatistics(features.shape[1])
        self.statistics.update(features)

    def _merge(self, other):
        if other.statistics is not None:
            if self.statistics is None:
                self.statistics = FeatureStatistics(other.statistics.dimensions)
            self.statistics.merge(other.statistics)

    def _check_reference(self):
        if self.reference.num_samples in (0, 1):
            raise ValueError(
                f"`reference` must hold at least 2 images. Received: {self.reference.num_samples}"
            )

    def result(self) -> Score:
        """Returns the distance as a `Score`; needs two images on each side."""
        real = _enough("reference", self.reference.statistics)
        generated = _enough("images", self.statistics)
        value = frechet_distance(real.mean, real.covariance, generated.mean, generated.covariance)
        counts = [s.num_samples for s in (real, generated) if s.num_samples is not None]
        if min(counts) < FEWEST_SAMPLES:
            warnings.warn(
                f"FID of {min(counts)} images, fewer than {FEWEST_SAMPLES}, is biased upwards; "
                "do not compare it with figures of other numbers of images",
                stacklevel=2,
            )
        return self._score(max(value, 0.0), "FID", generated.num_samples, real.num_samples)


def _enough(name: str, side: FeatureStatistics | None) -> FeatureStatistics:
    """Returns statistics of at least 2 images, or raises a `ValueError`."""
    if side is None or side.num_samples == 1:
        received = "none yet" if side is None else "1 image"
        raise ValueError(f"`{name}` must hold at least 2 images. Received: {received}")
    return side


def frechet_inception_distance(
    images: ImagesLike,
    reference: ReferenceStatistics | PathLike | ImagesLike,
    features: FeaturesLike | None = None,
    protocol: str = "standard",
    num_samples: int | None = None,
    seed: int | None = 0,
    stage: int | str = 2,
) -> Score:
    """Measures the `FrechetInceptionDistance` in one call.

    Args:
        images: Generated images: an array, a data set, a folder of pictures, an iterable of
            batches, or a model that draws them.
        reference: Real images in the same forms, a `ReferenceStatistics`, or the path of an
            `.npz` with `mu` and `sigma`.
        features: As `FrechetInceptionDistance` takes it.
        protocol: `"standard"` or `"dai-wipf"`. Defaults to `"standard"`.
        num_samples: How many generated images to take. Defaults to None: all, of a model 10,000.
        seed: What a model draws with. Defaults to 0.
        stage: Which stage of a `TwoStageVAE` draws. Defaults to 2.

    Returns:
        A `Score`.

    Raises:
        ValueError: If an argument is not as described.

    Example:
        >>> keras_tsvae.metrics.frechet_inception_distance(model, "folder/of/pictures")
    """
    metric = FrechetInceptionDistance(reference, features, protocol)
    return measure(metric, images, num_samples, seed, stage)
