import functools
import json
import pathlib
import zipfile

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.harness import flat

pytestmark = pytest.mark.slow


def test_round_trip_is_bit_equal_with_compile_and_optimiser_state(fitted, images, tmp_path):
    fitted.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(9, seed=1), fitted.sample(9, seed=1))
    np.testing.assert_array_equal(loaded.encode(images)[1], fitted.encode(images)[1])
    for ours, theirs in (
        (fitted.first_stage, loaded.first_stage),
        (fitted.second_stage, loaded.second_stage),
    ):
        assert theirs.compiled and theirs.optimizer.get_config() == ours.optimizer.get_config()
        assert len(ours.optimizer.variables) == len(theirs.optimizer.variables) > 2
        for a, b in zip(ours.optimizer.variables, theirs.optimizer.variables):
            np.testing.assert_array_equal(flat(a)[0], flat(b)[0])
    assert loaded.get_config() == fitted.get_config()
    loaded.fit(images, batch_size=16, verbose=0)


def test_a_first_stage_saves_on_its_own(tmp_path):
    stage = tiny.first_stage(networks=tiny.residual_networks)
    stage.save(tmp_path / "stage.keras")
    loaded = keras.saving.load_model(tmp_path / "stage.keras")
    assert loaded.compiled and loaded.get_config() == stage.get_config()
    np.testing.assert_array_equal(loaded.sample(5, seed=2), stage.sample(5, seed=2))


def test_a_model_without_a_step_loads_without_a_warning(tmp_path, recwarn):
    tiny.two_stage("adam").save(tmp_path / "model.keras")
    keras.saving.load_model(tmp_path / "model.keras")
    assert not [w for w in recwarn if "optimizer" in str(w.message)]


def test_compile_arguments_survive(tmp_path):
    model = tiny.two_stage()
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 100, 0.5)
    model.compile(keras.optimizers.SGD(schedule, momentum=0.5), "rmsprop", steps_per_execution=4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.first_stage.optimizer.get_config()["momentum"] == 0.5
    assert isinstance(loaded.second_stage.optimizer, keras.optimizers.RMSprop)
    assert loaded.first_stage.steps_per_execution == 4
    config = json.loads(zipfile.ZipFile(tmp_path / "model.keras").read("config.json"))
    compiled = config["compile_config"]["stage1"]
    assert compiled["jit_compile"] == "auto"  # decided anew where the model is loaded


def test_an_uncompiled_model_saves_and_loads(tmp_path):
    model = tsvae.TwoStageVAE(
        tsvae.FirstStageVAE(*tiny.dense_networks()), tsvae.SecondStageVAE(4, 8, 1)
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=0), model.sample(3, seed=0))
    assert not loaded.first_stage.compiled


def test_user_made_second_stage_networks_travel(tmp_path):
    z = keras.Input((4,))
    encoder = keras.Model(z, (keras.layers.Dense(4)(z), keras.layers.Dense(4)(z)))
    stage = tsvae.SecondStageVAE(
        4, encoder=encoder, decoder=keras.Sequential([keras.layers.Dense(4)])
    )
    stage.save(tmp_path / "stage.keras")
    loaded = keras.saving.load_model(tmp_path / "stage.keras")
    assert len(loaded.weights) == len(stage.weights)
    np.testing.assert_array_equal(loaded.sample(3, seed=0), stage.sample(3, seed=0))


