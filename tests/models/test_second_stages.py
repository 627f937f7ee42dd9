"""A second stage of another kind than the paper's goes wherever that one goes."""

import textwrap

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.models.affine import AffineSecondStage

pytestmark = pytest.mark.slow

EPOCHS = {"epochs": 1, "second_stage_epochs": 100, "batch_size": 96, "verbose": 0}


def compiled(model):
    model.compile(keras.optimizers.SGD(1e-3), keras.optimizers.Adam(0.05))
    return model


@pytest.fixture(scope="module")
def fitted():
    keras.utils.set_random_seed(1)
    first = tiny.first_stage()
    # Little noise, so that a hundred steps come close.
    first.encoder.get_layer("log_std").bias.assign([-2.0] * tiny.LATENT_DIM)
    model = tsvae.TwoStageVAE(first, AffineSecondStage(tiny.LATENT_DIM))
    return compiled(model), compiled(model).fit(tiny.images(96), **EPOCHS)


def test_it_learns_what_it_can_of_the_posteriors(fitted):
    model, history = fitted
    assert list(k for k in history.history if k.startswith("stage2")) == ["stage2_loss"]
    posteriors = model.posteriors(tiny.images(96))
    z = model.second_stage.sample(20_000, seed=0)
    np.testing.assert_allclose(z.mean(0), posteriors.mean.mean(0), atol=0.3)
    variance = posteriors.mean.var(0) + np.square(posteriors.std).mean(0)
    np.testing.assert_allclose(z.std(0), np.sqrt(variance), rtol=0.25)


def test_u_and_z_are_inverse_and_seeds_mean_the_same(fitted):
    model, _ = fitted
    second = model.second_stage
    z = second.sample(5, seed=3)
    u, std = second.encode(z)
    np.testing.assert_allclose(second.decode(u), z, atol=1e-5)
    np.testing.assert_allclose(u, tiny_noise(5, seed=3), atol=1e-4)
    assert (std == 1).all()
    np.testing.assert_allclose(model.sample(5, seed=3), model.decode(z), atol=1e-5)


def tiny_noise(n, seed):
    from keras_tsvae.arrays.noise import noise_batches

    (noise,) = noise_batches(n, tiny.LATENT_DIM, seed, n, parts=2)
    return noise[0]


def test_it_is_saved_and_measured(fitted, tmp_path):
    model, _ = fitted
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=1), model.sample(3, seed=1))
    assert int(loaded.second_stage.optimizer.iterations) == 100
    logs = loaded.evaluate(tiny.images(32))
    assert set(logs) == {*(f"stage1_{k}" for k in ("loss", "kl", "nll", "mse", "gamma"))} | {
        "stage2_loss"
    }


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports")
def test_it_is_exported(fitted, tmp_path):
    import tensorflow as tf

    model, _ = fitted
    model.export(tmp_path / "saved_model")
    exported = tf.saved_model.load(str(tmp_path / "saved_model"))
    np.testing.assert_allclose(exported.sample(3, seed=1), model.sample(3, seed=1), atol=1e-5)


def test_callbacks_watch_it(tmp_path):
    images = tiny.images(32)
    report = tsvae.callbacks.LatentReport(images, every=1)
    grid = tsvae.callbacks.SampleGrid(tmp_path, every=1, seed=0)
    model = tsvae.TwoStageVAE(tiny.first_stage(), AffineSecondStage(tiny.LATENT_DIM))
    history = compiled(model).fit(
        images, batch_size=16, epochs=1, second_stage_epochs=1, verbose=0, callbacks=[report, grid]
    )
    assert "stage2_u_gaussian_kl" in history.history
    by_hand = tsvae.callbacks.LatentReport(model.posteriors(images), every=1)
    second = AffineSecondStage(tiny.LATENT_DIM)
    second.compile(keras.optimizers.SGD(1e-3))
    second.fit(model.posteriors(images), batch_size=16, callbacks=[by_hand], verbose=0)
    assert len(by_hand.reports) == 1


def test_wrap_makes_one_of_the_same_kind_that_obeys(fitted):
    model, _ = fitted
    labels = np.arange(96) % 2
    images = tiny.images(96)
    images[labels == 1] = 255 - images[labels == 1]
    first = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 4))
    base = tsvae.TwoStageVAE(first, AffineSecondStage(4, offset=0.5))
    compiled(base)
    base.compile(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2))
    base.fit(images, epochs=3, second_stage_epochs=1, batch_size=32, verbose=0)
    conditional = tsvae.ConditionalTwoStageVAE.wrap(base, tsvae.conditions.Classes(2))
    second = conditional.second_stage
    assert isinstance(second, AffineSecondStage)
    assert (second.condition_dim, second.offset) == (2, 0.5)
    compiled(conditional)
    quick = {"recognizer_epochs": 0, "batch_size": 96, "verbose": 0}
    conditional.fit(images, labels, second_stage_epochs=100, **quick)
    means = [first.posteriors(images[labels == label]).mean.mean(0) for label in (0, 1)]
    for label, mean in enumerate(means):
        code = np.eye(2, dtype="float32")[label]
        drawn = second.sample(5000, seed=0, condition=code).mean(0)
        np.testing.assert_allclose(drawn, mean, atol=0.2 + 0.1 * np.abs(mean).max())
    moved = conditional.edit(images[:1], 1, condition=0)
    z = first.encode(images[:1])[0] + second.decode(np.zeros((1, 4), "float32"), condition=[0, 1])
    z -= second.decode(np.zeros((1, 4), "float32"), condition=[1, 0])
    np.testing.assert_allclose(moved, first.decode(z), atol=1e-5)


def test_what_is_no_second_stage_is_refused():
    with pytest.raises(ValueError, match="`second_stage` a SecondStage, such as SecondStageVAE"):
        tsvae.TwoStageVAE(tiny.first_stage(), tiny.first_stage())


def test_the_example_of_the_documentation_is_a_second_stage(images, tmp_path):
    example = textwrap.dedent(tsvae.SecondStage.__doc__.partition("Example:")[2])
    lines = [line[4:] for line in example.strip().splitlines() if line[:3] in (">>>", "...")]
    first_stage = tiny.first_stage()
    names = {"keras": keras, "keras_tsvae": tsvae, "ops": keras.ops, "first_stage": first_stage}
    exec("\n".join(lines).replace("latent_dim=16", "latent_dim=4"), names)
    model = compiled(names["model"])
    history = model.fit(images, batch_size=16, epochs=1, second_stage_epochs=1, verbose=0)
    assert len(history.history["stage2_loss"]) == 1
    z = model.second_stage.sample(3, seed=0)
    np.testing.assert_allclose(model.second_stage(z), z, atol=1e-5)
    model.second_stage.save(tmp_path / "stage.keras")
    loaded = keras.saving.load_model(tmp_path / "stage.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=0), z)


def test_it_is_built_with_the_whole_or_by_itself(tmp_path):
    second = AffineSecondStage(tiny.LATENT_DIM)
    with pytest.raises(ValueError, match="call `build` with the shape of a batch"):
        second.save(tmp_path / "stage.keras")
    tsvae.TwoStageVAE(tiny.first_stage(), second).build((None, *tiny.IMAGE_SHAPE))
    assert second.built
