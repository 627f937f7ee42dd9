"""The flow as a whole second stage."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import flat

pytestmark = pytest.mark.slow

LOG_2PI = np.log(2 * np.pi)
MEAN, FACTOR = np.array([0.5, -1.0]), np.array([[1.2, 0.0], [0.6, 0.6]])


def gaussian(n, seed=0):
    """Draws of N(MEAN, FACTOR FACTOR^T)."""
    return (np.random.default_rng(seed).normal(size=(n, 2)) @ FACTOR.T + MEAN).astype("float32")


def log_density(z):
    """Of the Gaussian above."""
    e = np.linalg.solve(FACTOR, (z - MEAN).T).T
    return -0.5 * np.square(e).sum(1) - LOG_2PI - np.log(np.diag(FACTOR)).sum()


def posteriors(n, seed=0):
    z = gaussian(n, seed)
    return tsvae.Posteriors(z, np.full_like(z, 1e-3))


def compiled(stage, steps=None, rate=3e-3):
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps) if steps else rate
    stage.compile(keras.optimizers.Adam(schedule))
    return stage


@pytest.fixture(scope="module")
def learned():
    """A flow that has learned a Gaussian from N(0, I) on, without a mixture."""
    keras.utils.set_random_seed(0)
    stage = tsvae.SecondStageFlow(2, mixture_rounds=0, width=32, depth=2)
    data = posteriors(8192)
    history = compiled(stage, 400).fit(
        data, epochs=25, batch_size=512, verbose=0, validation_data=data
    )
    return stage, history.history


def test_it_learns_a_gaussian(learned):
    stage, history = learned
    assert set(history) == {"loss", "val_loss"}
    assert history["loss"][-1] < history["loss"][0] < 0.0
    assert history["val_loss"][-1] < -1.0
    z = gaussian(4000, seed=1)
    assert abs((stage.log_prob(z) - log_density(z)).mean()) < 1e-2
    drawn = stage.sample(20_000, seed=0)
    np.testing.assert_allclose(drawn.mean(0), MEAN, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), FACTOR @ FACTOR.T, atol=0.1)


def test_u_and_z_are_inverse_and_the_density_is_that_of_the_map(learned):
    stage, _ = learned
    z = gaussian(300, seed=1)
    u, std = stage.encode(z)
    assert (std == 0).all()
    np.testing.assert_allclose(stage.decode(u), z, atol=1e-4)
    np.testing.assert_allclose(np.cov(u.T), np.eye(2), atol=0.2)
    step = 1e-2 * np.eye(2, dtype="float32")
    ends = [[stage.encode(z[:20] + sign * row)[0] for row in step] for sign in (1, -1)]
    jacobian = (np.array(ends[0]) - np.array(ends[1])).transpose(1, 2, 0) / 2e-2
    by_hand = -0.5 * np.square(u[:20]).sum(1) - LOG_2PI
    by_hand += np.linalg.slogdet(jacobian.astype("float64"))[1]
    np.testing.assert_allclose(stage.log_prob(z[:20]), by_hand, atol=2e-3)


def test_it_is_saved_with_its_average_and_goes_on(learned, tmp_path):
    stage, history = learned
    stage.save(tmp_path / "stage.keras")
    loaded = keras.saving.load_model(tmp_path / "stage.keras")
    np.testing.assert_array_equal(loaded.sample(5, seed=1), stage.sample(5, seed=1))
    for ours, theirs in zip(flat(loaded.average), flat(stage.average)):
        np.testing.assert_array_equal(ours, theirs)
    last = compiled(loaded, rate=1e-5).fit(posteriors(8192), batch_size=512, verbose=0)
    assert last.history["loss"][0] < 0.9 * history["loss"][-1] < 0.0
    assert int(loaded.steps_averaged) == 16 * 26


def test_the_average_follows_the_weights(learned):
    stage, _ = learned
    pairs = list(zip(flat(stage.average), flat(stage.velocity.weights)))
    assert all(0 < np.abs(average - now).max() < 0.1 for average, now in pairs)


def test_it_starts_as_the_mixture():
    stage = tsvae.SecondStageFlow(2, num_components=2, mixture_rounds=5, width=8, depth=1)
    compiled(stage, rate=1e-12)
    z = np.concatenate([gaussian(2000), gaussian(2000, 1) + [3, 3]]).astype("float32")
    history = stage.fit((z, np.full_like(z, 0.1)), batch_size=1000, epochs=2, verbose=0)
    assert len(history.epoch) == 2
    np.testing.assert_allclose(history.history["loss"], 0.0, atol=1e-6)
    np.testing.assert_allclose(stage.log_prob(z[:99]), stage.mixture.log_prob(z[:99]), atol=1e-4)
    u, _ = stage.encode(z[1900:2100])
    np.testing.assert_allclose(u, stage.mixture.encode(z[1900:2100])[0], atol=1e-5)
    np.testing.assert_allclose(stage.decode(u), z[1900:2100], atol=1e-4)


@pytest.fixture(scope="module")
def whole():
    keras.utils.set_random_seed(1)
    flow = tsvae.SecondStageFlow(tiny.LATENT_DIM, 2, width=8, depth=2)
    model = tsvae.TwoStageVAE(tiny.first_stage(), flow)
    model.compile("adam", keras.optimizers.Adam(1e-2))
    model.fit(tiny.images(96), batch_size=16, epochs=1, second_stage_epochs=2, verbose=0)
    return model


def test_a_whole_model_saves_it_and_draws_from_it(whole, tmp_path):
    samples = whole.sample(5, seed=3)
    np.testing.assert_allclose(
        samples, whole.decode(whole.second_stage.sample(5, seed=3)), atol=1e-6
    )
    whole.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(5, seed=3), samples)
    assert int(loaded.second_stage.optimizer.iterations) == 12


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports")
def test_a_saved_model_draws_what_it_draws(whole, tmp_path):
    import tensorflow as tf

    whole.export(tmp_path / "saved_model")
    sampler = tf.saved_model.load(str(tmp_path / "saved_model"))
    np.testing.assert_allclose(sampler.sample(5, seed=3), whole.sample(5, seed=3), atol=1e-5)


def test_presets_wrap_and_edits():
    changes = {"network": "infogan", "num_scale": None, "base_dim": 2, "fc_dim": 8}
    model = tsvae.TwoStageVAE.from_preset("digits", second_stage="flow", train_size=96, **changes)
    assert isinstance(model.second_stage, tsvae.SecondStageFlow)
    images, labels = tiny.images(96), np.arange(96) % 2
    conditional = tsvae.ConditionalTwoStageVAE.wrap(model, tsvae.conditions.Classes(2))
    assert conditional.second_stage.condition_dim == 2
    conditional.compile()
    quick = {"recognizer_epochs": 0, "batch_size": 32, "verbose": 0}
    conditional.fit(images, labels, second_stage_epochs=1, **quick)
    assert conditional.sample(3, condition=1, seed=0).shape == (3, 8, 8, 1)
    same = conditional.edit(images[:2], 0, condition=[0, 0])
    np.testing.assert_allclose(same, conditional.reconstruct(images[:2]), atol=1e-4)


def test_conditions_say_where_samples_lie():
    rng = np.random.default_rng(0)
    condition = rng.uniform(-1, 1, (4096, 1)).astype("float32")
    # A curve, which one Gaussian of pairs cannot follow.
    z = np.concatenate([np.cos(3 * condition), condition], 1) + 0.1 * rng.normal(size=(4096, 2))
    data = (z.astype("float32"), np.full((4096, 2), 1e-3, "float32"), condition)
    keras.utils.set_random_seed(0)
    stage = tsvae.SecondStageFlow(2, 1, width=32, depth=2, condition_dim=1)
    compiled(stage, 400, 1e-2).fit(data, epochs=25, batch_size=256, verbose=0)
    for value in (-1.0, 0.0, 1.0):
        drawn = stage.sample(500, seed=0, condition=[value]).mean(0)
        np.testing.assert_allclose(drawn, [np.cos(3 * value), value], atol=0.1)
        u, _ = stage.encode(z[:50], condition=[value])
        np.testing.assert_allclose(
            stage.decode(u, condition=[value]), z[:50], atol=1e-3
        )  # far from it


def test_in_half_precision_densities_are_as_exact(learned):
    half = tsvae.SecondStageFlow(2, mixture_rounds=0, width=32, depth=2, dtype="mixed_float16")
    compiled(half, 30, 1e-2).fit(posteriors(2048), batch_size=256, epochs=4, verbose=0)
    assert isinstance(half.optimizer, keras.optimizers.LossScaleOptimizer)
    assert half.velocity.compute_dtype == "float16"
    z = gaussian(100)
    u, _ = half.encode(z)
    assert u.dtype == "float32" and np.abs(u - z).max() > 0.1
    np.testing.assert_allclose(half.decode(u), z, atol=1e-4)


def test_a_training_that_was_cut_off_goes_on(tmp_path):
    def fit(epochs, **callbacks):
        stage = tsvae.SecondStageFlow(2, num_components=1, width=8, depth=1)
        stop = keras.callbacks.LambdaCallback(**callbacks)
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)
        data = posteriors(256)
        callbacks = [backup, stop]
        compiled(stage).fit(data, batch_size=64, epochs=epochs, callbacks=callbacks, verbose=0)
        return stage

    def fail(epoch, logs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(3, on_epoch_begin=lambda epoch, logs: epoch == 1 and fail(epoch, logs))
    assert int(fit(3).steps_averaged) == 12


@pytest.mark.parametrize(
    "name, value, rule",
    [
        ("num_components", 0, "a positive integer"),
        ("mixture_rounds", -1, "an integer of at least 0"),
        ("width", 0, "a positive integer"),
        ("depth", 0, "a positive integer"),
        ("integration_steps", 0, "a positive integer"),
        ("condition_dim", 0, "a positive integer"),
        ("seed", -1, "an integer of at least 0"),
    ],
)
def test_bad_arguments_are_named(name, value, rule):
    with pytest.raises(ValueError, match=f"`{name}` must be {rule}"):
        tsvae.SecondStageFlow(2, **{name: value})
