"""What is known of models, and models that were exported."""

import shutil

import keras
import numpy as np
import pytest

from keras_tsvae.models.generator import Generator
from tests.cli.conftest import FILES

pytestmark = pytest.mark.slow


def test_info(keras_tsvae, files):
    code, known, _ = keras_tsvae("info", files["classes"], "--json")
    assert code == 0 and known["model"] == "ConditionalTwoStageVAE"
    assert known["image_shape"] == [4, 4, 1] and known["latent_dim"] == 2
    assert known["conditions"] == {"kind": "classes", "size": 3, "names": None}
    assert known["keras_version"]
    stages = known["stages"]
    assert [stages[name]["steps"] for name in stages] == [4, 8]
    assert stages["first_stage"]["encoder"] == "ResNetEncoder"
    text = keras_tsvae("info", files["judge"])[1]
    assert "ClassifierFeatures" in text and "8, 8, 1" in text


def test_exporting(keras_tsvae, run_folder, tmp_path, monkeypatch):
    def export(self, folder, format):
        folder.mkdir()
        file = "saved_model.pb" if format == "tf_saved_model" else "functions.json"
        (folder / file).write_text(type(self).__name__)

    monkeypatch.setattr(Generator, "export", export)
    code, answer, _ = keras_tsvae("export", run_folder)
    assert code == 0 and answer == f"{run_folder / 'saved_model'}\n"
    (run_folder / "saved_model" / "saved_model.pb").write_text("old")
    code, _, errors = keras_tsvae("export", run_folder)
    assert code == 1 and "--overwrite" in errors
    assert keras_tsvae("export", run_folder, "--overwrite")[0] == 0
    assert (run_folder / "saved_model" / "saved_model.pb").read_text() == "TwoStageVAE"
    assert keras_tsvae("export", run_folder, "-o", tmp_path / "here")[0] == 0
    assert (tmp_path / "here" / "saved_model.pb").exists()
    for format in ("onnx", "litert"):
        for overwrite in ([], ["--overwrite"]):
            assert keras_tsvae("export", run_folder, "--format", format, *overwrite)[0] == 0
        assert (run_folder / format / "functions.json").exists()


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="whose noise it was")
def test_exported_models(keras_tsvae, read, tmp_path):
    saved, out = tmp_path / "saved_model", tmp_path / "x.npz"
    shutil.unpack_archive(FILES["plain"].parent / "saved_model.zip", saved)
    arguments = ("-n", 3, "--seed", 4, "--stage", "mixture", "-o", out)
    assert keras_tsvae("sample", saved, *arguments)[0] == 0
    images = read("plain").sample(3, seed=4, stage="mixture")
    np.testing.assert_allclose(np.load(out)["images"], images, atol=1e-5)
    code, _, errors = keras_tsvae("sample", saved, "--class", 1, "-o", tmp_path / "y.npz")
    assert code == 2 and errors.count("\n") == 1
    known = keras_tsvae("info", saved, "--json")[1]
    assert known["conditions"] is None and known["image_shape"] == [8, 8, 1]
    assert "sample_mixture" in known["functions"]
    code, _, errors = keras_tsvae("reconstruct", saved, saved, "-o", out, "--overwrite")
    assert code == 1 and errors.count("\n") == 1


def test_several_models_in_a_folder(keras_tsvae, run_folder):
    for name in ("a.keras", "b.keras"):
        shutil.copy(run_folder / "judge.keras", run_folder / name)
    assert "TwoStageVAE" in keras_tsvae("info", run_folder)[1]  # the one of the folder's name
    (run_folder / "digits_fast.keras").unlink()
    code, _, errors = keras_tsvae("info", run_folder)
    assert code == 1 and "a.keras, b.keras" in errors
