"""Keras's own callbacks on either stage, by hand and within `TwoStageVAE.fit`."""

import csv

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import flat
from tests.reused import reused

pytestmark = pytest.mark.slow


class Recorder(keras.callbacks.Callback):
    """Remembers whom it watched and what it saw."""

    def __init__(self, stop_at_batch=None):
        super().__init__()
        self.models, self.logs, self.batches, self.begun = [], [], 0, 0
        self.stop_at_batch = stop_at_batch

    def on_train_begin(self, logs=None):
        self.begun += 1
        self.models.append(self.model)

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        if self.batches == self.stop_at_batch:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(logs)


def stage_and_data(name, images):
    if name == "first":
        return reused(tiny.first_stage), images
    return reused(tiny.second_stage), reused(tiny.first_stage).posteriors(images)


@pytest.mark.parametrize("name", ["first", "second"])
def test_keras_callbacks_on_a_stage_fitted_by_hand(name, images, tmp_path):
    stage, data = stage_and_data(name, images)
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True, mode="min"),
        keras.callbacks.EarlyStopping("loss", mode="min", min_delta=1e9, patience=2),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.ReduceLROnPlateau("gamma", mode="max", factor=0.5, patience=1, min_delta=9),
    ]
    history = stage.fit(
        data, batch_size=16, epochs=9, callbacks=callbacks, validation_data=data, verbose=0
    )
    assert len(history.history["loss"]) == 3  # the first, and two that are no better by 1e9
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert len(rows) == 3 and {"loss", "kl", "nll", "mse", "gamma", "val_loss"} <= set(rows[0])
    np.testing.assert_allclose(float(rows[-1]["gamma"]), history.history["gamma"][-1], rtol=1e-5)
    assert float(flat(stage.optimizer.learning_rate)[0]) < 1e-3
    loaded = keras.saving.load_model(tmp_path / "best.keras")
    assert type(loaded) is type(stage)


@pytest.mark.parametrize("name", ["first", "second"])
def test_tensorboard_on_a_stage(name, images, tmp_path):
    pytest.importorskip("tensorflow")
    stage, data = stage_and_data(name, images)
    board = keras.callbacks.TensorBoard(tmp_path, update_freq=2)
    stage.fit(data, batch_size=16, epochs=2, callbacks=[board], validation_data=data, verbose=0)
    assert {path.parent.name for path in tmp_path.rglob("events*")} == {"train", "validation"}


def test_callbacks_of_a_two_stage_fit_see_the_whole_model(images, tmp_path):
    model = reused(tiny.two_stage)
    recorder = Recorder()
    callbacks = [
        recorder,
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        keras.callbacks.ModelCheckpoint(
            tmp_path / "best.keras", monitor="loss", mode="min", save_best_only=True
        ),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2),
    ]
    model.fit(
        images, batch_size=16, epochs=2, second_stage_epochs=3, callbacks=callbacks, verbose=0
    )
    assert recorder.begun == 2 and len(recorder.logs) == 5
    assert all(seen.image_shape == (8, 8, 1) and seen.sample for seen in recorder.models)
    assert len(list(csv.DictReader((tmp_path / "log.csv").open()))) == 5
    rates = [s.optimizer.learning_rate for s in (model.first_stage, model.second_stage)]
    np.testing.assert_allclose([float(flat(r)[0]) for r in rates], [1e-3 / 4, 1e-3 / 8], rtol=1e-5)
    last, best = (keras.saving.load_model(tmp_path / f"{name}.keras") for name in ("3", "best"))
    assert isinstance(best, tsvae.TwoStageVAE)
    assert int(flat(best.second_stage.optimizer.iterations)[0]) > 0  # not the first stage's best
    np.testing.assert_allclose(last.sample(5, seed=0), model.sample(5, seed=0), atol=1e-5)


def test_early_stopping_stops_and_restores_each_stage(images):
    model = reused(tiny.two_stage)
    stop = keras.callbacks.EarlyStopping(
        "loss", mode="max", patience=2, restore_best_weights=True, start_from_epoch=0
    )
    history = model.fit(
        images, batch_size=16, epochs=9, second_stage_epochs=9, callbacks=[stop], verbose=0
    )
    assert len(history.history["stage1_loss"]) < 9 and len(history.history["stage2_loss"]) < 9
    assert len(history.history["stage2_loss"]) >= 3


def test_a_callback_can_stop_a_stage_within_an_epoch(images):
    model = reused(tiny.two_stage)
    recorder = Recorder(stop_at_batch=2)
    model.fit(images, batch_size=16, second_stage_epochs=1, callbacks=[recorder], verbose=0)
    assert int(flat(model.first_stage.optimizer.iterations)[0]) == 2
    assert int(flat(model.second_stage.optimizer.iterations)[0]) == 6


def test_checkpoints_within_an_epoch_hold_the_weights_of_that_moment(images, tmp_path):
    """On JAX the weights live outside the model during an epoch."""
    model = reused(tiny.two_stage)
    before = model.decode(np.zeros((1, 4)))
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "m.keras", save_freq=3)
    model.fit(images, batch_size=16, second_stage_epochs=0, callbacks=[checkpoint], verbose=0)
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert int(flat(loaded.first_stage.optimizer.iterations)[0]) in (3, 6)
    assert np.abs(loaded.decode(np.zeros((1, 4))) - before).max() > 1e-4


def test_each_stage_can_have_its_own_callbacks(images):
    one, two = Recorder(), Recorder()
    reused(tiny.two_stage).fit(
        images, batch_size=16, callbacks=[one], second_stage_callbacks=[two], verbose=0
    )
    assert (one.begun, len(one.logs)) == (1, 1) and (two.begun, len(two.logs)) == (1, 2)


def test_a_single_callback_and_a_checkpoint_with_a_threshold(images, tmp_path):
    checkpoint = keras.callbacks.ModelCheckpoint(
        tmp_path / "m.keras",
        monitor="loss",
        mode="min",
        save_best_only=True,
        initial_value_threshold=-1e9,
    )
    reused(tiny.two_stage).fit(images, batch_size=16, callbacks=checkpoint, verbose=0)
    assert not list(tmp_path.iterdir())  # neither stage came below the threshold


def test_backup_and_restore_is_refused_for_both_stages_and_works_on_one(images, tmp_path):
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(ValueError, match="`callbacks` must not hold Keras.s `BackupAndRestore`"):
        reused(tiny.two_stage).fit(images, batch_size=16, callbacks=[backup])
    reused(tiny.first_stage).fit(images, batch_size=16, callbacks=[backup], verbose=0)
