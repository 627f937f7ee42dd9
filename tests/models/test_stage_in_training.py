"""The whole model while it is trained, as callbacks see it: a model as any other."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import flat
from tests.reused import reused

pytestmark = pytest.mark.slow


class Visit(keras.callbacks.Callback):
    """Calls a function with the model at the end of each stage's second batch and of its epoch."""

    def __init__(self, function):
        super().__init__()
        self.function, self.results = function, {"batch": {}, "epoch": {}}

    def visit(self, at):
        self.results[at][self.model.stage_in_training] = self.function(self.model, at)

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.visit("batch")

    def on_epoch_end(self, epoch, logs=None):
        self.visit("epoch")


def visited(function, model=None):
    """Fits a model, and returns it with what the function returned in either stage."""
    model = reused(tiny.two_stage) if model is None else model
    visit = Visit(function)
    arguments = {"batch_size": 16, "epochs": 1, "second_stage_epochs": 1, "verbose": 0}
    model.fit(tiny.images(96), callbacks=[visit], **arguments)
    assert all(list(seen) == ["stage1", "stage2"] for seen in visit.results.values())
    return model, visit.results


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """A fitted model, what was seen of it at the end of an epoch, and its weights' files then."""
    folder = tmp_path_factory.mktemp("weights")

    def look(model, at):
        model.save_weights(folder / f"{model.stage_in_training}.weights.h5")
        return {
            "itself": (model, isinstance(model, keras.Model), model.compiled),
            "optimizer": model.optimizer,
            "metrics": model.metrics,
            "stop_training": model.stop_training,
            "traced": model.train_function is not None,
            "history": sorted(model.history.history),
            "results": sorted(model.get_metrics_result()),
        }

    model, seen = visited(look, tiny.two_stage())
    return model, seen["epoch"], folder


def steps(model):
    return [int(flat(stage.optimizer.iterations)[0]) for stage in model.stages().values()]


def test_it_is_the_model_itself(looked_at):
    model, seen, _ = looked_at
    for stage in ("stage1", "stage2"):
        assert seen[stage]["itself"] == (model, True, True)
    assert model.stage_in_training is None


def test_optimizer_metrics_and_history_are_those_of_the_stage_in_training(looked_at):
    model, seen, _ = looked_at
    for name, stage in model.stages().items():
        assert seen[name]["optimizer"] is stage.optimizer
        assert seen[name]["metrics"] is stage.metrics
        assert seen[name]["stop_training"] is False and seen[name]["traced"]
        assert seen[name]["history"] == []
        assert seen[name]["results"] == sorted(("gamma", "kl", "loss", "mse", "nll"))
    assert model.optimizer is model.first_stage.optimizer
    assert model.metrics is model.first_stage.metrics


def test_compiled_says_whether_both_stages_are():
    model = reused(tiny.two_stage)
    assert model.compiled
    fresh = tsvae.TwoStageVAE(tsvae.FirstStageVAE(*tiny.dense_networks()), tiny.second_stage())
    assert not fresh.compiled
    with pytest.raises(AttributeError, match="fitted"):
        _ = fresh.history
    fresh.compile()
    assert fresh.compiled


def test_callbacks_see_the_weights_of_the_moment():
    """On JAX they live outside of the model during an epoch."""
    images = tiny.images(5) / np.float32(255)

    def look(model, at):
        called, computed = flat(model(images))[0], model.reconstruct(images)
        np.testing.assert_allclose(called, computed, atol=1e-5)
        np.testing.assert_allclose(called, model.predict(images, verbose=0), atol=1e-5)
        return steps(model), model.get_weights(), model.sample(3, seed=0)

    model, results = visited(look)
    for made, seen in ((2, results["batch"]), (6, results["epoch"])):
        assert seen["stage1"][0] == [made, 0] and seen["stage2"][0] == [6, made]
        before, middle = seen["stage1"][1], seen["stage2"][1]
        assert any(np.abs(a - b).max() > 1e-6 for a, b in zip(before, middle))
        assert np.abs(seen["stage1"][2] - model.sample(3, seed=0)).max() > 1e-6


def test_saved_in_either_stage_it_goes_on_from_there(tmp_path):
    def save(model, at):
        name, images = f"{model.stage_in_training}_{at}", tiny.images(5)
        model.save(tmp_path / f"{name}.keras")
        keras.saving.save_model(model, tmp_path / f"{name}_by_function.keras")
        model.save_weights(tmp_path / f"{name}.weights.h5")
        made = model.reconstruct(images), model.sample(5, seed=0)
        return steps(model), moments(model), model.get_weights(), made

    _, results = visited(save, reused(tiny.two_stage, "adam"))
    by_weights = reused(tiny.two_stage, "adam")
    by_weights.build_optimizers()
    for at, seen in results.items():
        for stage, (made, state, weights, (reconstructed, samples)) in seen.items():
            name = f"{stage}_{at}"
            by_weights.load_weights(tmp_path / f"{name}.weights.h5")
            paths = (tmp_path / f"{name}.keras", tmp_path / f"{name}_by_function.keras")
            for loaded in (*map(keras.saving.load_model, paths), by_weights):
                assert steps(loaded) == made
                np.testing.assert_allclose(moments(loaded), state, rtol=1e-6)
                for ours, theirs in zip(loaded.get_weights(), weights, strict=True):
                    np.testing.assert_array_equal(ours, theirs)
            images = loaded.reconstruct(tiny.images(5))
            np.testing.assert_allclose(images, reconstructed, atol=1e-5)
            np.testing.assert_allclose(loaded.sample(5, seed=0), samples, atol=1e-5)


