"""Kernel Inception distance."""

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import ImagesLike, PathLike
from keras_tsvae.metrics.extractors import FeaturesLike
from keras_tsvae.metrics.feature_metric import measure
from keras_tsvae.metrics.reference_statistics import ReferenceStatistics
from keras_tsvae.metrics.sampled_metric import SampledMetric
from keras_tsvae.metrics.score import Score


class KernelInceptionDistance(SampledMetric):
    """The squared maximum mean discrepancy between features of generated and of real images.

    With the kernel `k(a, b) = (a . b / d + 1)^3`: the unbiased estimate on random subsets, and
    its mean and standard deviation over them. 0 at best, in the mean; it has no bias for small
    numbers of images. At most 10,000 features of each side are kept, drawn at random.

    Args:
        reference: As `FeatureMetric` takes it; not an `.npz` of `mu` and `sigma` alone.
        features: As `FeatureMetric` takes it.
        protocol: `"standard"` or `"dai-wipf"`. Defaults to `"standard"`.
        subsets: Positive int. Defaults to 100.
        subset_size: Int of at least 2, images in each; as many as there are, if there are fewer,
            and but one subset if that is all of both sides. Defaults to 1000.
        seed: Non-negative int, of the subsets. Defaults to 2020, as in torch-fidelity.
        max_features: Positive int, how many features of generated images are kept. Defaults to
            10,000.

    Raises:
        ValueError: If an argument is not as described.

    Source:
        Binkowski et al. (2018), *Demystifying MMD GANs*.
    """

    label = "KID"
    fewest = 2

    def __init__(
        self,
        reference: ReferenceStatistics | PathLike | ImagesLike,
        features: FeaturesLike | None = None,
        protocol: str = "standard",
        subsets: int = 100,
        subset_size: int = 1000,
        seed: int = 2020,
        max_features: int = 10_000,
    ):
        self.subsets = positive_int("subsets", subsets)
        self.subset_size = positive_int("subset_size", subset_size)
        if subset_size < 2:
            raise ValueError(f"`subset_size` must be at least 2. Received: {subset_size}")
        super().__init__(reference, features, protocol, max_features, seed)

    def result(self) -> Score:
        """Returns the distance as a `Score` with its standard deviation over the subsets."""
        generated, real = self._samples()
        size = min(self.subset_size, len(generated), len(real))
        rng = np.random.RandomState(self.seed)
        values = [
            _squared_mmd(
                generated[rng.choice(len(generated), size, replace=False)],
                real[rng.choice(len(real), size, replace=False)],
            )
            for _ in range(1 if size == len(generated) == len(real) else self.subsets)
        ]
        std = float(np.std(values)) if len(values) > 1 else None
        return self._score(np.mean(values), "KID", *self._counts(), std=std)


def _squared_mmd(a, b):
    """The unbiased estimate for samples `(n, d)` of equal size."""
    n, d = a.shape
    within = 0.0
    for x in (a, b):
        kernel = _cubed(x @ x.T / d + 1.0)
        within += (kernel.sum() - np.trace(kernel)) / (n * (n - 1))
    return within - 2.0 * _cubed(a @ b.T / d + 1.0).mean()


def _cubed(x):
    return x * x * x  # far faster than a power


def kernel_inception_distance(
    images: ImagesLike,
    reference: ReferenceStatistics | PathLike | ImagesLike,
    features: FeaturesLike | None = None,
    protocol: str = "standard",
    num_samples: int | None = None,
    seed: int | None = 0,
    stage: int | str = 2,
) -> Score:
    """Measures the `KernelInceptionDistance` in one call.

    Arguments are those of `keras_tsvae.metrics.frechet_inception_distance`; `reference` cannot be
    an `.npz` of `mu` and `sigma` alone.
    """
    metric = KernelInceptionDistance(reference, features, protocol)
    return measure(metric, images, num_samples, seed, stage)
