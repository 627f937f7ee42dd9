"""The second stage that chooses between a mixture and a flow."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import flat

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


@pytest.mark.parametrize("name", ["of_circle", "of_gaussian"])
def test_the_choice_is_saved(name, request, tmp_path):
    stage = request.getfixturevalue(name)
    samples = stage.sample(5, seed=1)
    stage.save(tmp_path / "stage.keras")
    stage.save_weights(tmp_path / "stage.weights.h5")
    other = tsvae.SecondStageAuto(2, **SIZES)
    assert (other.sample(5, seed=1) != samples).any()
    other.build((None, 2))
    other.load_weights(tmp_path / "stage.weights.h5")
    for loaded in (keras.saving.load_model(tmp_path / "stage.keras"), other):
        assert loaded.choice == stage.choice
        np.testing.assert_array_equal(loaded.sample(5, seed=1), samples)


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


@pytest.mark.parametrize(
    "data, message",
    [
        ((np.zeros((60, 3)), np.ones((60, 3))), "posteriors of width 2"),
        ((np.zeros((60, 2)), -np.ones((60, 2))), "`std` must not be negative"),
        ((np.full((60, 2), np.nan), np.ones((60, 2))), "must be finite"),
        (np.zeros((60, 2)), "`Posteriors` or a pair of arrays"),
        ((np.zeros((60, 2)), np.ones((60, 2))), "`batch_size` must not exceed the number"),
    ],
)
def test_bad_posteriors_are_refused(data, message):
    stage = compiled(tsvae.SecondStageAuto(2, **SIZES))
    with pytest.raises(ValueError, match=message):
        fit(stage, data)
    assert stage.choice is None


def test_bad_validation_data_are_refused_before_the_training():
    stage = compiled(tsvae.SecondStageAuto(2, **SIZES))
    with pytest.raises(ValueError, match="`validation_data` must hold posteriors of width 2"):
        fit(stage, gaussian(300), validation_data=(np.zeros((9, 3)), np.ones((9, 3))))
    assert int(stage.flow.steps_averaged) == 0


def test_under_conditions():
    keras.utils.set_random_seed(0)
    labels = np.arange(1000) % 2
    condition = np.eye(2, dtype="float32")[labels]
    z = np.random.default_rng(0).normal(size=(1000, 2)) + 3 * condition
    data = (z.astype("float32"), np.full((1000, 2), 0.1, "float32"), condition)
    stage = compiled(tsvae.SecondStageAuto(2, **SIZES, condition_dim=2))
    fit(stage, data, epochs=1)
    assert stage.choice.num_held_out == 100
    for code in np.eye(2, dtype="float32"):
        drawn = stage.sample(2000, seed=0, condition=code)
        np.testing.assert_allclose(drawn.mean(0), 3 * code, atol=0.3)
        assert stage.log_prob(3 * code[None], condition=code) > -3


def test_in_half_precision():
    stage = compiled(tsvae.SecondStageAuto(2, **SIZES, dtype="mixed_float16"))
    fit(stage, gaussian(300), batch_size=64, epochs=1)
    assert stage.flow.velocity.compute_dtype == "float16"
    assert isinstance(stage.optimizer, keras.optimizers.LossScaleOptimizer)
    assert stage.choice.num_held_out == 30
    z = gaussian(20).mean
    np.testing.assert_allclose(stage.decode(stage.encode(z)[0]), z, atol=1e-4)


@pytest.fixture(scope="module")
def whole():
    keras.utils.set_random_seed(1)
    model = tsvae.TwoStageVAE(tiny.first_stage(), tsvae.SecondStageAuto(tiny.LATENT_DIM, **SIZES))
    model.compile("adam", keras.optimizers.Adam(1e-2))
    report = tsvae.callbacks.LatentReport(tiny.images(32, seed=1))
    history = model.fit(
        tiny.images(256), epochs=1, second_stage_epochs=2, verbose=0, callbacks=[report]
    )
    assert {"stage2_loss", "stage2_log_prob", "stage2_u_mmd"} <= set(history.history)
    return model


def test_a_whole_model_saves_it_and_draws_from_it(whole, tmp_path):
    assert whole.second_stage.choice.num_held_out == 25
    samples = whole.sample(5, seed=3)
    np.testing.assert_allclose(
        samples, whole.decode(whole.second_stage.sample(5, seed=3)), atol=1e-6
    )
    whole.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(5, seed=3), samples)
    assert loaded.second_stage.choice == whole.second_stage.choice


def test_the_table_of_figures_says_what_it_chose(whole):
    def rows(images):
        return np.asarray(images, "float32").reshape(len(images), 8, 8).mean(2)

    images = tiny.images(40, seed=2)
    report = whole.evaluate_generation(images, rows, num_samples=40, verbose=0)
    assert f"stage 2: {whole.second_stage.choice}" in report.caption
    assert report["stage2"]["log_prob"] == pytest.approx(
        tsvae.metrics.held_out_log_prob(whole.second_stage, whole.posteriors(images))["log_prob"],
        rel=1e-4,
    )


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports")
def test_a_saved_model_draws_what_it_draws(whole, tmp_path):
    import tensorflow as tf

    whole.export(tmp_path / "saved_model")
    sampler = tf.saved_model.load(str(tmp_path / "saved_model"))
    np.testing.assert_allclose(sampler.sample(5, seed=3), whole.sample(5, seed=3), atol=1e-5)


def test_presets_wrap_and_edits():
    model = tsvae.TwoStageVAE.from_preset(
        "digits", second_stage="auto", base_dim=4, fc_dim=16, train_size=96
    )
    assert isinstance(model.second_stage, tsvae.SecondStageAuto)
    first, second = model.first_stage, tsvae.SecondStageAuto(model.latent_dim, **SIZES)
    model = tsvae.TwoStageVAE(first, second)
    model.compile()
    images, labels = tiny.images(96), np.arange(96) % 2
    conditional = tsvae.ConditionalTwoStageVAE.wrap(model, tsvae.conditions.Classes(2))
    second = conditional.second_stage
    assert isinstance(second, tsvae.SecondStageAuto)
    assert (second.condition_dim, second.flow.width, second.mixture.num_components) == (2, 32, 1)
    conditional.compile()
    conditional.fit(images, labels, batch_size=32, second_stage_epochs=1, verbose=0)
    assert conditional.sample(3, condition=1, seed=0).shape == (3, 8, 8, 1)
    same = conditional.edit(images[:2], 0, condition=[0, 0])
    np.testing.assert_allclose(same, conditional.reconstruct(images[:2]), atol=1e-4)


@pytest.mark.parametrize(
    "name, value, rule",
    [
        ("num_components", 0, "a positive integer"),
        ("mixture_rounds", 0, "a positive integer"),
        ("width", 0, "a positive integer"),
        ("depth", 0, "a positive integer"),
        ("condition_dim", 0, "a positive integer"),
        ("seed", -1, "an integer of at least 0"),
    ],
)
def test_bad_arguments_are_named(name, value, rule):
    with pytest.raises(ValueError, match=f"`{name}` must be {rule}"):
        tsvae.SecondStageAuto(2, **{name: value})
