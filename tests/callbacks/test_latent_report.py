import csv

import keras
import numpy as np
import pytest

from keras_tsvae import (
    ConditionalTwoStageVAE,
    Posteriors,
    SecondStageMixture,
    SecondStageVAE,
)
from keras_tsvae.callbacks import LatentReport
from keras_tsvae.callbacks.stages import stage_in_training
from keras_tsvae.conditions import Attributes, JointConditions
from keras_tsvae.latents.statistics import LatentStatistics, draw
from keras_tsvae.metrics import held_out_log_prob
from tests import tiny
from tests.callbacks import linear
from tests.conditions import toy
from tests.models.affine import AffineSecondStage
from tests.reused import reused

NAMES = ("active_units", "inactive_units", "gaussian_kl", "spectrum_min", "spectrum_max", "mmd")
Z, U = ([f"{letter}_{name}" for name in NAMES] for letter in "zu")
NATS = ["log_prob_bound", "log_prob_normal", "log_prob_gaussian"]


def watching(report, model):
    """Begins as `fit` does."""
    report.set_model(model)
    report.set_params({"epochs": 1})
    report.on_train_begin()
    return report


def check(found, statistics):
    """The report is that of the present weights."""
    np.testing.assert_allclose(found.kl_per_unit, statistics.kl_per_unit, rtol=1e-4)
    np.testing.assert_allclose(found.mmd, statistics.mmd, rtol=1e-4, atol=1e-7)


def test_first_stage_by_hand(images, tmp_path):
    model, report = reused(linear.first_stage), LatentReport(images, num_images=40)
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = model.fit(images, batch_size=16, epochs=2, callbacks=[report, logger], verbose=0)
    (first, _, before), (last, stage, statistics) = report.reports
    assert (first, last, stage) == (0, 1, "stage1")
    check(statistics, LatentStatistics.from_posteriors(model.posteriors(images[:40])))
    assert (before.kl_per_unit != statistics.kl_per_unit).all()
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    for name in Z:
        expected = float(getattr(statistics, name[2:]))
        assert type(history.history[name][1]) is float
        assert history.history[name][1] == pytest.approx(expected)
        assert float(rows[1][name]) == pytest.approx(expected)


@pytest.mark.parametrize("as_pair", [False, True])
def test_second_stage_by_hand(as_pair):
    rng = np.random.default_rng(0)
    posteriors = Posteriors(rng.standard_normal((64, 4)), rng.uniform(0.1, 0.5, (64, 4)))
    model = tiny.second_stage()
    model.compile(keras.optimizers.SGD(1e-3), steps_per_execution=2)
    report = LatentReport((posteriors.mean, posteriors.std) if as_pair else posteriors)
    history = model.fit(posteriors, batch_size=16, epochs=1, callbacks=[report], verbose=0)
    [(epoch, stage, statistics)] = report.reports
    assert (epoch, stage) == (0, "stage2") and {*U, *NATS} <= set(history.history)
    for name, value in held_out_log_prob(model, posteriors).items():
        assert history.history[name] == [pytest.approx(value, rel=1e-5)]
    u = Posteriors(*model.encode(draw(posteriors, seed=1)))
    check(statistics, LatentStatistics.from_posteriors(u))


def test_both_stages(images, tmp_path):
    class Seen(keras.callbacks.Callback):
        logs, stages = [], []

        def on_epoch_end(self, epoch, logs=None):
            self.logs.append(dict(logs))
            self.stages.append(stage_in_training(self.model))

    model = reused(linear.two_stage)
    report, seen = LatentReport(images[:40], every=3, train=images), Seen()
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}_{z_mmd:.3f}.keras")
    history = model.fit(
        images,
        batch_size=16,
        epochs=1,
        second_stage_epochs=5,
        callbacks=[report, checkpoint, seen],
        second_stage_callbacks=[report, seen],
        verbose=0,
    )
    assert seen.stages == ["stage1"] + ["stage2"] * 5
    found = [(epoch, stage) for epoch, stage, _ in report.reports]
    assert found == [(0, "stage1"), (0, "stage2"), (2, "stage2"), (4, "stage2")]
    for logs, names in zip(seen.logs, [Z, U, [], U, [], U]):
        assert {name for name in logs if name[:2] in ("z_", "u_")} == set(names)
        assert {name for name in logs if name.startswith("log_prob")} == set(
            NATS if names == U else []
        )
    held_out, train = model.posteriors(images[:40]), model.posteriors(images)
    for name, value in held_out_log_prob(model.second_stage, held_out, train).items():
        assert history.history[f"stage2_{name}"][-1] == pytest.approx(value, rel=1e-5)
    z, *us = (statistics for _, _, statistics in report.reports)
    assert history.history["stage1_z_mmd"] == [z.mmd]
    assert history.history["stage2_u_mmd"] == [u.mmd for u in us]
    check(z, LatentStatistics.from_posteriors(model.first_stage.posteriors(images[:40])))
    assert [path.name for path in tmp_path.iterdir()] == [f"1_{z.mmd:.3f}.keras"]


def test_measuring_leaves_training_as_it_is(images):
    weights = []
    for callbacks in ([], [LatentReport(images)]):
        keras.utils.set_random_seed(0)
        model = tiny.second_stage()
        data = Posteriors(*np.random.default_rng(0).uniform(0.1, 1, (2, 48, 4)))
        callbacks = [LatentReport(data) for _ in callbacks]
        model.fit(data, batch_size=16, epochs=2, callbacks=callbacks, verbose=0)
        weights.append(model.get_weights())
    for without, with_report in zip(*weights):
        np.testing.assert_array_equal(without, with_report)


