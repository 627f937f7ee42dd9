"""The table of figures of a model."""

import json
import warnings

import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae import TwoStageVAE, metrics
from keras_tsvae.data import Split
from tests import tiny
from tests.callbacks import linear
from tests.conditions import toy
from tests.models.affine import AffineSecondStage

pytestmark = pytest.mark.filterwarnings("ignore:FID of")


class Quarters(metrics.extractors.FunctionFeatures):
    """Means over the quarters of 8x8 images, with two classes: brighter above or below."""

    has_classes = True

    def __init__(self):
        super().__init__(self.means)

    def means(self, images):
        quarters = np.asarray(images, "float64").reshape(len(images), 2, 4, 2, 4)
        return quarters.mean((2, 4)).reshape(len(images), 4)

    def class_logits(self, features):
        return features[:, :2] - features[:, 2:]


@pytest.fixture(scope="module")
def model():
    model = linear.two_stage()
    model.fit(tiny.images(96), batch_size=32, verbose=0)
    return model


def test_every_figure_is_that_of_its_own_metric(model):
    test, features = tiny.images(60, seed=1), Quarters()
    report = model.evaluate_generation(test, features, num_samples=50, seed=4, verbose=0)
    assert list(report) == ["reconstruction", "stage1", "stage2", "gaussian"]
    samples = model.sample(50, stage=1, seed=4)
    arguments = (samples, test, features)
    precision, recall = metrics.precision_recall(*arguments)
    expected = {
        "fid": metrics.frechet_inception_distance(*arguments),
        "kid": metrics.kernel_inception_distance(*arguments),
        "is": metrics.inception_score(samples, features),
        "precision": precision,
        "recall": recall,
    }
    assert report["stage1"].keys() == {*expected, "log_prob"}
    assert report["reconstruction"].keys() == expected.keys()
    for name, score in expected.items():
        np.testing.assert_allclose(report["stage1"][name], score, rtol=1e-5, err_msg=name)
    plain = report.to_dict()["stage1"]
    deviations = {name: report["stage1"][name].std for name in ("is", "kid")}
    assert deviations["is"] > 0 and deviations["kid"] > 0
    assert {name: plain[f"{name}_std"] for name in deviations} == deviations
    assert not {"fid_std", "precision_std", "recall_std"} & set(plain)
    kept = np.sort(np.random.default_rng(0).permutation(60)[:50])
    np.testing.assert_allclose(
        report["reconstruction"]["fid"],
        metrics.frechet_inception_distance(model.reconstruct(test[kept]), test, features),
        rtol=1e-5,
    )


def test_every_figure_is_of_the_protocol_asked_for(model):
    test, features = tiny.images(60, seed=1), Quarters()
    report = model.evaluate_generation(
        test, features, protocol="dai-wipf", num_samples=50, seed=4, batch_size=20, verbose=0
    )
    samples = model.sample(50, stage=2, seed=4)
    arguments = (samples, test, features, "dai-wipf")
    precision, recall = metrics.precision_recall(*arguments)
    expected = {
        "fid": metrics.frechet_inception_distance(*arguments),
        "kid": metrics.kernel_inception_distance(*arguments),
        "is": metrics.inception_score(samples, features, "dai-wipf"),
        "precision": precision,
        "recall": recall,
    }
    for name, score in expected.items():
        found = report["stage2"][name]
        np.testing.assert_allclose(found, score, rtol=1e-4, atol=1e-9, err_msg=name)
        assert (found.protocol, found.num_samples) == ("dai-wipf", 50)


