"""A model that has diverged says so, whatever it is asked for."""

import keras
import numpy as np
import pytest

from keras_tsvae import plots
from tests import tiny
from tests.callbacks import linear
from tests.conditions import toy
from tests.reused import reused

MESSAGE = "its training has diverged.* Received: .* with NaN or infinity"


def spoil(network):
    """All weights, since a relu may swallow NaN."""
    network.set_weights([np.full_like(weight, np.nan) for weight in network.get_weights()])


def test_samples_of_a_diverged_first_stage_are_refused(images):
    model = reused(linear.first_stage)
    spoil(model.decoder)
    calls = (
        lambda: model.sample(3, seed=0),
        lambda: list(model.sample_batches(3, seed=0)),
        lambda: model.decode(np.zeros((3, 4))),
        lambda: model.reconstruct(images[:3]),
        lambda: plots.reconstructions(model, images[:3]),
    )
    for call in calls:
        with pytest.raises(ValueError, match=MESSAGE):
            call()


def test_reconstructions_of_a_diverged_encoder_are_refused(images):
    model = reused(linear.two_stage)
    spoil(model.first_stage.encoder)
    with pytest.raises(ValueError, match=MESSAGE):
        model.reconstruct(images[:3])
    assert np.isfinite(model.sample(3, seed=0)).all()  # which the encoder has no part in


def test_samples_of_a_diverged_second_stage_are_refused():
    model = reused(linear.two_stage)
    spoil(model.second_stage.decoder)
    for call in (
        lambda: model.second_stage.sample(3, seed=0),
        lambda: model.second_stage.decode(np.zeros((3, 4))),
        lambda: model.sample(3, seed=0),
        lambda: plots.samples(model, 3),
    ):
        with pytest.raises(ValueError, match=MESSAGE):
            call()
    assert np.isfinite(model.sample(3, stage=1, seed=0)).all()


def test_a_gamma_that_overflows_is_refused():
    model = tiny.second_stage()
    model.log_gamma.assign(np.inf)
    with pytest.raises(ValueError, match=MESSAGE):
        model.sample(3, seed=0)


def test_plots_refuse_what_is_not_finite(images):
    broken = np.full((2, 8, 8, 1), np.nan, "float32")
    with pytest.raises(ValueError, match="`panels` must hold finite values. Received: 'broken'"):
        plots.side_by_side({"images": images[:2], "broken": broken})


def test_what_is_measured_of_a_diverged_stage_does_not_hide_its_loss():
    model = tiny.second_stage()
    model = type(model)(4, width=16, depth=2, gamma="computed")
    model.compile(keras.optimizers.SGD(1e-3))
    spoil(model.decoder)
    (measuring,) = model.own_callbacks(model._posteriors(np.zeros((8, 4)), np.ones((8, 4))))
    measuring.on_train_begin({})
    measuring.on_epoch_end(0, {})
    with pytest.raises(ValueError, match=MESSAGE):
        model.sample(3, seed=0)


@pytest.mark.parametrize("network", ["first_stage", "second_stage"])
def test_samples_of_a_diverged_conditional_model_are_refused(network):
    model = toy.linear(seen=toy.ROWS.astype("float32"))
    spoil(getattr(model, network).decoder)
    for call in (
        lambda: model.sample(3, seed=0),
        lambda: list(model.sample_batches(3, seed=0, condition={"north_west": 1})),
    ):
        with pytest.raises(ValueError, match=MESSAGE):
            call()
