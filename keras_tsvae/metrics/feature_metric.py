"""What the metrics share: batches of generated images, turned into features."""

import typing
from collections.abc import Sequence

import numpy as np

from keras_tsvae.arrays.types import ArrayLike, ImagesLike, PathLike
from keras_tsvae.metrics.extractors import (
    Extractor,
    FeaturesLike,
    as_extractor,
    check_takes,
    default_extractor,
)
from keras_tsvae.metrics.feature_statistics import check_features
from keras_tsvae.metrics.keeps_extractor import KeepsExtractor
from keras_tsvae.metrics.protocols import check_images, check_protocol, prepare_generated
from keras_tsvae.metrics.reference_statistics import ReferenceStatistics, as_reference
from keras_tsvae.metrics.score import Score
from keras_tsvae.metrics.sources import is_model, source_batches

NUM_SAMPLES = 10_000  # of a model, unless it is told otherwise, and of a reference by Dai & Wipf


class FeatureMetric(KeepsExtractor):
    """Generated images, batch by batch, held against a reference.

    Subclasses keep what they need of the features in `update_features`, and make the figure of it
    in `result`.

    Args:
        reference: A `ReferenceStatistics`, or what it is made from: real images (array, `Split`,
            data set, folder), or the path of an `.npz` with `mu` and `sigma`.
        features: Feature extractor, as `keras_tsvae.metrics.as_extractor` takes it. Defaults to
            None: that of the reference, which by default is `InceptionV3Features()`.
        protocol: `"standard"` or `"dai-wipf"` (see `keras_tsvae.metrics.protocols`). Defaults to
            `"standard"`. Under `"dai-wipf"`, 10,000 real images are taken at the most.

    Raises:
        ValueError: If an argument is not as described.
    """

    needs_reference = True
    label: str  # what the figure is called
    fewest = 1  # images on each side

    def __init__(
        self,
        reference: ReferenceStatistics | PathLike | ImagesLike,
        features: FeaturesLike | None = None,
        protocol: str = "standard",
    ):
        self.protocol = check_protocol(protocol)
        self._extractor = None if features is None else as_extractor(features)
        self._known_identity: str | None = None
        self.reference: ReferenceStatistics | None = None
        if self.needs_reference:
            num_images = NUM_SAMPLES if protocol == "dai-wipf" else None
            self.reference = as_reference(reference, self._extractor, num_images)
            if self._extractor is not None:
                self.reference.check_identity(self._extractor.features_identity)
            if not isinstance(reference, ReferenceStatistics):  # which may grow
                self.check_counts()
        self.reset()

    @property
    def extractor(self) -> Extractor:
        """The feature extractor."""
        if self._extractor is None:
            self._extractor = (
                default_extractor(self._known_identity)
                if self.reference is None
                else self.reference.extractor
            )
        return self._extractor

    @property
    def identity(self) -> str | None:
        """What the features are; None if it is not known."""
        if self._extractor is not None:
            return self._extractor.features_identity
        if self._known_identity or self.reference is None:
            return self._known_identity
        return self.reference.identity

    def check_counts(self, num_samples: int | None = None) -> None:
        """Raises a `ValueError` if there will be too few images for a figure.

        Args:
            num_samples: How many generated images there will be. Defaults to None: not known.
        """
        if num_samples is not None and num_samples < self.fewest:
            raise ValueError(
                f"`num_samples` must be at least {self.fewest} for {self.label}. "
                f"Received: num_samples={num_samples}"
            )
        if self.reference is not None:
            self._check_reference()

    def check_image_shape(self, image_shape: Sequence[int]) -> None:
        """Raises a `ValueError` if generated images of that shape cannot be measured.

        Where only the features themselves can tell, those of one image are taken.
        """
        image_shape = tuple(image_shape)
        image = np.zeros((1, *image_shape), "uint8")
        image[..., 0] = 1  # in colour, if there are channels
        self._fitted(image, "the model's images")
        check_takes(self.extractor, image_shape)
        if self.extractor.dimensions is None:
            features = self.features_of(image)
        else:
            features = np.zeros((1, self.extractor.dimensions))
        if self.reference is not None:
            self._check_width(features)

    def reset(self) -> None:
        """Forgets all generated images."""
        raise NotImplementedError

    def update(self, images: ArrayLike) -> None:
        """Adds a batch of generated images, `(n, height, width, channels)`.

        Args:
            images: uint8, or float in [0, 1].

        Raises:
            ValueError: If they are not, or have another height or width than the reference's
                images, or are in colour where only grey ones can be measured.
        """
        self.update_features(self.features_of(images))

    def features_of(self, images: ArrayLike) -> np.ndarray:
        """Returns the features of generated images, prepared as the protocol says."""
        images = self._fitted(check_images(images), "images")
        return self.extractor(prepare_generated(images, self.protocol))

    def update_features(self, features: np.ndarray) -> None:
        """Adds features of generated images, `(n, d)`."""
        raise NotImplementedError

    def merge(self, other: "FeatureMetric") -> None:
        """Adds what another process has seen: a metric like this one, pickled or not.

        Raises:
            ValueError: If it is another metric, or of other features or another protocol.
        """
        ours, theirs = (
            (
                type(metric).__name__,
                getattr(metric, "protocol", None),
                getattr(metric, "identity", None),
            )
            for metric in (self, other)
        )
        if ours != theirs or other is self:
            raise ValueError(
                f"`other` must be another {ours[0]} of protocol {ours[1]!r} and features "
                f"{ours[2]!r}. Received: {theirs if other is not self else 'itself'}"
            )
        self._merge(other)

    def result(self) -> Score | tuple[Score, Score]:
        """Returns the figure as a `Score`, or two of them."""
        raise NotImplementedError

    def _merge(self, other):
        """Adds what another metric of this kind has seen."""
        raise NotImplementedError

    def _check_reference(self):
        """Raises a `ValueError` if the reference holds too little for a figure."""
        raise NotImplementedError

    def _fitted(self, images, name):
        if self.reference is None:
            return images
        return self.reference.fitted(images, name, self._extractor)

    def _check_width(self, features):
        """Returns features of the reference's width, or raises."""
        statistics = None if self.reference is None else self.reference.statistics
        return check_features(features, None if statistics is None else statistics.dimensions)

    def _score(self, value, name, num_samples, num_reference=None, std=None):
        identity = self.identity or "unknown"
        return Score(value, name, self.protocol, identity, num_samples, num_reference, std)

    def __getstate__(self) -> dict[str, typing.Any]:
        """Returns what other processes need to merge; they take no features anew."""
        return {**self.__dict__, "_extractor": None, "_known_identity": self.identity}


def measure(
    metric: FeatureMetric,
    images: ImagesLike,
    num_samples: int | None = None,
    seed: int | None = 0,
    stage: int | str = 2,
) -> typing.Any:
    """Feeds a metric with images from anywhere and returns its result.

    Args:
        metric: A `FeatureMetric`.
        images: Generated images in any form of `keras_tsvae.metrics.image_batches`, or a model.
        num_samples: How many images to take. Defaults to None: all, of a model 10,000.
        seed: What a model draws with. Defaults to 0.
        stage: Which stage a `TwoStageVAE` draws from. Defaults to 2.
    """
    sampling: dict[str, typing.Any] = {}
    if is_model(images):
        num_samples = NUM_SAMPLES if num_samples is None else num_samples
        sampling = (
            {"seed": seed}
            if not hasattr(images, "second_stage")
            else {"seed": seed, "stage": stage}
        )
        metric.check_counts(num_samples)
    for batch in source_batches(images, num_samples, **sampling):
        metric.update(batch)
    return metric.result()
