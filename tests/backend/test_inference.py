"""Inference on JAX: compiled for few sizes of batches, and weights that survive what fails."""

import os
import signal
import threading

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.conditions import toy
from tests.harness import flat

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX alone compiles anew")
WRONG = np.zeros((4, 9, 9, 3), "float32")
IMAGES = tiny.images(16)


@pytest.fixture
def compilations(caplog):
    """Counts what is compiled while a function runs."""
    import jax

    def count(function, *arguments):
        caplog.clear()
        with jax.log_compiles():
            function(*arguments)
        return sum(record.getMessage().startswith("Compiling ") for record in caplog.records)

    return count


def unconditional():
    model = tiny.two_stage()
    model.fit_mixture(tiny.images(16), num_components=2, seed=0)
    return model


DOORS = {
    "sample": lambda model, n: model.sample(n, seed=0),
    "sample of stage 1": lambda model, n: model.sample(n, stage=1, seed=0),
    "sample of the mixture": lambda model, n: model.sample(n, stage="mixture", seed=0),
    "encode": lambda model, n: model.encode(IMAGES[:n]),
    "reconstruct": lambda model, n: model.reconstruct(IMAGES[:n]),
    "decode": lambda model, n: model.decode(np.zeros((n, 4))),
    "second encode": lambda model, n: model.second_stage.encode(np.zeros((n, 4))),
    "predict": lambda model, n: model.predict(IMAGES[:n], verbose=0),
    "predict of a stage": lambda model, n: model.first_stage.predict(IMAGES[:n], verbose=0),
    "predict on a batch": lambda model, n: model.predict_on_batch(IMAGES[:n]),
}


@pytest.mark.parametrize("name", DOORS)
def test_few_sizes_are_compiled_and_results_are_cut(name, compilations):
    model, door = unconditional(), DOORS[name]
    few = flat(door(model, 3))
    assert all(len(part) == 3 for part in few)
    door(model, 3)  # Keras 3.8 compiles `predict` twice
    for n in (1, 5, 8):
        assert not compilations(door, model, n)
    assert compilations(door, model, 9) <= 4  # 16 rows: other steps than the network's are small
    for n in (11, 16):
        assert not compilations(door, model, n)
    for part, whole in zip(few, flat(door(model, 16))):
        np.testing.assert_allclose(part, whole[:3], rtol=1e-5, atol=1e-6)


def test_a_last_batch_does_not_exceed_a_full_one(compilations):
    model = tiny.two_stage()
    model.sample(100, seed=0, batch_size=100)
    assert not compilations(lambda: model.sample(395, seed=0, batch_size=100))
    whole = model.sample(395, seed=0, batch_size=395)
    np.testing.assert_allclose(model.sample(395, seed=0, batch_size=100), whole, atol=1e-6)


@pytest.mark.parametrize("kind", ["attributes", "number"])
def test_a_conditional_model_compiles_few_sizes(kind, compilations):
    conditions = {"attributes": tsvae.conditions.Attributes(toy.NAMES), "number": None}[kind]
    model = toy.linear(conditions or tsvae.conditions.Number("n"), seen=None)
    rows = toy.ROWS if kind == "attributes" else np.arange(5.0)
    model.joint = tsvae.conditions.JointConditions.from_batches([model.conditions.encode(rows)])
    doors = (
        lambda n: model.sample(n, seed=0),
        lambda n: model.infer_condition(IMAGES[:n]),
        lambda n: model.reconstruct(IMAGES[:n]),
    )
    for door in doors:
        door(3)
        assert not any(compilations(door, n) for n in (1, 5, 8))


def test_a_judge_compiles_few_sizes(compilations):
    judge = tsvae.metrics.ClassifierFeatures(tiny.IMAGE_SHAPE, 3, dimensions=4)
    extractor = tsvae.metrics.extractors.as_extractor(judge)
    extractor(tiny.images(5))
    assert not compilations(extractor, tiny.images(7))
    for _ in range(2):  # Keras 3.8 compiles twice
        judge.predict(tiny.images(5), verbose=0)
    assert not compilations(lambda: judge.predict(tiny.images(7), verbose=0))


def alive(model):
    values = [v._value for v in (*model.variables, *getattr(model.optimizer, "variables", ()))]
    return all(value is not None and not value.is_deleted() for value in values)


class Interrupted(keras.utils.PyDataset):
    """Four batches, of which the third raises."""

    def __init__(self, error, images):
        super().__init__()
        self.error, self.images = error, images

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index == 2:
            raise self.error
        return (self.images[4 * index : 4 * index + 4],)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("unreadable")])
@pytest.mark.parametrize("name", ["fit", "evaluate", "predict"])
def test_what_fails_halfway_leaves_the_weights(name, error):
    stage = tiny.first_stage(keras.optimizers.Adam(1e-3))
    stage.fit(tiny.images(16), batch_size=16, verbose=0)
    before = [np.array(w) for w in stage.get_weights()]
    with pytest.raises(type(error)):
        getattr(stage, name)(Interrupted(error, tiny.images(16)), verbose=0)
    assert alive(stage)
    if name != "fit":
        for ours, theirs in zip(stage.get_weights(), before, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    stage.fit(tiny.images(16), batch_size=16, verbose=0)  # goes on from there


def recognizer():
    return tsvae.models.condition_recognizer.ConditionRecognizer((8, 8, 1), "classes", 3)


MODELS = {
    "whole": tiny.two_stage,
    "stage": tiny.first_stage,
    "network": tiny.encoder,
    "judge": lambda: tsvae.metrics.ClassifierFeatures((8, 8, 1), 3, dimensions=4),
    "recognizer": recognizer,
}


@pytest.mark.parametrize("name", MODELS)
def test_a_wrong_shape_leaves_the_weights(name):
    model = MODELS[name]()
    images = tiny.images(3).astype("float32") / 255
    before = flat(model.predict(images, verbose=0))
    calls = [lambda: model.predict(WRONG, verbose=0), lambda: model.predict_on_batch(WRONG)]
    if name == "stage":
        calls += [lambda: model.train_on_batch(WRONG), lambda: model.test_on_batch(WRONG)]
        calls += [lambda: keras.Model.evaluate(model, WRONG), lambda: keras.Model.fit(model, WRONG)]
    for call in calls:
        with pytest.raises(Exception):  # noqa: B017
            call()
        assert all(v._value is not None and not v._value.is_deleted() for v in model.variables)
        for ours, theirs in zip(flat(model.predict(images, verbose=0)), before):
            np.testing.assert_array_equal(ours, theirs)


def test_a_failed_prediction_is_not_put_back_by_a_later_training():
    stage = tiny.first_stage()
    with pytest.raises(KeyboardInterrupt):
        stage.predict(Interrupted(KeyboardInterrupt(), tiny.images(16)), verbose=0)
    stage.log_gamma.assign(-1.0)
    with pytest.raises(ValueError):
        keras.Model.fit(stage, WRONG, verbose=0)
    assert float(stage.log_gamma.numpy()) == -1.0


@pytest.fixture
def interruptible():
    """A process that a shell has started in the background ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_step_of_training_ends_before_it_is_interrupted(interruptible):
    stage, handled = tiny.first_stage(), []

    def step(state, data):
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(0.01)  # time for the signal
        handled.append("step")
        return {}, tuple([value] for value in "abcd")

    function = stage._make_function(step)
    with pytest.raises(KeyboardInterrupt):
        function(None, iter([None]))
    assert handled == ["step"] and stage._jax_state["metrics_variables"] == ["d"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
