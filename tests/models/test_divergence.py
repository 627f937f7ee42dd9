"""A training that diverges stops at the end of the epoch, and says so."""

import keras
import numpy as np
import pytest

from tests import tiny
from tests.conditions import toy
from tests.harness import flat
from tests.models.test_fit_plan import FITS, IMAGES, untouched

pytestmark = pytest.mark.slow


class Seen(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs, self.ended = [], 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(np.isfinite(logs["loss"]))

    def on_train_end(self, logs=None):
        self.ended += 1


def diverging(epoch=1):
    """An optimiser whose learning rate is far too high from the second epoch of six steps on."""
    rates = keras.optimizers.schedules.PiecewiseConstantDecay([6 * epoch], [1e-4, 1e20])
    return keras.optimizers.SGD(rates)


@pytest.mark.parametrize("kind", ["first", "second"])
def test_a_stage_that_diverges_is_stopped(kind):
    make, data = FITS[kind]
    stage = make()
    stage.compile(diverging())
    seen = Seen()
    with pytest.raises(FloatingPointError, match="^Stage . has diverged in epoch 2: .*clipnorm"):
        stage.fit(*data, batch_size=16, epochs=9, callbacks=[seen], verbose=0)
    assert seen.epochs == [True, False] and seen.ended == 1


def test_the_second_stage_is_not_trained_on_a_first_that_diverged():
    model = tiny.two_stage()
    model.first_stage.compile(diverging())
    seen = Seen()
    with pytest.raises(FloatingPointError, match="^Stage 1 has diverged in epoch 2: its loss is"):
        model.fit(IMAGES, batch_size=16, epochs=9, callbacks=[seen], verbose=0)
    assert seen.epochs == [True, False] and seen.ended == 1
    assert model.stage_in_training is None
    assert model.history.epoch == [0, 1] and len(model.history.history["stage1_loss"]) == 2
    model = tiny.two_stage()
    model.second_stage.compile(diverging())
    with pytest.raises(FloatingPointError, match="^Stage 2 has diverged in epoch 2"):
        model.fit(IMAGES, batch_size=16, second_stage_epochs=9, verbose=0)


def test_a_first_stage_that_came_diverged_is_not_said_to_have_been_stopped():
    model = tiny.two_stage()
    spoiled = [np.full_like(weight, np.nan) for weight in model.first_stage.encoder.get_weights()]
    model.first_stage.encoder.set_weights(spoiled)
    with pytest.raises(ValueError, match="its training has diverged"):
        model.fit(IMAGES, batch_size=16, epochs=0, second_stage_epochs=1, verbose=0)


def test_a_recognizer_that_diverges_says_so(monkeypatch):
    model = toy.linear()
    images, attributes = toy.data(64)
    model.build((None, *images.shape[1:]))
    variable = model.recognizer.trainable_variables[0]
    variable.assign(np.nan * flat(variable)[0])
    with pytest.raises(FloatingPointError, match="^The recognizer has diverged in epoch 1"):
        model.fit(images, attributes, 16, verbose=0)
    assert not model.recognizer.is_trained and untouched(model)


def test_a_last_step_that_diverges_is_found():
    model = tiny.two_stage()
    model.compile(keras.optimizers.SGD(1e12), keras.optimizers.SGD(1e-3))
    with pytest.raises(FloatingPointError, match="^Stage 1 has diverged in epoch 1: its"):
        model.fit(IMAGES, batch_size=48, steps_per_epoch=1, epochs=1, verbose=0)
    assert int(flat(model.second_stage.optimizer.iterations)[0]) == 0
