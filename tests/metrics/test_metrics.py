"""Distances and scores of features, held against independent computations."""

import copy
import importlib
import itertools
import pickle
import warnings

import numpy as np
import pytest

from keras_tsvae import metrics
from keras_tsvae.metrics import ReferenceStatistics
from keras_tsvae.metrics.extractors import FunctionFeatures
from tests.metrics import formulas, toy
from tests.metrics.toy import reference_of, result_of

pytestmark = pytest.mark.backend_free


@pytest.fixture(autouse=True)
def few_images_are_meant():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "FID of")
        yield


def brute_force_mmd(a, b):
    """The unbiased estimate, pair by pair."""

    def kernel(x, y):
        return (x @ y / len(x) + 1) ** 3

    within = [np.mean([kernel(x, y) for x, y in itertools.permutations(s, 2)]) for s in (a, b)]
    return sum(within) - 2 * np.mean([kernel(x, y) for x in a for y in b])


def test_kernel_distance_of_all_images_is_the_unbiased_estimate():
    real, fake = toy.rows(40), toy.rows(40, seed=1, shift=0.2)
    kid = metrics.KernelInceptionDistance(reference_of(real), subsets=3)
    score = result_of(kid, fake)
    np.testing.assert_allclose(score, brute_force_mmd(fake, real), rtol=1e-9)
    assert score.std is None  # there is but one subset of all of them


def test_kernel_distance_is_the_mean_over_random_subsets():
    real, fake = toy.rows(60), toy.rows(70, seed=1)
    kid = metrics.KernelInceptionDistance(reference_of(real), subsets=5, subset_size=20, seed=3)
    rng = np.random.RandomState(3)
    values = []
    for _ in range(5):
        a = fake[rng.choice(70, 20, replace=False)]
        values.append(brute_force_mmd(a, real[rng.choice(60, 20, replace=False)]))
    score = result_of(kid, fake)
    np.testing.assert_allclose([score, score.std], [np.mean(values), np.std(values)], rtol=1e-9)


@pytest.mark.parametrize("fake, real", [(20, 31), (31, 20)])
def test_kernel_distance_takes_subsets_of_the_larger_set(fake, real):
    fake, real = toy.rows(fake), toy.rows(real, seed=1)
    score = result_of(metrics.KernelInceptionDistance(reference_of(real), subsets=7), fake)
    expected = formulas.kernel(fake, real, subsets=7, size=20)  # 1000, but for the smaller set
    np.testing.assert_allclose([score, score.std], expected, rtol=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1e7])
def test_precision_and_recall_count_what_lies_within_the_balls(offset):
    real, fake = toy.rows(60, 4) + offset, 0.6 * toy.rows(50, 4, seed=1) + offset + 0.2
    precision, recall = result_of(metrics.PrecisionRecall(reference_of(real)), fake)
    assert 0 < recall < precision
    np.testing.assert_allclose([precision, recall], formulas.precision_recall(fake, real))


def test_identical_sets_are_perfect():
    real = toy.rows(100)
    reference = reference_of(real)
    assert result_of(metrics.FrechetInceptionDistance(reference), real) < 1e-6
    assert result_of(metrics.PrecisionRecall(reference), real) == (1.0, 1.0)


def test_rounding_makes_no_distance_negative(monkeypatch):
    reference = reference_of(toy.rows(30))
    module = importlib.import_module("keras_tsvae.metrics.frechet_inception_distance")
    for value, expected in ((-1e-9, 0.0), (1e-9, 1e-9)):
        monkeypatch.setattr(module, "frechet_distance", lambda *moments: value)
        assert result_of(metrics.FrechetInceptionDistance(reference), toy.rows(30)) == expected


@pytest.mark.parametrize("dimensions", [3, 300])
@pytest.mark.parametrize("offset", [0.0, 0.4, 1e6])
def test_edges_of_balls_are_inside_however_sums_are_rounded(dimensions, offset):
    rng = np.random.default_rng(dimensions)
    once = rng.normal(size=(151, dimensions)) + offset
    real = rng.permutation(np.repeat(once, 5, axis=0))  # so that all radii are 0
    fake = rng.permutation(np.repeat(once[:30], 4, axis=0))
    reference = reference_of(real)
    assert result_of(metrics.PrecisionRecall(reference), fake) == (1.0, 30 / 151)
    assert result_of(metrics.PrecisionRecall(reference), fake + 1e-3) == (0.0, 0.0)


