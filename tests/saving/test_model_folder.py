"""Models as folders: what is in them, who reads them, and what is said of those that are wrong."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.saving import model_folder
from tests import tiny

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "0.1.0-8ef14e7"
NAMES = ["assets", "config.json", "metadata.json", "model.weights.h5"]


@pytest.fixture(scope="module")
def whole(fitted, tmp_path_factory):
    """The folder of `fitted`. Not to be changed."""
    folder = tmp_path_factory.mktemp("models") / "whole"
    fitted.save_to_preset(folder)
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    """A folder to change."""
    return shutil.copytree(whole, tmp_path / "copy")


def changed(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refused(folder, reason, read=tsvae.TwoStageVAE.from_preset, argument="name"):
    with pytest.raises(ValueError, match=reason) as caught:
        read(folder)
    assert f"Received: {argument}={str(folder)!r}" in str(caught.value)


def test_what_is_in_a_folder(fitted, whole):
    assert sorted(path.name for path in whole.iterdir()) == NAMES
    known = json.loads((whole / "metadata.json").read_text())
    assert known["keras_tsvae_version"] == tsvae.__version__
    assert known["keras_version"] == keras.__version__
    assert known["backend"] == keras.backend.backend() and known["backend_version"]
    assert known["date_saved"][:2] == "20"
    stages = known["parameter_counts"]
    assert stages == {
        name: sum(np.prod(w.shape, dtype=int) for w in getattr(fitted, name).weights)
        for name in ("first_stage", "second_stage")
    }
    assert known["parameter_count"] == sum(stages.values())
    with h5py.File(whole / "model.weights.h5") as weights:
        groups = []
        weights.visit(groups.append)
        assert not [name for name in groups if "optimizer" in name]
    assert "learning_rate" not in (whole / "config.json").read_text()
    assert fitted.compiled  # still


def test_everyone_reads_it(fitted, whole):
    expected = fitted.sample(3, seed=1)
    for read in (tsvae.TwoStageVAE.from_preset, tsvae.load_model, keras.saving.load_model):
        for path in (whole, str(whole)):
            loaded = read(path)
            assert type(loaded) is tsvae.TwoStageVAE and not loaded.compiled
        np.testing.assert_array_equal(loaded.sample(3, seed=1), expected)


def test_stages_and_judges(fitted, tmp_path):
    fitted.second_stage.save_to_preset(tmp_path / "second")
    for cls in (tsvae.SecondStage, tsvae.SecondStageVAE):
        second = cls.from_preset(tmp_path / "second")
        assert type(second) is tsvae.SecondStageVAE
    z = np.ones((2, tiny.LATENT_DIM), "float32")
    np.testing.assert_array_equal(second.decode(z), fitted.second_stage.decode(z))
    judge = tsvae.metrics.ClassifierFeatures(tiny.IMAGE_SHAPE, 3, dimensions=4)
    judge.save_to_preset(tmp_path / "judge")
    found = tsvae.metrics.ClassifierFeatures.from_preset(tmp_path / "judge")
    for ours, theirs in zip(found.get_weights(), judge.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    refused(tmp_path / "second", "of a TwoStageVAE.*a SecondStageVAE")
    refused(tmp_path / "judge", "of a SecondStage.*Classi", tsvae.SecondStage.from_preset)
    refused(tmp_path / "second", "of a Second.*Flow", tsvae.SecondStageFlow.from_preset)


def test_the_class_is_found(whole, tmp_path):
    model = tsvae.load_model(GOLDEN / "conditional.keras", compile=False)
    model.save_to_preset(tmp_path / "conditional")
    known = json.loads((tmp_path / "conditional" / "metadata.json").read_text())
    assert [*known["parameter_counts"]] == ["first_stage", "second_stage", "recognizer"]
    loaded = tsvae.TwoStageVAE.from_preset(tmp_path / "conditional")
    assert type(loaded) is tsvae.ConditionalTwoStageVAE
    ours, theirs = (part.sample(2, seed=0, condition=[0, 1]) for part in (loaded, model))
    np.testing.assert_array_equal(ours, theirs)
    message = "of a ConditionalTwoStageVAE.*a TwoStageVAE, which `keras_tsvae.load_model` reads"
    refused(whole, message, tsvae.ConditionalTwoStageVAE.from_preset)
    with h5py.File(tmp_path / "conditional" / "model.weights.h5", "r+") as weights:
        del weights["vars/joint_rows"]
    refused(tmp_path / "conditional", "joint_rows")


@pytest.mark.slow
def test_the_other_backend_reads_it(fitted, whole, images, tmp_path):
    other = {"tensorflow": "jax", "jax": "tensorflow"}[keras.backend.backend()]
    program = """
