"""How many features are kept, and which."""

import numpy as np
import pytest

from keras_tsvae import metrics
from keras_tsvae.metrics import FeatureSample, ReferenceStatistics
from tests.metrics import formulas, toy
from tests.metrics.toy import reference_of, result_of

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize(
    "make, most",
    [
        (metrics.KernelInceptionDistance, 10_000),
        (metrics.PrecisionRecall, 10_000),
        (lambda _: metrics.InceptionScore(), 50_000),
    ],
)
def test_as_many_features_are_kept_as_the_metric_says(make, most):
    metric = make(ReferenceStatistics())
    for _ in range(2):
        metric.sample.update(np.zeros((most // 2 + 5, 2)))
    assert len(metric.sample) == most and metric.sample.num_seen == most + 10


def test_figures_count_all_images_and_keep_some():
    real, fake = toy.rows(90), toy.rows(80, seed=1)
    metric = metrics.PrecisionRecall(reference_of(real), max_features=30)
    precision, recall = result_of(metric, fake)
    assert len(metric.sample) == 30 and precision.num_samples == recall.num_samples == 80
    kept = metric.sample.features
    assert (precision, recall) == formulas.precision_recall(kept, real)
    score = metrics.InceptionScore(max_features=30)
    score.update_logits(fake)
    assert len(score.sample) == 30 and score.result().num_samples == 80


def test_a_sample_does_not_change_with_a_buffer_that_is_used_again():
    sample, buffer = FeatureSample(10), np.ones((3, 2))
    sample.update(buffer)
    buffer[:] = 0
    assert (sample.features == 1).all()


def test_a_sample_keeps_all_in_order_up_to_its_size():
    sample = FeatureSample(100)
    for part in np.split(np.arange(100.0)[:, None], 4):
        sample.update(part)
    np.testing.assert_array_equal(sample.features[:, 0], np.arange(100.0))


@pytest.mark.parametrize("merged", [False, True])
def test_a_sample_is_uniform_and_without_repetition(merged):
    counts = np.zeros(60)
    for seed in range(400):
        sample, other = FeatureSample(20, seed), FeatureSample(20, 10_000 + seed)
        for start in range(0, 60, 12):
            part = np.arange(start, start + 12.0)[:, None]
            (other if merged and start >= 24 else sample).update(part)
        if merged:
            sample.merge(other)
        kept = sample.features[:, 0].astype(int)
        assert len(set(kept)) == 20 and sample.num_seen == 60
        counts[kept] += 1
    # Each row is kept with probability 1/3: 133 +- 9.4 times.
    assert np.abs(counts - 400 / 3).max() < 4.5 * 9.4


def test_merging_leaves_the_other_sample_as_it_is():
    sample, other = FeatureSample(10), FeatureSample(10)
    other.update(np.zeros((10, 1)))
    sample.merge(other)
    sample.update(np.ones((1000, 1)))
    assert sample.features.any() and not other.features.any()


def test_a_sample_merges_no_smaller_one_that_left_rows_out():
    sample, small = FeatureSample(20), FeatureSample(10)
    small.update(np.zeros((10, 1)))
    sample.merge(small)  # it has left nothing out
    small.update(np.zeros((1, 1)))
    with pytest.raises(ValueError, match="at least as many .* 20. Received: other.max_features=10"):
        sample.merge(small)


def test_rows_kept_stand_for_all_that_were_seen():
    entered = []
    for seed in range(200):
        sample = FeatureSample(20, seed)
        sample.restore(np.zeros((20, 1)), 180)
        sample.update(np.ones((20, 1)))
        assert sample.num_seen == 200
        entered.append(sample.features.sum())
    assert 1.5 < np.mean(entered) < 2.5  # of 20, a tenth