def test_as_many_images_or_posteriors_are_kept_as_it_says():
    many = np.zeros((5_007, *tiny.IMAGE_SHAPE), "uint8")
    assert len(LatentReport(many).data) == 5_000
    mean = np.arange(120.0).reshape(60, 2)
    for x in (Posteriors(mean, mean + 1), (mean, mean + 1)):
        kept = LatentReport(x, num_images=41).data
        np.testing.assert_array_equal(kept.mean, mean[:41])
        np.testing.assert_array_equal(kept.std, mean[:41] + 1)


def test_it_is_measured_as_in_inference(images):
    """With moving statistics of batch normalisation, which are not those of a batch."""
    model = tiny.first_stage()
    model.encode(images[:1])
    report, logs = watching(LatentReport(images), model), {}
    report.on_epoch_end(0, logs)
    x = images.astype("float32") / 255
    expected = []
    for training in (False, True):
        mean, log_std = map(np.asarray, model.encoder(x, training=training))
        expected.append(0.5 * (mean**2 + np.exp(2 * log_std) - 2 * log_std - 1).mean(0))
    np.testing.assert_allclose(report.reports[0][2].kl_per_unit, expected[0], rtol=1e-4)
    assert np.abs(expected[1] - expected[0]).max() > 0.01


def test_a_model_that_has_diverged_is_reported_as_nan(images):
    model = reused(linear.first_stage)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    report, logs = watching(LatentReport(images), model), {"loss": 1.0}
    report.on_epoch_end(0, logs)
    assert report.reports == [] and set(logs) == {"loss", *Z}
    assert all(np.isnan(logs[name]) for name in Z)


def test_second_stages_without_a_density_or_that_have_diverged():
    posteriors = Posteriors(*np.random.default_rng(0).uniform(0.1, 1, (2, 48, 4)))
    model = AffineSecondStage(4)
    report, logs = watching(LatentReport(posteriors, train=posteriors), model), {}
    report.on_epoch_end(0, logs)
    assert set(logs) == {*U, *NATS[1:]}
    assert np.isfinite(report.reports[0][2].kl_per_unit).all()
    model = tiny.second_stage()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    report, logs = watching(LatentReport(posteriors), model), {}
    report.on_epoch_end(0, logs)
    assert set(logs) == {*U, *NATS} and np.isnan(logs["log_prob_bound"])
    assert np.isfinite([logs[name] for name in NATS[1:]]).all()


def test_a_conditional_mixture_is_asked_under_the_conditions_that_images_show():
    second = SecondStageMixture(tiny.LATENT_DIM, 2, condition_dim=3)
    factor = np.eye(7)
    factor[3:, :3] = 0.5  # z goes with the condition
    second.assign_components(np.ones(1), np.zeros((1, 7)), factor[None])
    conditions = Attributes(toy.NAMES)
    model = ConditionalTwoStageVAE(linear.first_stage(), second, conditions)
    model.joint = JointConditions(toy.ROWS.astype("float32"), np.ones(6))
    x = toy.data(40)[0]
    report = LatentReport(x, train=x)
    report.set_model(model)
    report.check_model(model)
    report.prepare("stage2")
    found = report.look(0, "stage2", {})
    posteriors = model.posteriors(x)
    expected = held_out_log_prob(second, posteriors)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    moved = draw(posteriors, seed=1) - 0.5 * posteriors.condition.sum(1, keepdims=True)
    density = -0.5 * np.square(moved).sum(1) - 2 * np.log(2 * np.pi)
    assert found["log_prob"] == pytest.approx(density.mean(), rel=1e-4)
    statistics = report.reports[0][2]  # of u, which has no deviation
    assert np.isfinite(statistics.kl_per_unit).all() and statistics.active_units == 4


def test_images_of_every_form(images):
    tf = pytest.importorskip("tensorflow")

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return images[32 * index : 32 * (index + 1)]

    labels = np.arange(96)
    forms = [
        images,
        (images, labels),
        tf.data.Dataset.from_tensor_slices((images, labels)).batch(32),
        Batches(),
    ]
    for x in forms:
        np.testing.assert_array_equal(LatentReport(x, num_images=40).data, images[:40])
        np.testing.assert_array_equal(LatentReport(x).data, images)


def test_bad_arguments(images):
    for arguments in ({"every": 0}, {"num_images": 0}, {"x": images[..., 0]}, {"x": images / 9}):
        with pytest.raises(ValueError, match=f"`{[*arguments][0]}` must"):
            LatentReport(**{"x": images, **arguments})
    with pytest.raises(ValueError, match="`train` must"):
        LatentReport(images, train=images / 9)
    for arguments in ({"x": images[:1]}, {"x": images, "num_images": 1}):
        with pytest.raises(ValueError, match="`x` must hold at least 2 images"):
            LatentReport(**arguments)
    posteriors = Posteriors(np.zeros((8, 5)), np.ones((8, 5)))
    for x, model, rule in (
        (posteriors, linear.first_stage(), "must hold images where a FirstStageVAE"),
        (images, tiny.second_stage(), "must hold `Posteriors` or a pair"),
        (images[:, :4], linear.first_stage(), r"must hold images of shape \(8, 8, 1\)"),
        (posteriors, tiny.second_stage(), "must hold posteriors of the model's width 4"),
    ):
        with pytest.raises(ValueError, match=f"`x` {rule}"):
            watching(LatentReport(x), model)
        by_hand = isinstance(model, SecondStageVAE)
        good = Posteriors(np.zeros((8, 4)), np.ones((8, 4))) if by_hand else images
        with pytest.raises(ValueError, match=f"`train` {rule}"):
            watching(LatentReport(good, train=x), model)
    with pytest.raises(ValueError, match="`model` must be a FirstStageVAE"):
        watching(LatentReport(images), keras.Sequential())
