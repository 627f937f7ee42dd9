"""How many images a figure needs, said before any feature is taken."""

import pytest

from keras_tsvae import metrics
from tests.metrics import toy


@pytest.mark.parametrize(
    "make, fewest, label",
    [
        (metrics.FrechetInceptionDistance, 2, "FID"),
        (metrics.KernelInceptionDistance, 2, "KID"),
        (metrics.PrecisionRecall, 4, "Precision and recall"),
    ],
)
def test_a_figure_needs_a_few_images(make, fewest, label):
    metric = make(toy.images(fewest), toy.features)
    metric.check_counts(fewest)
    with pytest.raises(ValueError, match=f"`num_samples` must be at least {fewest} for {label}"):
        metric.check_counts(fewest - 1)
    with pytest.raises(ValueError, match=f"at least {fewest} images|at least {fewest} .*reference"):
        make(toy.images(fewest - 1), toy.features)