import sys, numpy as np, keras_tsvae as tsvae
given = np.load(sys.argv[2])
model = tsvae.TwoStageVAE.from_preset(sys.argv[1])
mean, std = model.encode(given["images"])
np.savez(sys.argv[3], mean=mean, std=std, decoded=model.decode(given["z"]),
         second=model.second_stage.decode(given["z"]), again=model.reconstruct(given["images"]),
         sampled=model.decode(model.second_stage.generate(given["z"], given["z"])))
"""
    z = np.random.default_rng(0).normal(size=(5, tiny.LATENT_DIM)).astype("float32")
    np.savez(tmp_path / "given.npz", images=images[:5], z=z)
    places = [str(whole), str(tmp_path / "given.npz"), str(tmp_path / "made.npz")]
    environment = {**os.environ, "KERAS_BACKEND": other}
    subprocess.run([sys.executable, "-c", program, *places], env=environment, check=True)
    made = np.load(tmp_path / "made.npz")
    mean, std = fitted.encode(images[:5])
    expected = {
        "mean": mean,
        "std": std,
        "decoded": fitted.decode(z),
        "second": fitted.second_stage.decode(z),
        "again": fitted.reconstruct(images[:5]),
        "sampled": fitted.decode(fitted.second_stage.generate(z, z)),
    }
    assert {*made} == {*expected}
    for name, value in expected.items():
        np.testing.assert_allclose(made[name], value, rtol=0, atol=1e-5, err_msg=name)


def second_stage(config):
    return config["config"]["second_stage"]


WRONG = {  # what is done to config.json, and what is said of it
    "class": (lambda c: c.update(class_name="No", registered_name="a>No"), "class 'No'"),
    "class of a stage": (
        lambda c: second_stage(c).update(class_name="No", registered_name="a>No"),
        "class 'No'",
    ),
    "no class": (lambda c: c.pop("class_name"), "there is no 'class_name' in it"),
    "no config": (lambda c: c.pop("config"), "there is no 'config' in it"),
    "no stage": (lambda c: c["config"].pop("second_stage"), "there is no 'second_stage'"),
    "no class of a stage": (lambda c: second_stage(c).pop("class_name"), "no 'class_name'"),
    "no argument": (lambda c: second_stage(c)["config"].pop("latent_dim"), "'latent_dim'"),
    "another argument": (lambda c: second_stage(c)["config"].update(wide=3), "'wide'"),
    "too wide": (lambda c: second_stage(c)["config"].update(width=10**7), "bytes of memory"),
    "too deep": (lambda c: second_stage(c)["config"].update(depth=10**7), "10,000,000 layers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_configs_are_named(name, copy):
    change, reason = WRONG[name]
    changed(copy / "config.json", change)
    refused(copy, reason)
    refused(copy, reason, tsvae.load_model, "filepath")
    try:
        tsvae.load_model(copy)
    except ValueError as error:
        assert len(str(error)) < 800  # without the pages of a config


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # as Keras says before
@pytest.mark.parametrize("part", ["first_stage/encoder", "first_stage/decoder", "second_stage"])
def test_missing_weights_are_named(part, copy):
    with h5py.File(copy / "model.weights.h5", "r+") as weights:
        found = []
        weights.visititems(
            lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
        )
        inside = [name for name in found if f"/{part}" in f"/{name}" or part in name]
        del weights[sorted(inside)[0]]
    refused(copy, "could not be loaded|expected")


def test_newer_versions_are_named(copy):
    def written_by(**versions):
        changed(copy / "metadata.json", lambda known: known.update(versions))

    major, minor, *_ = tsvae.__version__.split(".")
    written_by(keras_tsvae_version=f"{major}.{minor}.99")  # which keeps to what 0.1.0 can read
    assert tsvae.TwoStageVAE.from_preset(copy).built
    newer = f"{major}.{int(minor) + 1}.0"
    written_by(keras_tsvae_version=newer)
    refused(copy, f"written by keras_tsvae {newer}, which is newer than the {tsvae.__version__}")
    refused(copy, newer, tsvae.load_model, "filepath")
    written_by(keras_tsvae_version="soon")
    refused(copy, "'soon', which is none")
    written_by(keras_tsvae_version=tsvae.__version__, keras_version="99.1.0")
    assert tsvae.TwoStageVAE.from_preset(copy).built  # Keras keeps to its format
    changed(copy / "config.json", lambda config: second_stage(config).update(class_name="No"))
    changed(copy / "config.json", lambda config: second_stage(config).update(registered_name="N"))
    refused(copy, f"written with Keras 99.1.0, {keras.__version__} is installed")


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_what_is_not_there_or_no_json(name, copy):
    text = (copy / name).read_bytes()
    (copy / name).unlink()
    if name == "metadata.json":  # that of Keras says less
        assert tsvae.TwoStageVAE.from_preset(copy).built
    else:
        refused(copy, f"it has no {name}")
    (copy / name).write_bytes(text[: len(text) // 2])
    refused(copy, "copy")
    if name != "model.weights.h5":
        (copy / name).write_text("[]")
        refused(copy, f"its {name} holds no object")


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_no_link_leads_out(copy, tmp_path):
    for name in ("config.json", "model.weights.h5", "metadata.json", "assets/more"):
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        if (copy / name).exists():
            (copy / name).rename(elsewhere / pathlib.Path(name).name)
        else:
            (elsewhere / "more").touch()
        (copy / name).symlink_to(elsewhere / pathlib.Path(name).name)
        refused(copy, f"its file '{pathlib.Path(name).name}' leads out of the folder")
        (copy / name).unlink()
        shutil.move(elsewhere / pathlib.Path(name).name, copy / name)
    assert tsvae.TwoStageVAE.from_preset(copy).built
    snapshot, blobs = tmp_path / "model" / "snapshots" / "1a", tmp_path / "model" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for name in NAMES[1:]:  # as Hugging Face's cache has it
        shutil.copy(copy / name, blobs / name)
        (snapshot / name).symlink_to(f"../../blobs/{name}")
    assert tsvae.TwoStageVAE.from_preset(snapshot).built


def test_a_model_alone_is_replaced(fitted, copy, tmp_path, monkeypatch):
    before = (copy / "config.json").stat().st_ino
    fitted.save_to_preset(copy)
    assert sorted(path.name for path in copy.iterdir()) == NAMES
    assert (copy / "config.json").stat().st_ino != before
    (copy / "letter.txt").write_text("dear")
    for save in (fitted.save_to_preset, lambda path: fitted.save(path, zipped=False)):
        with pytest.raises(ValueError, match="must be the path of a new folder, an empty one"):
            save(copy)
    assert (copy / "letter.txt").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="must be the path of a new folder"):
        fitted.save_to_preset(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    fitted.save_to_preset(tmp_path / "empty")

    def fails(model):
        raise OSError("no space left")

    monkeypatch.setattr(model_folder, "_metadata", fails)
    with pytest.raises(OSError, match="no space"):
        fitted.save_to_preset(tmp_path / "empty")
    assert tsvae.TwoStageVAE.from_preset(tmp_path / "empty").built
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "empty", "file"]


def test_unbuilt_models_are_not_saved(tmp_path):
    unbuilt = tsvae.FirstStageVAE(keras.Sequential([]), keras.Sequential([]))
    with pytest.raises(ValueError, match="must be built before it can be saved"):
        unbuilt.save_to_preset(tmp_path / "model")
    assert not [*tmp_path.iterdir()]
