"""The flow as a whole second stage."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
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
