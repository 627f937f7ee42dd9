"""The second stage that chooses between a mixture and a flow."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import flat
from tests.models import family

pytestmark = pytest.mark.slow

SIZES = {"num_components": 1, "mixture_rounds": 5, "width": 32, "depth": 2}


def gaussian(n, seed=0):
    z = np.random.default_rng(seed).normal(size=(n, 2)).astype("float32")
    return tsvae.Posteriors(z, np.full_like(z, 0.05))


def circle(n, seed=0):
    """Which no Gaussian is like."""
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
    z = 2 * np.stack([np.cos(angles), np.sin(angles)], 1).astype("float32")
    return tsvae.Posteriors(z, np.full_like(z, 0.3))


def compiled(stage, rate=1e-2):
    stage.compile(keras.optimizers.Adam(rate))
    return stage


def fit(stage, posteriors, **options):
    options = {"batch_size": 256, "epochs": 8, "verbose": 0, **options}
    return stage.fit(posteriors, **options)


@pytest.fixture(scope="module")
def of_circle():
    """One that has chosen the flow."""
    keras.utils.set_random_seed(0)
    stage = compiled(tsvae.SecondStageAuto(2, **SIZES))
    fit(stage, circle(4000), epochs=25)
    return stage


@pytest.fixture(scope="module")
def of_gaussian():
    """One that has chosen the mixture, after all of its functions were compiled."""
    keras.utils.set_random_seed(0)
    stage = compiled(tsvae.SecondStageAuto(2, **SIZES))
    z = stage.sample(5, seed=0)
    stage.decode(stage.encode(z)[0])
    stage.log_prob(z)
    assert stage.choice is None
    history = fit(stage, gaussian(4000), epochs=2)
    assert list(history.history) == ["loss"] and history.epoch == [0, 1]
    return stage


def check_it_is(part, stage):
    """Compares all functions of one with those of the flow or the mixture."""
    z = stage.sample(50, seed=1)
    np.testing.assert_array_equal(z, part.sample(50, seed=1))
    u, std = stage.encode(z)
    np.testing.assert_allclose(u, part.encode(z)[0], atol=1e-5)
    assert (std == 0).all()
    np.testing.assert_allclose(stage.decode(u), part.decode(u), atol=1e-5)
    np.testing.assert_allclose(stage.decode(u), z, atol=1e-3)
    np.testing.assert_allclose(stage.log_prob(z), part.log_prob(z), atol=1e-5)


def test_it_is_the_flow_where_that_is_better(of_circle):
    choice = of_circle.choice
    assert choice.chosen == "flow" and choice.num_held_out == 400
    check_it_is(of_circle.flow, of_circle)
    held_out = circle(4000, seed=1)
    for part in ("flow", "mixture"):
        stage = getattr(of_circle, part)
        figure = tsvae.metrics.held_out_log_prob(stage, held_out)["log_prob"]
        assert abs(figure - getattr(choice, f"{part}_log_prob")) < 0.15
    loss = of_circle.evaluate(held_out, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(float(of_circle.evaluate(held_out, verbose=0)), abs=0.1)


def test_it_is_the_mixture_where_the_flow_gains_nothing(of_gaussian):
    assert of_gaussian.choice.chosen == "mixture"
    check_it_is(of_gaussian.mixture, of_gaussian)
    assert of_gaussian.evaluate(gaussian(500), verbose=0, return_dict=True) == {"loss": 0.0}


def test_the_choice_is_saved(of_circle, tmp_path):
    of_circle.save(tmp_path / "stage.keras")
    loaded = keras.saving.load_model(tmp_path / "stage.keras")
    assert loaded.choice == of_circle.choice
    np.testing.assert_array_equal(loaded.sample(5, seed=1), of_circle.sample(5, seed=1))


def test_a_later_fit_goes_on_and_chooses_again(of_gaussian, tmp_path, capsys):
    of_gaussian.save(tmp_path / "stage.keras")
    stage = compiled(keras.saving.load_model(tmp_path / "stage.keras"))
    start, seen = flat(stage.flow.mixture.means)[0], []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(stage.choice))
    held_out = circle(50, seed=1)
    history = fit(
        stage, circle(4000), callbacks=[watch], validation_data=held_out, epochs=9, verbose=2
    )
    assert seen == [None] * 9
    assert stage.choice.num_held_out == 50 and len(history.history["val_loss"]) == 9
    assert int(stage.flow.steps_averaged) == 2 * 14 + 9 * 15  # without those held out, and all
    np.testing.assert_array_equal(flat(stage.flow.mixture.means)[0], start)
    assert (flat(stage.mixture.means)[0] != flat(of_gaussian.mixture.means)[0]).any()
    assert capsys.readouterr().out.strip().endswith(f"SecondStageAuto: {stage.choice}")


def test_the_best_weights_are_what_it_chooses_by(of_gaussian, tmp_path):
    of_gaussian.save(tmp_path / "stage.keras")
    stage = compiled(keras.saving.load_model(tmp_path / "stage.keras"), rate=0.0)
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    best = keras.callbacks.EarlyStopping("loss", patience=5, restore_best_weights=True)
    fit(stage, gaussian(4000), epochs=2, callbacks=[backup, best])
    assert stage.choice.chosen == "mixture" and stage.choice.num_held_out == 400


def test_a_flow_that_has_diverged_is_not_chosen(of_circle, tmp_path):
    of_circle.save(tmp_path / "stage.keras")
    stage = keras.saving.load_model(tmp_path / "stage.keras")
    compiled(stage, rate=0.0)
    last = stage.flow.average[-1]
    last.assign(np.full(last.shape, 1e30))
    fit(stage, circle(300), batch_size=64, epochs=1)
    assert stage.choice.chosen == "mixture"
    assert np.isfinite(stage.sample(5, seed=0)).all()


@pytest.mark.parametrize("rows, batch_size", [(150, 16), (300, 300)])
def test_where_nothing_can_be_held_out_it_is_the_mixture(rows, batch_size, capsys):
    stage = compiled(tsvae.SecondStageAuto(2, **SIZES))
    fit(stage, circle(rows), batch_size=batch_size, epochs=1, verbose=2)
    assert stage.choice.chosen == "mixture" and stage.choice.num_held_out == 0
    assert "too few posteriors to hold out any" in capsys.readouterr().out
    np.testing.assert_array_equal(stage.sample(5, seed=0), stage.mixture.sample(5, seed=0))


def test_a_training_that_was_cut_off_goes_on(tmp_path):
    def fit_on(**callbacks):
        stage = compiled(tsvae.SecondStageAuto(2, **SIZES))
        stop = keras.callbacks.LambdaCallback(**callbacks)
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
        fit(stage, gaussian(300), batch_size=64, epochs=3, callbacks=[backup, stop])
        return stage

    def fail(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_on(on_epoch_begin=fail)
    stage = fit_on()
    assert int(stage.flow.steps_averaged) == 12 and stage.choice.num_held_out == 30


def test_the_table_of_figures_says_what_it_chose():
    def rows(images):
        return np.asarray(images, "float32").reshape(len(images), 8, 8).mean(2)

    second = family.with_random_weights(family.member("auto"))
    whole, images = tsvae.TwoStageVAE(tiny.first_stage(), second), tiny.images(40, seed=2)
    report = whole.evaluate_generation(images, rows, num_samples=40, verbose=0)
    assert f"stage 2: {second.choice}" in report.caption
    log_prob = tsvae.metrics.held_out_log_prob(second, whole.posteriors(images))["log_prob"]
    assert report["stage2"]["log_prob"] == pytest.approx(log_prob, rel=1e-4)