def test_points_at_the_distance_of_the_farthest_neighbor_are_inside():
    def on_a_line(*places):
        return np.array(places)[:, None] * [0.6, 0.8]

    reference = reference_of(on_a_line(*range(12)))  # of both ends the third neighbour is 3 away
    fake = on_a_line(14.0, -3.0, 5.0, 14.001, -3.001)
    precision, _ = result_of(metrics.PrecisionRecall(reference), fake)
    assert precision == 3 / 5


def test_sets_of_one_and_the_same_image_are_perfect():
    reference = reference_of(np.zeros((9, 5)))
    assert result_of(metrics.PrecisionRecall(reference), np.zeros((7, 5))) == (1.0, 1.0)


def test_inception_score_is_the_closed_form():
    logits = 3 * np.random.default_rng(0).normal(size=(90, 5))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    order = np.random.RandomState(2020).permutation(90)
    values = []
    for part in np.split(p[order], 3):
        values.append(np.exp(np.mean(np.sum(part * np.log(part / part.mean(0)), 1))))
    score = metrics.InceptionScore(splits=3)
    score.update_logits(logits[:40])
    score.update_logits(logits[40:] + 1000.0)  # the same odds
    result = score.result()
    np.testing.assert_allclose([result, result.std], [np.mean(values), np.std(values)], rtol=1e-9)


@pytest.mark.parametrize("n, splits", [(97, 10), (4, 10), (11, 2), (50, 1)])
def test_inception_score_uses_every_image_once(n, splits):
    logits = 3 * np.random.default_rng(n).normal(size=(n, 5))
    score = metrics.InceptionScore(splits=splits)
    score.update_logits(logits)
    result = score.result()
    expected = formulas.inception_score(logits, min(n, splits))
    np.testing.assert_allclose([result, result.std], expected, rtol=1e-9, atol=1e-12)


def test_inception_score_of_sure_and_even_classes_is_their_number():
    score = metrics.InceptionScore(splits=1)
    score.update_logits(np.tile(500.0 * np.eye(7), (3, 1)))
    np.testing.assert_allclose(score.result(), 7.0, rtol=1e-9)
    score.reset()
    score.update_logits(np.zeros((20, 7)))
    np.testing.assert_allclose(score.result(), 1.0, rtol=1e-9)


@pytest.mark.parametrize(
    "make",
    [
        metrics.FrechetInceptionDistance,
        metrics.PrecisionRecall,
        lambda reference: metrics.KernelInceptionDistance(reference, subsets=2, subset_size=30),
    ],
)
def test_merging_processes_gives_the_result_of_one(make):
    reference, fake = reference_of(toy.rows(80)), toy.rows(60, seed=1)
    first, second = make(reference), make(reference)
    first.update_features(fake[:25])
    second.update_features(fake[25:])
    first.merge(second)
    np.testing.assert_allclose(first.result(), result_of(make(reference), fake), rtol=1e-9)


def test_metrics_come_from_other_processes_by_pickle():
    reference, fake = ReferenceStatistics.from_images(toy.images(40), toy.features), toy.images(30)
    here, there = (metrics.PrecisionRecall(reference) for _ in range(2))
    here.update(fake[:10])
    there.update(fake[10:])
    here.merge(pickle.loads(pickle.dumps(there)))
    assert here.result() == metrics.precision_recall(fake, reference)


def test_only_metrics_of_a_kind_can_be_merged():
    reference = reference_of(toy.rows(20))
    fid = metrics.FrechetInceptionDistance(reference)
    for other in (
        None,
        fid,
        metrics.PrecisionRecall(reference),
        metrics.FrechetInceptionDistance(reference, protocol="dai-wipf"),
    ):
        with pytest.raises(ValueError, match="`other` must be another FrechetInceptionDistance"):
            fid.merge(other)


def test_only_metrics_of_the_same_features_can_be_merged():
    real = toy.images(30)

    def metric(name):
        return metrics.PrecisionRecall(real, FunctionFeatures(toy.features, name))

    one, same, other = metric("one"), metric("one"), metric("other")
    one.merge(same)
    with pytest.raises(ValueError, match="features 'one'. Received: .*'other'"):
        one.merge(other)
    with pytest.raises(ValueError, match="must hold the features 'two'. Received: 'one'"):
        metrics.PrecisionRecall(one.reference, FunctionFeatures(toy.features, "two"))


