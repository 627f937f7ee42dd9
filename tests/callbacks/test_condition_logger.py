"""`ConditionLogger` in either stage, its figures those of the metric itself."""

import keras
import numpy as np
import pytest

from keras_tsvae.callbacks import ConditionLogger
from keras_tsvae.metrics import ConditionAccuracy
from keras_tsvae.training.stage_callbacks import StageCallbacks
from tests import conditioned
from tests.callbacks import linear
from tests.conditioned import Conditions, PixelJudge


def fit(model, images, callback, epochs=1, second_stage_epochs=1):
    return model.fit(
        images,
        batch_size=48,
        epochs=epochs,
        second_stage_epochs=second_stage_epochs,
        callbacks=[callback],
        verbose=0,
    ).history


def expected(model, judge, stage, n=60, seed=0):
    accuracy = ConditionAccuracy(judge)
    codes = conditioned.draw(model.conditions, n, seed)
    shown = conditioned.shows(model.conditions, codes, stage, seed)
    accuracy.update(conditioned.pictures(shown), model.conditions.decode(codes))
    return accuracy.result().overall


@pytest.mark.parametrize("kind", ["attributes", "classes"])
def test_each_stage_logs_its_own_samples(images, kind, capsys):
    model, judge = conditioned.FakeModel(Conditions(kind)), PixelJudge(kind == "classes")
    history = fit(model, images, ConditionLogger(judge, num_samples=60, seed=7))
    figures = {s: history[f"stage{s}_val_condition_accuracy"] for s in (1, 2)}
    for stage, figure in figures.items():
        assert figure == [pytest.approx(expected(model, judge, stage, seed=7), rel=1e-12)]
    assert figures[1] != figures[2]
    assert "val_condition_accuracy" in capsys.readouterr().out


def test_numbers_are_judged_as_classes(images):
    model, judge = conditioned.FakeModel(Conditions("number", None, 1)), PixelJudge(True)
    history = fit(model, images, ConditionLogger(judge, num_samples=300, verbose=0))
    codes = conditioned.draw(model.conditions, 300, 0)
    shown = conditioned.shows(model.conditions, codes).argmax(1)
    share = np.mean(shown == np.rint(model.conditions.decode(codes)))
    assert history["stage2_val_condition_accuracy"] == [pytest.approx(share)]


def test_epochs_in_between_have_no_figure(images):
    model = conditioned.FakeModel()
    logger = ConditionLogger(PixelJudge(), num_samples=20, every=3, verbose=0)
    history = fit(model, images, logger, epochs=5, second_stage_epochs=0)
    assert model.calls == [(20, 1, 1.0)] * 3  # after epochs 1, 3 and the last
    assert len(history["stage1_val_condition_accuracy"]) == 3


def test_a_model_that_diverged_has_no_figure(images, monkeypatch):
    model = conditioned.FakeModel()
    logger = ConditionLogger(PixelJudge(), num_samples=20, verbose=0)
    fit(model, images, logger, second_stage_epochs=0)
    nan = [np.full((20, 8, 8, 1), np.nan)]
    with StageCallbacks([logger], model, "stage1"):
        logs = {}
        with monkeypatch.context() as patch:
            patch.setattr(conditioned.FakeModel, "sample_batches", lambda *args, **kwargs: nan)
            logger.on_epoch_end(0, logs)
        assert np.isnan(logs["val_condition_accuracy"])
        weight = model.second_stage.decoder.trainable_variables[0]
        weight.assign(np.nan * keras.ops.convert_to_numpy(weight))
        logs = {}
        logger.on_epoch_end(0, logs)
        assert np.isnan(logs["val_condition_accuracy"])


def test_bad_arguments_are_refused(images):
    for name, value in (("num_samples", 0), ("every", 0), ("seed", -1)):
        with pytest.raises(ValueError, match=f"`{name}` must be"):
            ConditionLogger(PixelJudge(), **{name: value})
    with pytest.raises(ValueError, match="`judge` must be a trained"):
        ConditionLogger(lambda images: images)
    for model in (linear.two_stage(), linear.first_stage()):
        with pytest.raises(ValueError, match="`model` must be a ConditionalTwoStageVAE"):
            model.fit(images, batch_size=48, callbacks=[ConditionLogger(PixelJudge())], verbose=0)
    for judge in (PixelJudge(has_classes=True), PixelJudge(width=5)):
        with pytest.raises(ValueError, match="`judge` must know the attributes or classes"):
            fit(conditioned.FakeModel(), images, ConditionLogger(judge))
    with pytest.raises(ValueError, match="`judge` must be trained on images of the model's shape"):
        other = PixelJudge(image_shape=(16, 16, 1))
        fit(conditioned.FakeModel(), images, ConditionLogger(other))
