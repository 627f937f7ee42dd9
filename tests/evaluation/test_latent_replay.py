"""Samples of z that are training posteriors drawn again."""

import numpy as np
import pytest

from keras_tsvae import Posteriors, SecondStageMixture
from keras_tsvae.evaluation import latent_replay as module
from keras_tsvae.latents import draw
from keras_tsvae.metrics import held_out_log_prob, latent_replay

STD = np.array([0.02, 0.05, 0.02, 0.05, 1.0, 0.0])  # the fifth unit is inactive, the last a point


def posteriors(n, seed):
    mean = np.random.default_rng(seed).standard_normal((n, 6)) * [1, 1, 3, 1, 0, 0]
    return Posteriors(mean, np.broadcast_to(STD, (n, 6)), mean[:, :1])


class Drawing:
    """A second stage that draws once from each of some posteriors."""

    def __init__(self, posteriors, condition_dim=None):
        self.posteriors, self.condition_dim = posteriors, condition_dim

    def sample(self, n, seed, condition=None):
        assert (condition is None) == (self.condition_dim is None)
        assert condition is None or condition.shape == (n, 1)
        return draw(self.posteriors, seed + 7)[:n].astype("float32")


TRAIN, HELD_OUT, NEW = posteriors(3000, 10), posteriors(1000, 11), posteriors(1000, 12)


@pytest.mark.backend_free
def test_training_posteriors_drawn_again_are_told_from_new_ones():
    for condition_dim in (None, 1):
        again = latent_replay(Drawing(TRAIN, condition_dim), TRAIN, HELD_OUT)
        assert again["replay"] > 0.9 and again["replay_fair"] == 0.05
        new = latent_replay(Drawing(NEW, condition_dim), TRAIN, HELD_OUT)
        assert abs(new["replay"] - 0.05) < 0.03


@pytest.mark.slow
def test_a_component_for_each_example_draws_them_again_and_is_found_improbable():
    train, held_out = (
        Posteriors(posteriors(n, seed).mean[:, :4], np.full((n, 4), 0.05))
        for n, seed in ((300, 1), (1000, 2))
    )
    replay, nats = [], []
    for components in (1, 300):
        stage = SecondStageMixture(4, components)
        stage.compile()
        stage.fit(train, epochs=20, verbose=0)
        replay.append(latent_replay(stage, train, held_out)["replay"])
        nats.append(held_out_log_prob(stage, held_out, train)["log_prob"])
    assert replay[0] < 0.1 and replay[1] > 0.9
    assert nats[0] > nats[1] + 10


@pytest.mark.backend_free
def test_of_many_some_are_taken(monkeypatch):
    monkeypatch.setattr(module, "SAMPLES", 200)
    monkeypatch.setattr(module, "TRAINING_MEANS", 1500)
    drawn = Drawing(Posteriors(*(array[:200] for array in TRAIN.arrays)))
    found = latent_replay(drawn, TRAIN, HELD_OUT)
    assert 0.3 < found["replay"] < 0.7  # half of those that are drawn again are not seen


@pytest.mark.backend_free
def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`train` must be a `Posteriors`"):
        latent_replay(Drawing(NEW), TRAIN.mean, HELD_OUT)
    with pytest.raises(ValueError, match="`seed` must be"):
        latent_replay(Drawing(NEW), TRAIN, HELD_OUT, seed=-1)
