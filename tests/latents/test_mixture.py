import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.latents import mixture as mixture_module
from keras_tsvae.latents.mixture import GaussianMixture
from tests import tiny

pytestmark = pytest.mark.slow


def clusters(n):
    """Posteriors of two far clusters, one with three quarters of the mass and correlated."""
    rng = np.random.default_rng(7)
    first = rng.normal(size=(3 * n, 2)) @ [[1.0, 0.8], [0.0, 0.6]] + [6.0, 0.0]
    second = 0.5 * rng.normal(size=(n, 2)) - [6.0, 0.0]
    means = np.concatenate([first, second]).astype("float32")
    return tsvae.Posteriors(means, np.full_like(means, 0.3))


def draws(mixture, n, seed=0):
    noise = np.random.default_rng(seed).normal(size=(2, n, mixture.latent_dim)).astype("float32")
    return keras.ops.convert_to_numpy(mixture(*noise))


def test_samples_are_distributed_as_the_posteriors():
    mixture = GaussianMixture.fit(clusters(1000), num_components=2, seed=0)
    z = draws(mixture, 40_000)
    left = z[:, 0] < 0
    np.testing.assert_allclose(left.mean(), 0.25, atol=0.01)
    np.testing.assert_allclose(z[left].mean(0), [-6.0, 0.0], atol=0.1)
    np.testing.assert_allclose(z[~left].mean(0), [6.0, 0.0], atol=0.1)
    np.testing.assert_allclose(np.cov(z[left].T), [[0.34, 0], [0, 0.34]], atol=0.05)
    np.testing.assert_allclose(np.cov(z[~left].T), [[1.09, 0.8], [0.8, 1.09]], atol=0.12)


def test_a_model_samples_from_its_mixture(images, tmp_path):
    model = tiny.two_stage()
    with pytest.raises(ValueError, match=r"needs a fitted mixture: call `fit_mixture"):
        model.sample(3, stage="mixture")
    model.fit_mixture(images, num_components=3, seed=0)
    samples = model.sample(300, stage="mixture", seed=1)
    assert samples.shape == (300, *tiny.IMAGE_SHAPE) and 0 <= samples.min() < samples.max() <= 1
    again = model.sample(300, stage="mixture", seed=1, batch_size=7)
    np.testing.assert_allclose(samples, again, atol=1e-6)  # some processors add in another order
    assert not np.array_equal(samples, model.sample(300, stage="mixture", seed=2))

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(samples, loaded.sample(300, stage="mixture", seed=1))
    model.save_weights(tmp_path / "model.weights.h5")
    other = tiny.two_stage()
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(samples, other.sample(300, stage="mixture", seed=1))

    model.fit_mixture(model.first_stage.posteriors(images), num_components=2, seed=0)
    assert model.mixture.means.shape == (2, tiny.LATENT_DIM)


def test_bad_arguments_are_named(fitted, images):
    with pytest.raises(ValueError, match="`num_components` must be a positive integer"):
        fitted.fit_mixture(images, num_components=0)
    with pytest.raises(ValueError, match="`num_components` must not exceed .*=97 for 96"):
        fitted.fit_mixture(images, num_components=97)
    with pytest.raises(ValueError, match="of which there must be two"):
        fitted.fit_mixture(images[:1], num_components=1)
    with pytest.raises(ValueError, match="`seed` must be an integer of at least 0"):
        fitted.fit_mixture(images, num_components=2, seed=-1)
    with pytest.raises(ValueError, match="posteriors of width 4. Received: latent_dim=2"):
        fitted.fit_mixture(clusters(10))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports")
def test_an_exported_model_samples_from_its_mixture(images, tmp_path):
    import tensorflow as tf

    model = tiny.two_stage()
    model.fit_mixture(images, num_components=3, seed=0)
    model.export(tmp_path / "saved_model")
    sampler = tf.saved_model.load(str(tmp_path / "saved_model"))
    theirs = sampler.sample_mixture(300, seed=4).numpy()
    np.testing.assert_allclose(theirs, model.sample(300, stage="mixture", seed=4), atol=1e-5)
    assert "sample_mixture" in sampler.signatures


def fit_by_hand(model, images, path):
    model.first_stage.fit(images, batch_size=16, verbose=0)


def fit_whole(model, images, path):
    with pytest.warns(UserWarning, match="mixture was dropped"):
        model.fit(images, batch_size=16, epochs=1, second_stage_epochs=0, verbose=0)


def load_other_weights(model, images, path):
    other = tiny.first_stage()
    other.save_weights(path / "first.weights.h5")
    model.first_stage.load_weights(path / "first.weights.h5")


def assign_one(model, images, path):
    bias = model.first_stage.decoder.weights[-1]
    bias.assign(bias + 0.1)


@pytest.mark.parametrize("change", [fit_by_hand, fit_whole, load_other_weights, assign_one])
def test_a_mixture_does_not_outlive_its_first_stage(change, images, tmp_path, recwarn):
    model = tiny.two_stage()
    model.fit_mixture(images, num_components=2, seed=0)
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")  # it is remembered there
    model.fit(images, batch_size=16, epochs=0, second_stage_epochs=1, verbose=0)
    model.evaluate(images)
    model.reconstruct(images)
    assert model.mixture is not None  # it is z's, not the second stage's
    change(model, images, tmp_path)
    recwarn.clear()
    if change is fit_whole:
        assert model.mixture is None
    else:
        with pytest.warns(UserWarning, match="mixture was dropped: the first stage has changed"):
            model.save(tmp_path / "changed.keras")
    with pytest.raises(ValueError, match="needs a fitted mixture"):
        model.sample(2, stage="mixture")
    model.save(tmp_path / "changed.keras")
    assert keras.saving.load_model(tmp_path / "changed.keras").mixture is None
    model.fit_mixture(images, num_components=2, seed=0)
    assert model.sample(2, stage="mixture").shape == (2, 8, 8, 1)


def test_functions_are_compiled_once(monkeypatch):
    made, compile_function = [], mixture_module.compile_function
    counting = lambda *args: made.append(args) or compile_function(*args)  # noqa: E731
    monkeypatch.setattr(mixture_module, "compile_function", counting)
    mixture = GaussianMixture([0.5, 0.5], np.eye(2), np.stack([np.eye(2)] * 2))
    for _ in range(3):
        mixture.log_prob(np.zeros((3, 2)))
        mixture.draw(np.zeros((3, 2), "float32"), np.zeros((3, 2), "float32"))
    assert len(made) == 2