def test_a_score_tells_how_it_was_measured():
    fid = metrics.FrechetInceptionDistance(toy.images(40), toy.features, "dai-wipf")
    fid.update(toy.images(30, seed=1))
    score = fid.result()
    assert (score.protocol, score.num_samples, score.num_reference) == ("dai-wipf", 30, 40)
    assert "dai-wipf protocol, 30 images against 40, features features" in str(score)
    for again in (copy.copy(score), pickle.loads(pickle.dumps(score))):
        assert again == score and repr(again) == repr(score)


def test_few_images_raise_a_warning():
    fid = metrics.FrechetInceptionDistance(reference_of(toy.rows(3000)))
    fid.update_features(toy.rows(2048))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fid.result()
    fid.reset()
    fid.update_features(toy.rows(2047))
    with pytest.warns(UserWarning, match="2047 images"):
        fid.result()
    fid = metrics.FrechetInceptionDistance(reference_of(toy.rows(2047)))
    fid.update_features(toy.rows(2048))
    with pytest.warns(UserWarning, match="2047 images"):
        fid.result()


def test_too_few_images_are_refused():
    reference = reference_of(toy.rows(20))
    row = toy.rows(1, seed=1)
    for metric, rule in (
        (metrics.FrechetInceptionDistance, "`images` must hold at least 2 images"),
        (metrics.KernelInceptionDistance, "at least 2 images of `images`"),
        (metrics.PrecisionRecall, "at least 4 images of `images`"),
    ):
        with pytest.raises(ValueError, match="[Rr]eceived|least"):
            metric(reference).result()
        with pytest.raises(ValueError, match=rule):
            result_of(metric(reference), row)
    with pytest.raises(ValueError, match="at least 1 image"):
        metrics.InceptionScore().result()
    with pytest.raises(ValueError, match=r"`features` must have shape \(n, 16\)"):
        metrics.FrechetInceptionDistance(reference).update_features(toy.rows(5, 3))


def test_bad_settings_are_refused():
    reference = reference_of(toy.rows(20))
    with pytest.raises(ValueError, match="`protocol` must be one of standard, dai-wipf"):
        metrics.FrechetInceptionDistance(reference, protocol="uint8")
    with pytest.raises(ValueError, match="`neighbors` must be"):
        metrics.PrecisionRecall(reference, neighbors=0)
    with pytest.raises(ValueError, match="`subset_size` must be"):
        metrics.KernelInceptionDistance(reference, subset_size=0.5)
    with pytest.raises(ValueError, match="`subset_size` must be at least 2"):
        metrics.KernelInceptionDistance(reference, subset_size=1)
    with pytest.raises(ValueError, match="`splits` must be"):
        metrics.InceptionScore(splits=0)
    with pytest.raises(ValueError, match="`features` must know classes"):
        metrics.inception_score(toy.images(4), toy.features)


class Drawing:
    """A model that keeps what it is asked for."""

    def __init__(self, stages):
        self.calls = []
        if stages:
            self.second_stage = None

    def sample_batches(self, n, **options):
        self.calls.append((n, options))
        yield toy.images(n)


@pytest.mark.parametrize("stages", [False, True])
def test_a_model_is_told_how_to_draw(stages):
    model, real = Drawing(stages), toy.images(30)
    for arguments in ({"num_samples": 20, "seed": 3, "stage": 1}, {}):
        metrics.frechet_inception_distance(model, real, toy.features, **arguments)
    expected = [(20, {"seed": 3, "stage": 1}), (10_000, {"seed": 0, "stage": 2})]
    for _, options in expected:
        if not stages:
            del options["stage"]
    assert model.calls == expected


def test_dai_and_wipf_hold_against_ten_thousand(monkeypatch):
    monkeypatch.setattr("keras_tsvae.metrics.feature_metric.NUM_SAMPLES", 20)
    for protocol, count in (("dai-wipf", 20), ("standard", 30)):
        metric = metrics.PrecisionRecall(toy.images(30), toy.features, protocol)
        assert metric.reference.num_samples == count
