import io
import zipfile

import h5py
import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.conditions import toy
from tests.harness import flat
from tests.reused import reused

pytestmark = pytest.mark.slow

IMAGES, ATTRIBUTES = toy.data(50, seed=9)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("conditional") / "model.keras"
    toy.fitted("modulate").save(path)
    return path


def test_round_trip(saved):
    model, loaded = toy.fitted("modulate"), keras.saving.load_model(saved)
    assert loaded.conditions.names == toy.NAMES and loaded.get_config() == model.get_config()
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(flat(ours)[0], flat(theirs)[0])
    condition = {"north_west": 1}
    np.testing.assert_array_equal(
        loaded.sample(50, seed=1, condition=condition),
        model.sample(50, seed=1, condition=condition),
    )
    np.testing.assert_array_equal(loaded.infer_condition(IMAGES), model.infer_condition(IMAGES))
    for name in ("first_stage", "second_stage"):
        ours, theirs = (getattr(m, name).optimizer for m in (model, loaded))
        assert theirs.get_config() == ours.get_config()
        for a, b in zip(ours.variables, theirs.variables, strict=True):
            np.testing.assert_array_equal(flat(a)[0], flat(b)[0])


def test_training_goes_on_after_loading(tmp_path):
    model = reused(toy.linear)
    model.fit(IMAGES, ATTRIBUTES, 16, 1, recognizer_epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not model.recognizer.compiled and model.recognizer.optimizer is None
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            names = []
            weights.visit(names.append)
    assert sum(name.endswith("optimizer") for name in names) == 2  # one a stage
    recognizer = [w.copy() for w in loaded.recognizer.get_weights()]
    loaded.fit(IMAGES, ATTRIBUTES, 16, 1, verbose=0, correct_conditions=False)
    steps = [int(flat(stage.optimizer.iterations)[0]) for stage in loaded.stages().values()]
    assert steps == [2 * 3, 2 * 6]
    for ours, theirs in zip(loaded.recognizer.get_weights(), recognizer, strict=True):
        np.testing.assert_array_equal(ours, theirs)  # it is trained already


def test_an_untrained_model_and_compile_arguments_travel(tmp_path):
    model = toy.linear(tsvae.conditions.Classes(names=["cat", "dog"]))
    model.compile(keras.optimizers.SGD(0.1, momentum=0.5), "rmsprop")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.conditions.names == ("cat", "dog") and loaded.joint is None
    assert loaded.first_stage.optimizer.get_config()["momentum"] == 0.5
    assert isinstance(loaded.second_stage.optimizer, keras.optimizers.RMSprop)
    with pytest.raises(ValueError, match="must be fitted"):
        loaded.sample(2)


def test_a_wrapper_has_the_dtype_policy_of_the_stage_it_wraps():
    networks = tiny.linear_networks(tiny.IMAGE_SHAPE, toy.LATENT_DIM)
    first = tsvae.FirstStageVAE(*networks, dtype="mixed_bfloat16")
    conditions = tsvae.conditions.Attributes(toy.NAMES)
    second = tsvae.ConditionalTwoStageVAE.wrap(first, conditions, width=8).second_stage
    assert second.compute_dtype == second.encoder.compute_dtype == "bfloat16"


def test_mixed_precision_trains_and_travels(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    model = reused(toy.linear)
    images, attributes = toy.data(64)
    history = model.fit(images, attributes, 16, 1, recognizer_epochs=1, verbose=0)
    assert all(np.isfinite(values).all() for values in history.history.values())
    model.save(tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(5, seed=0), model.sample(5, seed=0))
    assert loaded.recognizer.compute_dtype == model.recognizer.compute_dtype
    np.testing.assert_array_equal(loaded.infer_condition(images), model.infer_condition(images))