def test_mixed_precision_models_round_trip(images, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    model = tiny.two_stage(networks=tiny.residual_networks)
    model.fit(images, batch_size=16, verbose=0)
    model.save(tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.first_stage.encoder.get_layer("stem").compute_dtype == "float16"
    np.testing.assert_array_equal(loaded.sample(5, seed=0), model.sample(5, seed=0))
    loaded.fit(images, batch_size=16, verbose=0)


def test_a_failed_save_leaves_the_old_file(fitted, tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    fitted.save(path)
    before = path.read_bytes()

    def broken(self, path, **kwargs):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(keras.Model, "save", broken)
    with pytest.raises(OSError, match="No space left"):
        fitted.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


class UnregisteredSGD(keras.optimizers.SGD):
    """An optimiser that no file's reader knows."""

    __module__ = "elsewhere"


def test_without_compiling_nothing_is_compiled_whatever_the_optimizer(tmp_path):
    model = tiny.two_stage()
    model.compile(UnregisteredSGD(1e-3), keras.optimizers.Adam(1e-3), auto_scale_loss=False)
    for saved, name in ((model, "whole"), (model.first_stage, "stage")):
        saved.save(tmp_path / f"{name}.keras")
        loaded = keras.saving.load_model(tmp_path / f"{name}.keras", compile=False)
        stages = loaded.stages().values() if name == "whole" else [loaded]
        assert not any(stage.compiled for stage in stages)
        np.testing.assert_array_equal(
            loaded.reconstruct(tiny.images(4)), model.reconstruct(tiny.images(4))
        )
        with pytest.raises(TypeError, match="UnregisteredSGD"):
            keras.saving.load_model(tmp_path / f"{name}.keras")
        known = {"UnregisteredSGD": UnregisteredSGD}
        loaded = keras.saving.load_model(tmp_path / f"{name}.keras", custom_objects=known)
        first = getattr(loaded, "first_stage", loaded)
        assert type(first.optimizer) is UnregisteredSGD
        assert first.get_compile_config()["auto_scale_loss"] is False
    assert not tsvae.TwoStageVAE.from_config(model.get_config()).first_stage.compiled


def test_one_compiled_stage_of_two_stays_the_only_one(tmp_path):
    model = tsvae.TwoStageVAE(tiny.first_stage(), tsvae.SecondStageVAE(4, 8, 1))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.first_stage.compiled and not loaded.second_stage.compiled


def older(model, path):
    """Writes a file as it was before compile configs moved from the stages to the whole model."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    for name, compiled in config.pop("compile_config").items():
        del compiled["auto_scale_loss"]
        stage = {"stage1": "first_stage", "stage2": "second_stage"}[name]
        config["config"][stage]["compile_config"] = compiled
    parts["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)


def test_older_files_are_compiled_if_they_can_be(tmp_path):
    model = tiny.two_stage("adam")
    older(model, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.first_stage.compiled and loaded.second_stage.compiled
    model.compile(UnregisteredSGD(1e-3), keras.optimizers.Adam(1e-3))
    older(model, tmp_path / "model.keras")
    with pytest.warns(UserWarning, match="was not compiled .* 'UnregisteredSGD'"):
        loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert not loaded.first_stage.compiled and loaded.second_stage.compiled
    np.testing.assert_array_equal(loaded.sample(2, seed=0), model.sample(2, seed=0))


def test_a_folder_in_place_of_a_file(fitted, images, tmp_path):
    folder = tmp_path / "model"
    for _ in range(2):  # the second replaces the first
        fitted.save(folder, zipped=False)
        loaded = keras.saving.load_model(folder)
        np.testing.assert_array_equal(loaded.sample(3, seed=1), fitted.sample(3, seed=1))
        assert loaded.first_stage.optimizer.iterations == fitted.first_stage.optimizer.iterations
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    with pytest.raises(ValueError, match="must not exist unless `overwrite`"):
        fitted.save(folder, overwrite=False, zipped=False)
    with pytest.raises(ValueError, match="must not end in '.keras' if not `zipped`"):
        fitted.save(tmp_path / "model.keras", zipped=False)
    with pytest.raises(ValueError, match="must end in '.keras'"):
        fitted.save(folder, zipped=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="a new folder, an empty one, or one that a model"):
        fitted.save(tmp_path / "other", zipped=False)
    assert (tmp_path / "other" / "letter.txt").exists()


@pytest.mark.parametrize("address", ["gs://bucket/m.keras", "hf://user/m.keras", "s3://b/m.keras"])
def test_an_address_is_refused_and_makes_no_folder(address, fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    doors = [fitted.save, fitted.first_stage.save, lambda path: fitted.save(pathlib.Path(path))]
    if keras.backend.backend() == "tensorflow":
        doors.append(fitted.export)
    for door in doors:
        with pytest.raises(ValueError, match="Paths must be those of local files"):
            door(address)
    assert not list(tmp_path.iterdir())


def test_without_optimizers_a_file_is_a_third_as_long(images, tmp_path):
    model = tiny.two_stage("adam", functools.partial(tiny.linear_networks, (8, 8, 1), 4))
    for each in (model, model.second_stage):
        lengths = []
        for include in (True, False):
            path = tmp_path / f"{include}.keras"
            each.save(path, include_optimizer=include)
            lengths.append(path.stat().st_size)
            loaded = keras.saving.load_model(path)
            assert loaded.compiled == include
            for ours, theirs in zip(loaded.get_weights(), each.get_weights(), strict=True):
                np.testing.assert_array_equal(ours, theirs)
        assert each.compiled and each.optimizer.built and lengths[1] < lengths[0]
    loaded.compile("sgd")
    assert len(loaded.optimizer.variables) == 2
