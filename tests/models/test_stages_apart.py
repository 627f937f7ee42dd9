"""Callbacks that watch both stages, or several fits, keep the stages apart."""

import csv

import keras
import numpy as np
import pytest

from keras_tsvae.training.stage_callbacks import StageCallbacks
from tests import tiny
from tests.harness import flat
from tests.reused import reused

pytestmark = pytest.mark.slow


def best_only(path, **arguments):
    return keras.callbacks.ModelCheckpoint(
        path, monitor="loss", mode="min", save_best_only=True, **arguments
    )


def watch(callback, model, stage, losses):
    """Shows a callback the losses of some epochs of a stage; returns which epochs it saved."""
    saved = []
    model.save = lambda path, overwrite=True: saved.append(len(seen))
    seen = []
    with StageCallbacks([callback], model, stage) as callbacks:
        callbacks.set_model(model)
        callbacks.on_train_begin()
        for epoch, loss in enumerate(losses):
            seen.append(loss)
            callbacks.on_epoch_begin(epoch)
            callbacks.on_epoch_end(epoch, {"loss": loss})
        callbacks.on_train_end()
    return [losses[count - 1] for count in saved]


def test_a_checkpoint_compares_the_losses_of_one_stage_over_several_fits(tmp_path):
    model, checkpoint = reused(tiny.two_stage), best_only(tmp_path / "best.keras")
    assert watch(checkpoint, model, "stage1", [9.0, 5.0, 7.0]) == [9.0, 5.0]
    assert watch(checkpoint, model, "stage2", [30.0, 20.0]) == [30.0, 20.0]
    assert watch(checkpoint, model, "stage1", [6.0, 4.0]) == [4.0]  # 5 was its best
    assert watch(checkpoint, model, "stage2", [21.0, 19.0]) == [19.0]  # and 20 its
    assert checkpoint.best == 19.0


def test_both_stages_have_to_come_below_a_threshold(tmp_path):
    model = reused(tiny.two_stage)
    checkpoint = best_only(tmp_path / "best.keras", initial_value_threshold=8.0)
    assert watch(checkpoint, model, "stage1", [9.0, 5.0]) == [5.0]
    assert watch(checkpoint, model, "stage2", [9.0, 7.0]) == [7.0]


def test_a_best_value_that_the_user_sets_counts(tmp_path):
    model, checkpoint = reused(tiny.two_stage), best_only(tmp_path / "best.keras")
    watch(checkpoint, model, "stage1", [1.0])
    watch(checkpoint, model, "stage2", [2.0])
    checkpoint.best = np.inf
    assert watch(checkpoint, model, "stage1", [9.0]) == [9.0]
    assert watch(checkpoint, model, "stage2", [9.0]) == [9.0]


def test_a_checkpoint_of_one_stage_keeps_its_best(tmp_path):
    first, second = (best_only(tmp_path / f"{name}.keras") for name in "12")
    reused(tiny.two_stage).fit(
        tiny.images(96),
        batch_size=16,
        callbacks=[first],
        second_stage_callbacks=[second],
        verbose=0,
    )
    assert np.isfinite(first.best) and np.isfinite(second.best) and first.best != second.best


@pytest.mark.parametrize("append", [False, True])
def test_a_table_of_both_stages_is_one_and_is_left_as_it_was(append, tmp_path):
    model, path = reused(tiny.two_stage), tmp_path / "log.csv"
    logger = keras.callbacks.CSVLogger(path, append=append)
    for fit in (1, 2):
        model.fit(tiny.images(96), batch_size=16, callbacks=[logger], verbose=0)
        assert logger.append is append
        rows = list(csv.DictReader(path.open()))
        assert [row["epoch"] for row in rows] == ["0", "0", "1"] * (fit if append else 1)
        assert all(np.isfinite(float(row["loss"])) for row in rows)


def test_a_table_is_left_as_it_was_by_a_fit_that_raises(tmp_path):
    def fail(epoch, logs):
        raise KeyError("on purpose")

    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    bad = keras.callbacks.LambdaCallback(on_epoch_end=fail)
    with pytest.raises(KeyError):
        reused(tiny.two_stage).fit(
            tiny.images(96),
            batch_size=16,
            callbacks=[logger],
            second_stage_callbacks=[logger, bad],
            verbose=0,
        )
    assert logger.append is False


def test_averaged_weights_are_swapped_in_either_stage():
    model = tiny.two_stage()
    for stage in model.stages().values():
        stage.compile(keras.optimizers.SGD(1e-3, use_ema=True, ema_momentum=0.5))
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 0:
                weights = flat(self.model.stages()[self.model.stage_in_training].weights)
                seen.append(sum(float(np.abs(weight).sum()) for weight in weights))

    before = [sum(float(np.abs(w).sum()) for w in s.get_weights()) for s in model.stages().values()]
    for _ in range(2):
        seen.clear()
        model.fit(tiny.images(96), batch_size=16, callbacks=[swap, Look()], verbose=0)
        # An average that has not begun is zero: swapped in, it would take the weights away.
        np.testing.assert_allclose([seen[0], seen[1]], before, rtol=0.2)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_lists_of_callbacks_of_any_kind():
    counts, model = [], reused(tiny.two_stage)
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: counts.append(1))
    for callbacks in (count, (count,), [[count]], keras.callbacks.CallbackList([count])):
        counts.clear()
        model.fit(tiny.images(32), batch_size=16, callbacks=callbacks, verbose=0)
        assert len(counts) == 3
    for fit in (model.fit, reused(tiny.first_stage).fit):
        with pytest.raises(ValueError, match="`callbacks` must hold instances"):
            fit(tiny.images(32), batch_size=16, callbacks=[print])
