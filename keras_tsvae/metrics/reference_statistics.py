"""What is kept of real images, for generated ones to be held against."""

import typing
import warnings

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import ArrayLike, ImagesLike, PathLike
from keras_tsvae.files import expanded, written_beside
from keras_tsvae.metrics import reference_cache
from keras_tsvae.metrics.extractors import (
    Extractor,
    FeaturesLike,
    as_extractor,
    default_extractor,
)
from keras_tsvae.metrics.feature_sample import FeatureSample
from keras_tsvae.metrics.feature_statistics import FeatureStatistics, check_features
from keras_tsvae.metrics.keeps_extractor import KeepsExtractor
from keras_tsvae.metrics.protocols import check_images, to_uint8, with_channels
from keras_tsvae.metrics.sources import first_or_random, is_npz, source_batches
from keras_tsvae.reading.npz import read_npz


class ReferenceStatistics(KeepsExtractor):
    """Mean and covariance of real images' features, and a sample of the features themselves.

    The Fréchet distance needs the former; kernel distance, precision and recall the latter.

    Args:
        features: Feature extractor, as `keras_tsvae.metrics.as_extractor` takes it. Defaults to
            None: `InceptionV3Features()`, once images come.
        max_features: Positive int, how many feature vectors are kept. Defaults to 10,000.

    Example:
        >>> reference = keras_tsvae.metrics.ReferenceStatistics.from_images(test_images)
        >>> reference.save("cifar10_test.npz")  # pytorch-fid reads it, too
        >>> reference = keras_tsvae.metrics.ReferenceStatistics.load("cifar10_test.npz")
    """

    def __init__(self, features: FeaturesLike | None = None, max_features: int = 10_000):
        self._extractor = None if features is None else as_extractor(features)
        self._identity: str | None = None
        self.image_shape: tuple[int, ...] | None = None
        self.statistics: FeatureStatistics | None = None
        self.sample = FeatureSample(max_features)

    @property
    def extractor(self) -> Extractor:
        """The feature extractor."""
        if self._extractor is None:
            dimensions = None if self.statistics is None else self.statistics.dimensions
            self._extractor = default_extractor(self._identity, dimensions)
        self.check_identity(self._extractor.features_identity)
        return self._extractor

    @property
    def identity(self) -> str | None:
        """What the features are; None if only features of unknown origin came."""
        known = None if self._extractor is None else self._extractor.features_identity
        return self._identity or known

    @property
    def num_samples(self) -> int | None:
        """The number of real images; None if a loaded file does not say it."""
        return 0 if self.statistics is None else self.statistics.num_samples

    def update(self, images: ArrayLike) -> None:
        """Adds a batch of real images, uint8 or float in [0, 1]; floats are rounded to uint8."""
        images = self.fitted(check_images(images), "images")
        self.image_shape = self.image_shape or images.shape[1:]
        self._add(images)

    def update_features(self, features: np.ndarray) -> None:
        """Adds features of real images, `(n, d)`."""
        features = check_features(features)
        if self.statistics is None:
            self.statistics = FeatureStatistics(np.shape(features)[-1])
        self.statistics.update(features)
        self.sample.update(features)

    def merge(self, other: "ReferenceStatistics") -> None:
        """Adds what another process has seen, with the same features."""
        self.check_identity(other.identity)
        if other.statistics is not None:
            if self.statistics is None:
                self.statistics = FeatureStatistics(other.statistics.dimensions)
            self.statistics.merge(other.statistics)
            self.sample.merge(other.sample)
            self.image_shape = self.image_shape or other.image_shape

    def fitted(
        self, images: np.ndarray, name: str, extractor: Extractor | None = None
    ) -> np.ndarray:
        """Returns images for features that can be held against those of the real ones.

        Where the extractor does not make grey and RGB images alike, grey ones are repeated for a
        reference of RGB images, and RGB ones whose channels are equal are grey for a grey one.

        Args:
            images: Checked images.
            name: The argument that messages name.
            extractor: What takes their features. Defaults to None: that of the reference.

        Raises:
            ValueError: If images have another height or width than the real ones, or are in colour
                where those are grey.
        """
        if self.image_shape is None:
            return images
        if images.shape[1:3] != self.image_shape[:2]:
            raise ValueError(
                f"`{name}` must have the shape of the reference's images, {self.image_shape} "
                f"(height, width, channels). Received: {name} of shape {images.shape[1:]}"
            )
        if (extractor or self.extractor).converts_channels:
            return images
        return with_channels(images, self.image_shape[-1], name)

    @classmethod
    def from_images(
        cls,
        images: ImagesLike,
        features: FeaturesLike | None = None,
        num_images: int | None = None,
        max_features: int = 10_000,
        cache_dir: PathLike | None = None,
    ) -> "ReferenceStatistics":
        """Takes the features of real images, or finds them where they were kept before.

        Features of arrays, `Split`s and folders are kept on the disk, by a digest of what the
        images hold and of the extractor; those of other sources, or by a function, are taken
        anew every time.

        Args:
            images: Array, `Split`, `tf.data.Dataset`, folder or iterable of batches, uint8 or
                float in [0, 1]. Pictures of a folder may differ in size if the extractor resizes
                them.
            features: As the constructor takes it.
            num_images: Positive int: of an array or a `Split` so many are drawn at random, of
                other sources the first are taken. Defaults to None: all.
            max_features: As the constructor takes it.
            cache_dir: Folder of kept features. Defaults to None: `keras_tsvae/references` in
                Keras's own folder.

        Raises:
            ValueError: If the images are not as described.
        """
        reference = cls(as_extractor(features), max_features)
        images, num_images = first_or_random(images, num_images)
        path = reference_cache.place(
            images, num_images, reference.extractor, max_features, cache_dir
        )
        if path and path.exists():
            try:
                return cls.load(path, reference.extractor, max_features)
            except ValueError as error:
                warnings.warn(
                    f"Kept features are damaged, and are taken anew: {error}", stacklevel=2
                )
        shapes = set()
        for batch in source_batches(images, num_images, "reference"):
            shapes.add(batch.shape[1:])
            reference._add(batch)
        reference.image_shape = shapes.pop() if len(shapes) == 1 else None
        if path:
            reference_cache.try_to_save(reference.save, path)
        return reference

    def save(self, path: PathLike) -> None:
        """Writes an `.npz` of `mu` and `sigma`, as pytorch-fid reads them, and all the rest.

        Raises:
            ValueError: If there are fewer than two images.
        """
        statistics = self._statistics()
        arrays: dict[str, typing.Any] = {
            "mu": statistics.mean,
            "sigma": statistics.covariance,
            "image_shape": self.image_shape or (),
            "identity": self.identity or "",
        }
        if self.num_samples is not None:
            arrays.update(num_samples=self.num_samples, features=self.sample.features)
        with written_beside(path) as partial, open(partial, "wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(
        cls, path: PathLike, features: FeaturesLike | None = None, max_features: int = 10_000
    ) -> "ReferenceStatistics":
        """Opens an `.npz` written by `save`, or by pytorch-fid with `mu` and `sigma` alone.

        Args:
            path: The file.
            features: As the constructor takes it.
            max_features: As the constructor takes it; no less than the file holds.

        Raises:
            ValueError: If the file is missing or is no such file, or holds other features.
        """
        max_features = positive_int("max_features", max_features)
        try:
            arrays = read_npz(expanded(path))
            mean, covariance = arrays["mu"], arrays["sigma"]
            sample = arrays.get("features", np.empty((0, len(mean)), "float32"))
            if sample.shape[1:] != mean.shape:
                raise ValueError(f"its features are {sample.shape}, its mean {mean.shape}")
            count = int(arrays["num_samples"]) if "num_samples" in arrays else None
            statistics = FeatureStatistics.from_moments(mean, covariance, count)
            image_shape = tuple(map(int, arrays.get("image_shape", ()))) or None
            kept = FeatureSample(max(len(sample), max_features))
            if len(sample):
                kept.restore(sample, len(sample) if count is None else count)
        except Exception as error:  # there is hardly an error that a damaged file cannot cause
            raise ValueError(
                "`path` must be an .npz file with `mu` (d,) and `sigma` (d, d). "
                f"Received: path={str(path)!r} ({error!r})"
            ) from error
        reference = cls(features, kept.max_features)
        reference.statistics = statistics
        reference.sample = kept
        reference.image_shape = image_shape
        reference._identity = str(arrays.get("identity", "")) or None
        if reference._extractor is not None:
            reference.check_identity(reference._extractor.features_identity)
        return reference

    def __getstate__(self) -> dict[str, typing.Any]:
        """Returns what other processes need to merge; they take no features anew."""
        return {**self.__dict__, "_extractor": None, "_identity": self.identity}

    def _add(self, images):
        self.update_features(self.extractor(to_uint8(images)))

    def _statistics(self):
        if self.statistics is None:
            raise ValueError("`reference` must hold images. Received: none yet")
        return self.statistics

    def check_identity(self, identity: str | None) -> None:
        """Raises a `ValueError` if features of that identity are not those kept here."""
        if identity is not None and self.identity not in (None, identity):
            raise ValueError(
                f"`reference` must hold the features {identity!r}. Received: {self.identity!r}"
            )


def as_reference(
    reference: ReferenceStatistics | PathLike | ImagesLike,
    features: FeaturesLike | None = None,
    num_images: int | None = None,
) -> ReferenceStatistics:
    """Returns a `ReferenceStatistics`: one as it is, an `.npz` loaded, or of real images.

    Args:
        reference: A `ReferenceStatistics`, the path of an `.npz`, or images.
        features: Feature extractor, or None for that of the reference.
        num_images: As `ReferenceStatistics.from_images` takes it. Defaults to None.

    Raises:
        ValueError: If it is none of these.
    """
    if reference is None:
        raise ValueError(
            "`reference` must be real images, their statistics or the path of an .npz. "
            "Received: None"
        )
    if isinstance(reference, ReferenceStatistics):
        return reference
    if is_npz(reference):
        return ReferenceStatistics.load(reference, features)
    return ReferenceStatistics.from_images(reference, features, num_images)
