"""Inception score."""

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import ImagesLike
from keras_tsvae.metrics.extractors import FeaturesLike
from keras_tsvae.metrics.feature_metric import measure
from keras_tsvae.metrics.sampled_metric import SampledMetric
from keras_tsvae.metrics.score import Score


class InceptionScore(SampledMetric):
    """How sure a classifier is of each generated image, and how many classes it sees in all.

    `IS = exp E_x KL(p(y|x) || p(y))`, from 1 to the number of classes, on parts of the images
    in random order: its mean and standard deviation over them. It needs no real images. Logits of
    at most 50,000 images are kept, drawn at random. Inception's are taken without their bias, as
    by the original code.

    Args:
        features: Feature extractor with `class_logits`: `InceptionV3Features` of layer `"2048"`,
            or `ClassifierFeatures`. Defaults to None: `InceptionV3Features()`.
        protocol: `"standard"` or `"dai-wipf"`. Defaults to `"standard"`.
        splits: Positive int, the number of parts. Defaults to 10.
        seed: Non-negative int, of the order. Defaults to 2020, as in torch-fidelity.
        max_features: Positive int, how many images' logits are kept. Defaults to 50,000.

    Raises:
        ValueError: If an argument is not as described.

    Source:
        Salimans et al. (2016), *Improved Techniques for Training GANs*.
    """

    needs_reference = False
    reference: None  # type: ignore[assignment]
    label = "IS"

    def __init__(
        self,
        features: FeaturesLike | None = None,
        protocol: str = "standard",
        splits: int = 10,
        seed: int = 2020,
        max_features: int = 50_000,
    ):
        self.splits = positive_int("splits", splits)
        super().__init__(None, features, protocol, max_features, seed)
        if features is not None:
            self._check_classes()

    @property
    def identity(self) -> str | None:
        """What the class logits are; None if it is not known."""
        return self._known_identity if self._extractor is None else self._extractor.identity

    def update_features(self, features: np.ndarray) -> None:
        """Adds features of generated images, of which the extractor makes logits."""
        self._check_classes()
        self.update_logits(self.extractor.class_logits(features))

    def update_logits(self, logits: np.ndarray) -> None:
        """Adds class logits of generated images, `(n, classes)`."""
        self.sample.update(logits)

    def _check_classes(self):
        if not self.extractor.has_classes:
            raise ValueError(
                "`features` must know classes, by a method `class_logits`. "
                f"Received: {self.extractor.identity!r}"
            )

    def result(self) -> Score:
        """Returns the score as a `Score` with its standard deviation over the parts."""
        logits = self.sample.features
        splits = min(self.splits, len(logits))
        order = np.random.RandomState(self.seed).permutation(len(logits))
        bounds = [part * len(logits) // splits for part in range(splits + 1)]
        values = [_score(logits[order[a:b]]) for a, b in zip(bounds, bounds[1:])]
        std = float(np.std(values))
        return self._score(np.mean(values), "IS", self.sample.num_seen, std=std)


def _score(logits):
    logits = logits.astype("float64")
    logits -= logits.max(1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    p = np.exp(log_p)
    q = p.mean(0)
    log_q = np.log(q, out=np.zeros_like(q), where=q > 0)
    return np.exp((p * (log_p - log_q)).sum(1).mean())


def inception_score(
    images: ImagesLike,
    features: FeaturesLike | None = None,
    protocol: str = "standard",
    num_samples: int | None = None,
    seed: int | None = 0,
    stage: int | str = 2,
    splits: int = 10,
) -> Score:
    """Measures the `InceptionScore` in one call.

    Arguments are those of `keras_tsvae.metrics.frechet_inception_distance`, and `splits`.
    """
    return measure(InceptionScore(features, protocol, splits), images, num_samples, seed, stage)