def test_the_table_warns_of_no_numbers_of_images(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        report = model.evaluate_generation(tiny.images(20), Quarters(), num_samples=20, verbose=0)
    assert report["stage2"]["fid"].num_samples == 20


def test_the_mixture_and_training_images_stand_beside(model):
    test, train = tiny.images(60, seed=1), tiny.images(96)
    model.fit_mixture(train, num_components=2, seed=0)
    report = model.evaluate_generation(
        test,
        lambda x: x.reshape(len(x), -1)[:, ::16],
        protocol="dai-wipf",
        num_samples=40,
        train=train,
        verbose=0,
    )
    kept = np.sort(np.random.default_rng(0).permutation(60)[:40])
    mixture = metrics.held_out_log_prob(model.mixture, model.posteriors(test[kept]))["log_prob"]
    model.mixture = None
    assert list(report) == ["train", "reconstruction", "stage1", "stage2", "mixture", "gaussian"]
    assert "is" not in report["stage2"]  # the features know no classes
    assert {score.protocol for row in report.values() for score in row.values()} == {"dai-wipf"}
    assert report["mixture"]["log_prob"] == pytest.approx(mixture, rel=1e-5)
    text = str(report)
    for part in ("training images", "mixture", "FID", "recall", "dai-wipf", "60 test images"):
        assert part in text
    numbers = report.to_dict()
    assert numbers["stage2"]["fid"] == report["stage2"]["fid"]
    assert type(numbers["stage2"]["fid"]) is float
    assert numbers["stage2"]["num_samples"] == 40 and numbers["stage2"]["num_reference"] == 60
    assert numbers == json.loads(json.dumps(numbers))


def test_held_out_nats_stand_in_the_rows_of_their_densities(model):
    test, train = tiny.images(60, seed=1), tiny.images(96)
    posteriors = model.posteriors(test)
    for others, seen in ((None, None), (train, model.posteriors(train))):
        report = model.evaluate_generation(
            test, Quarters(), num_samples=60, train=others, verbose=0
        )
        expected = metrics.held_out_log_prob(model.second_stage, posteriors, seen)
        found = {
            "log_prob_normal": report["stage1"]["log_prob"],
            "log_prob_gaussian": report["gaussian"]["log_prob"],
            "log_prob_bound": report["stage2"]["log_prob_bound"],
        }
        assert found == pytest.approx(expected, rel=1e-5)
        assert "≥" in str(report) and "single Gaussian" in str(report)
        plain = report.to_dict()
        assert plain["stage2"]["log_prob_bound"] == found["log_prob_bound"]
        assert plain["gaussian"] == {
            "log_prob": found["log_prob_gaussian"],
            "num_samples": 60,
            "num_reference": None,
        }
        caption = "fitted to them" if others is None else "fitted to 96 training images"
        assert caption in report.caption


def test_a_second_stage_without_a_density_says_so():
    model = TwoStageVAE(linear.first_stage(), AffineSecondStage(tiny.LATENT_DIM))
    report = model.evaluate_generation(
        tiny.images(20), Quarters(), num_samples=20, batch_size=20, verbose=0
    )
    assert not {"log_prob", "log_prob_bound"} & report["stage2"].keys()
    assert {"stage1", "gaussian"} == {name for name in report if "log_prob" in report[name]}
    assert "stage 2 has no log p(z)" in report.caption


def test_conditional_models_are_asked_under_labels_or_what_images_show():
    conditions = tsvae.conditions.Attributes(toy.NAMES)
    second = tsvae.SecondStageVAE(tiny.LATENT_DIM, 8, 1, condition_dim=3, conditioning="concat")
    model = tsvae.ConditionalTwoStageVAE(linear.first_stage(), second, conditions)
    model.joint = tsvae.conditions.JointConditions(toy.ROWS.astype("float32"), np.ones(6))
    images, labels = toy.data(40)
    inferred = model.posteriors(images)
    told = model.posteriors(images, condition=labels)
    wrong = labels[:, :2]  # not the conditions
    for test, posteriors in (
        (images, inferred),
        (Split(images, labels), told),
        (Split(images, wrong), inferred),
        (Split(images, 7 * labels), inferred),
    ):
        report = model.evaluate_generation(test, Quarters(), num_samples=40, verbose=0)
        expected = metrics.held_out_log_prob(model.second_stage, posteriors)["log_prob_bound"]
        assert report["stage2"]["log_prob_bound"] == pytest.approx(expected, rel=1e-5)
    assert inferred.condition_dim == 3 and (inferred.condition != told.condition).any()


def test_training_images_drawn_again_are_told_from_new_ones(model, monkeypatch):
    train, test, new = (tiny.images(n, seed=n) for n in (400, 300, 299))

    def sample_batches(self, n, stage, **options):
        return iter([(new if stage == 1 else train)[:n]])

    monkeypatch.setattr(type(model), "sample_batches", sample_batches)
    batches = iter([train[:150], train[150:]])  # to be read once
    report = model.evaluate_generation(test, Quarters(), num_samples=250, train=batches, verbose=0)
    assert report["train"]["replay"] == report["stage2"]["replay"] == 1.0
    assert report["stage1"]["replay"] < 0.15
    features = [Quarters()(images) for images in (new[:250], train, test)]
    assert report["stage1"]["replay"] == pytest.approx(metrics.replay_share(*features))
    assert report["stage2"]["replay"].num_reference == 400
    assert "400 training images as only 0.05 of the test images" in " ".join(report.caption.split())
    assert "replay ↓" in str(report) and report.to_dict()["stage2"]["replay"] == 1.0


def test_bad_arguments_are_refused(model):
    with pytest.raises(ValueError, match="`num_samples` must be"):
        model.evaluate_generation(tiny.images(9), Quarters(), num_samples=0)
    for bad in (iter([tiny.images(9)]), "real.npz", None):
        with pytest.raises(ValueError, match="`test` must be (an array of )?images"):
            model.evaluate_generation(bad, Quarters())
    with pytest.raises(ValueError, match="the model's images` must have the shape"):
        other = tiny.images(9, (16, 16, 1))
        model.evaluate_generation(other, lambda x: x.reshape(len(x), -1)[:, :4], verbose=0)
    with pytest.raises(ValueError, match="`protocol` must be one of"):
        model.evaluate_generation(tiny.images(9), Quarters(), protocol="fid")


def test_too_few_images_are_refused_before_any_is_drawn(model, monkeypatch):
    monkeypatch.setattr(type(model), "sample_batches", None)  # not called
    monkeypatch.setattr(type(model), "reconstruct", None)
    test, few = tiny.images(9), tiny.images(3)
    for arguments, message in (
        ((few, 10), "of at least 4 images of `test`, .* Received: features of 3"),
        ((few[:1], 10), "`test` must hold at least 2 images. Received: 1"),
        ((test, 3), "`num_samples` must be at least 4 .* Received: num_samples=3"),
        ((test, 9, few), "`train` must hold at least 4 images .* Received: 3"),
    ):
        images, count, *train = arguments
        with pytest.raises(ValueError, match=message):
            model.evaluate_generation(
                images, Quarters(), num_samples=count, train=train[0] if train else None, verbose=0
            )
