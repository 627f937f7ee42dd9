"""The Gaussian mixture as a whole second stage."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae

pytestmark = pytest.mark.slow

LOG_2PI = np.log(2 * np.pi)


def posteriors(n, label_means=((4.0, 0.0), (-4.0, 1.0)), seed=0, conditioned=False):
    """Posteriors of two far clusters of deviation 1, each with its own class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    means = np.array(label_means)[labels] + 0.8 * rng.standard_normal((n, 2))
    arrays = means.astype("float32"), np.full((n, 2), 0.6, "float32")
    return tsvae.Posteriors(*arrays, *([np.eye(2, dtype="float32")[labels]] * conditioned))


def log_density(z):
    """Of the clusters above."""
    distances = [np.square(z - center).sum(1) for center in ((4.0, 0.0), (-4.0, 1.0))]
    return np.logaddexp(*(-0.5 * distance for distance in distances)) - LOG_2PI - np.log(2)


@pytest.fixture(scope="module")
def stage():
    stage = tsvae.SecondStageMixture(2, num_components=2)
    stage.compile()
    stage.fit(posteriors(20_000), epochs=30, verbose=0)
    return stage


def test_its_density_is_that_of_the_data(stage):
    z = posteriors(500, seed=1).mean
    np.testing.assert_allclose(stage.log_prob(z), log_density(z), atol=0.1)
    nats = stage.evaluate(posteriors(4000, seed=2), verbose=0, return_dict=True)["loss"]
    entropy = 1.0 + LOG_2PI + np.log(2)  # of two far clusters
    np.testing.assert_allclose(nats, entropy, atol=0.05)


def test_samples_and_the_way_to_u_and_back(stage):
    z = stage.sample(20_000, seed=0)
    assert abs((z[:, 0] > 0).mean() - 0.5) < 0.02
    np.testing.assert_allclose(z[z[:, 0] > 0].mean(0), [4.0, 0.0], atol=0.05)
    np.testing.assert_allclose(np.cov(z[z[:, 0] > 0].T), np.eye(2), atol=0.06)
    u, std = stage.encode(z[:2000])
    assert (std == 0).all()
    np.testing.assert_allclose(np.cov(u.T), np.eye(2), atol=0.12)
    np.testing.assert_allclose(stage.decode(u[:200]), z[:200], atol=5e-3)


def test_history_validation_and_an_end_when_nothing_is_gained():
    stage = tsvae.SecondStageMixture(2, num_components=2)
    stage.compile()
    history = stage.fit(
        posteriors(2000), epochs=50, verbose=0, validation_data=posteriors(500, seed=3)
    )
    assert set(history.history) == {"loss", "val_loss"}
    assert len(history.epoch) < 50
    losses = history.history["loss"]
    assert (np.diff(losses) < 1e-5).all()
    assert abs(history.history["val_loss"][-1] - (1.0 + LOG_2PI + np.log(2))) < 0.2
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(stage, "stop_training", True)
    )
    assert len(stage.fit(posteriors(2000), epochs=5, verbose=0, callbacks=[stop]).epoch) == 1


def test_the_number_of_components_is_found():
    stage = tsvae.SecondStageMixture(2)
    stage.compile()
    stage.fit(posteriors(3000), epochs=20, verbose=0)
    z = posteriors(500, seed=1).mean
    np.testing.assert_allclose(stage.log_prob(z).mean(), log_density(z).mean(), atol=0.05)


def test_conditions_say_where_samples_lie():
    stage = tsvae.SecondStageMixture(2, num_components=4, condition_dim=2)
    stage.compile()
    stage.fit(posteriors(5000, conditioned=True), epochs=20, verbose=0)
    for condition, center in zip(np.eye(2), ((4.0, 0.0), (-4.0, 1.0))):
        z = stage.sample(4000, seed=0, condition=condition)
        np.testing.assert_allclose(z.mean(0), center, atol=0.12)
        np.testing.assert_allclose(np.cov(z.T), np.eye(2), atol=0.12)
        exact = -0.5 * np.square(z - center).sum(1) - LOG_2PI
        received = stage.log_prob(z, condition=condition)
        assert abs(received.mean() - exact.mean()) < 0.1
        u, _ = stage.encode(z[:50], condition=condition)
        np.testing.assert_allclose(stage.decode(u, condition=condition), z[:50], atol=5e-3)


def test_the_bound_of_a_vae_is_below_the_density():
    # Of a VAE whose decoder ignores u, p(z) is known, and the bound misses it by KL alone.
    second = tsvae.SecondStageVAE(2, width=4, depth=1, gamma=0.5)
    second.decoder.set_weights([np.zeros_like(w) for w in second.decoder.get_weights()])
    z = np.random.default_rng(0).standard_normal((50, 2)).astype("float32")
    exact = -0.5 * np.square(z / 0.5).sum(1) - LOG_2PI - 2 * np.log(0.5)
    mean, std = second.encode(z)
    kl = 0.5 * (np.square(mean) + np.square(std) - 1).sum(1) - np.log(std).sum(1)
    np.testing.assert_allclose(second.log_prob(z), exact - kl, rtol=1e-4, atol=1e-4)