def moments(model):
    """A number for each variable of both optimisers."""
    return [
        float(np.abs(flat(variable)[0]).astype("float64").sum())
        for stage in model.stages().values()
        for variable in stage.optimizer.variables
    ]


def test_a_saved_file_names_no_optimizer_of_the_whole(looked_at):
    """Keras's saving walks through all attributes, and would save one stage's twice."""
    h5py = pytest.importorskip("h5py")
    for stage in ("stage1", "stage2"):
        with h5py.File(looked_at[2] / f"{stage}.weights.h5") as file:
            names = []
            file.visit(names.append)
        optimizers = [name for name in names if name.endswith("optimizer")]
        assert len(optimizers) == 2 and "optimizer" not in optimizers


def test_checkpoints_of_weights_alone(tmp_path):
    checkpoint = keras.callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.weights.h5", save_weights_only=True
    )
    model = reused(tiny.two_stage)
    model.fit(tiny.images(96), batch_size=16, epochs=1, callbacks=[checkpoint], verbose=0)
    loaded = reused(tiny.two_stage)
    loaded.load_weights(tmp_path / "2.weights.h5")
    for ours, theirs in zip(model.get_weights(), loaded.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_it_can_be_copied_in_either_stage():
    def copy(model, at):
        copied = keras.models.clone_model(model)
        copied.set_weights(model.get_weights())
        images = tiny.images(5)
        np.testing.assert_allclose(flat(copied(images))[0], model.reconstruct(images), atol=1e-5)
        return type(copied)

    model, seen = visited(copy, model=reused(tiny.two_stage, networks=tiny.residual_networks))
    for at in ("batch", "epoch"):
        assert set(seen[at].values()) == {tsvae.TwoStageVAE}


def test_a_learning_rate_set_by_a_callback_is_that_of_the_stage():
    def set_rate(model, at):
        if at == "epoch":
            rates = {"stage1": 0.5, "stage2": 0.25}
            model.optimizer.learning_rate = rates[model.stage_in_training]

    model, _ = visited(set_rate)
    rates = [float(flat(stage.optimizer.learning_rate)[0]) for stage in model.stages().values()]
    assert rates == [0.5, 0.25]


def test_no_stage_is_in_training_after_a_fit_that_raises():
    def fail(model, at):
        raise KeyError("on purpose")

    model = reused(tiny.two_stage)
    with pytest.raises(KeyError, match="on purpose"):
        visited(fail, model=model)
    assert model.stage_in_training is None and model.history.history == {}
    visited(lambda model, at: None, model=model)


def test_the_history_of_both_stages():
    model = reused(tiny.two_stage)
    history = model.fit(
        tiny.images(96),
        batch_size=16,
        epochs=3,
        initial_epoch=1,
        second_stage_epochs=2,
        second_stage_batch_size=48,
        verbose=0,
    )
    assert model.history is history and history.model is model
    assert history.epoch == [1, 2, 0, 1]
    assert history.params == {
        "verbose": 0,
        "epochs": 3,
        "steps": 6,
        "second_stage_epochs": 2,
        "second_stage_steps": 2,
    }
    assert len(history.history["stage1_loss"]) == len(history.history["stage2_loss"]) == 2


def test_a_history_of_the_users_own_sees_both_stages():
    model, own = reused(tiny.two_stage), keras.callbacks.History()
    history = model.fit(tiny.images(96), batch_size=16, callbacks=[own], verbose=0)
    assert model.history is history and history is not own
    assert len(own.history["loss"]) == 3 and len(history.history["stage1_loss"]) == 1


def test_batches_are_for_one_stage():
    model, images = reused(tiny.two_stage), tiny.images(16)
    with pytest.raises(NotImplementedError, match="`train_on_batch` is for one stage: call"):
        model.train_on_batch(images)
    with pytest.raises(NotImplementedError, match="`model.evaluate.images.` for both"):
        model.test_on_batch(images)
    assert model.predict_on_batch(images).shape == images.shape
    before = model.get_weights()
    mean, std = model.encode(images)
    logs = model.first_stage.train_on_batch(images, return_dict=True)
    assert np.isfinite(logs["loss"])
    logs = model.second_stage.train_on_batch(mean, std, return_dict=True)
    assert np.isfinite(logs["loss"])
    assert steps(model) == [1, 1]
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, model.get_weights()))
