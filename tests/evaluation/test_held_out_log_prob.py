"""Held-out nats of second stages, beside two densities with closed forms."""

import numpy as np
import pytest
from keras import ops

import keras_tsvae as tsvae
from keras_tsvae.evaluation import held_out_log_prob as module
from keras_tsvae.latents import GaussianMixture
from keras_tsvae.metrics import held_out_log_prob
from tests.models.affine import AffineSecondStage

LOG_2PI = np.log(2 * np.pi)
MEAN, SCALE = np.array([1.0, -2.0]), np.array([0.5, 2.0])
ENTROPY = 1.0 + LOG_2PI + np.log(SCALE).sum()  # of N(MEAN, diag(SCALE^2))


def posteriors(n, seed=0, condition=None):
    """Of which z is N(MEAN, diag(SCALE^2)), or that moved by the condition."""
    rng = np.random.default_rng(seed)
    mean = MEAN + 0.8 * SCALE * rng.standard_normal((n, 2))
    mean = mean if condition is None else mean + condition
    arrays = mean.astype("float32"), np.broadcast_to(0.6 * SCALE, (n, 2)).astype("float32")
    return tsvae.Posteriors(*arrays, condition)


class Known(AffineSecondStage):
    """The very density of the posteriors, given their condition."""

    def log_prob_batch(self, z, condition=None):
        moved = z - MEAN.astype("float32") - (0.0 if condition is None else condition)
        terms = ops.square(moved / SCALE.astype("float32"))
        return -0.5 * ops.sum(terms, -1) - float(LOG_2PI + np.log(SCALE).sum())


def test_a_stage_that_knows_the_density_and_the_single_gaussian_reach_the_entropy(monkeypatch):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 3000)
    train, test = posteriors(20_000), posteriors(20_000, seed=1)
    found = held_out_log_prob(Known(2), test, train)
    assert list(found) == ["log_prob", "log_prob_normal", "log_prob_gaussian"]
    np.testing.assert_allclose(found["log_prob"], -ENTROPY, atol=0.03)
    np.testing.assert_allclose(found["log_prob_gaussian"], -ENTROPY, atol=0.03)
    squares = (np.square(MEAN) + np.square(SCALE)).sum()
    np.testing.assert_allclose(found["log_prob_normal"], -LOG_2PI - 0.5 * squares, rtol=0.02)
    assert found == held_out_log_prob(Known(2), test, train)
    assert found["log_prob"] != held_out_log_prob(Known(2), test, train, seed=2)["log_prob"]


def test_without_training_posteriors_the_gaussian_is_the_best_of_the_held_out_ones():
    train, test = posteriors(30), posteriors(30, seed=1)
    own = held_out_log_prob(Known(2), test)["log_prob_gaussian"]
    assert own > held_out_log_prob(Known(2), test, train)["log_prob_gaussian"]


def test_conditions_and_files(tmp_path):
    condition = np.random.default_rng(5).integers(0, 2, (4000, 2)).astype("float32") * 5
    test = posteriors(4000, condition=condition)
    test.save(tmp_path / "posteriors.h5")
    loaded = tsvae.Posteriors.load(tmp_path / "posteriors.h5")
    found = held_out_log_prob(Known(2, condition_dim=2), loaded)
    np.testing.assert_allclose(found["log_prob"], -ENTROPY, atol=0.06)
    assert found["log_prob_gaussian"] < found["log_prob"] - 0.5  # it knows no conditions


def test_a_bound_is_called_one_and_a_stage_may_say_nothing():
    test = posteriors(100)
    found = held_out_log_prob(tsvae.SecondStageVAE(2, width=4, depth=1), test)
    assert "log_prob_bound" in found and "log_prob" not in found
    assert np.isfinite(list(found.values())).all()
    assert list(held_out_log_prob(AffineSecondStage(2), test)) == [
        "log_prob_normal",
        "log_prob_gaussian",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("condition_dim", [None, 2])
def test_a_flow_is_measured_by_its_density(condition_dim):
    stage = tsvae.SecondStageFlow(2, 1, width=4, depth=1, condition_dim=condition_dim)
    stage.build((None, 2))  # N(0, I), before it is fitted
    condition = None if condition_dim is None else np.zeros((200, 2), "float32")
    found = held_out_log_prob(stage, posteriors(200, condition=condition))
    np.testing.assert_allclose(found["log_prob"], found["log_prob_normal"], atol=0.5)


@pytest.mark.slow
def test_a_mixture_is_measured_by_its_density():
    test = posteriors(5000, seed=1)
    stage = tsvae.SecondStageMixture(2, num_components=1)
    stage.compile()
    stage.fit(posteriors(5000), epochs=2, verbose=0)
    found = held_out_log_prob(stage, test, posteriors(5000))
    np.testing.assert_allclose(found["log_prob"], found["log_prob_gaussian"], atol=0.03)
    mixture = GaussianMixture.fit(posteriors(5000), num_components=1)
    z = stage.sample(300, seed=0)
    np.testing.assert_allclose(mixture.log_prob(z), stage.log_prob(z), rtol=1e-3, atol=1e-3)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`held_out` must be a `Posteriors`"):
        held_out_log_prob(Known(2), np.zeros((3, 2)))
    other = tsvae.Posteriors(np.zeros((3, 4)), np.ones((3, 4)))
    with pytest.raises(ValueError, match="`train` must be a `Posteriors`, and both of one width"):
        held_out_log_prob(Known(2), posteriors(3), other)
    with pytest.raises(ValueError, match="`seed` must be"):
        held_out_log_prob(Known(2), posteriors(3), seed=-1)
