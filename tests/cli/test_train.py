"""`train`: from a folder of pictures to a run, and what it refuses."""

import json
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from keras_tsvae.cli.train_progress import TrainProgress
from keras_tsvae.experiments import training
from keras_tsvae.models import TwoStageVAE
from tests.cli.test_program import ROOT
from tests.experiments import folders

SMALL = ("--network", "infogan", "--base-dim", 2, "--latent-dim", 3, "--batch-size", 8, "--size", 8)
SHORT = ("--epochs", 2, "--second-stage-epochs", 2)
TENSORFLOW = keras.backend.backend() == "tensorflow"

KILLED = """
import os, signal
from keras_tsvae.cli.main import app
from keras_tsvae.cli.train_progress import TrainProgress
from keras_tsvae.experiments import training
from keras_tsvae.models import TwoStageVAE

training.write_pictures = lambda *arguments: None
training._BACKUP_SECONDS = 1e-9
TwoStageVAE.export = lambda self, path: path.mkdir()

def on_epoch_begin(self, epoch, logs=None):
    if [self.model.stage_in_training, str(epoch)] == os.environ["KILL_AT"].split():
        os.kill(os.getpid(), signal.SIGKILL)

TrainProgress.on_epoch_begin = on_epoch_begin
app()
"""


@pytest.fixture
def pictures(tmp_path):
    return folders.write(tmp_path / "pictures", n=40)


@pytest.fixture
def no_pictures(monkeypatch):
    """Leaves out what takes long at the end of a training."""
    monkeypatch.setattr(training, "write_pictures", lambda *arguments: None)
    monkeypatch.setattr(TwoStageVAE, "export", lambda self, path: path.mkdir())


@pytest.mark.slow
def test_from_pictures_to_a_run(keras_tsvae, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(TwoStageVAE, "export", lambda self, path: path.mkdir())
    run = tmp_path / "run"
    arguments = ("train", pictures, "-o", run, *SMALL, "--resize", "stretch")
    code, known, errors = keras_tsvae(*arguments, *SHORT, "--json")
    assert code == 0 and not errors
    assert known["data"]["num_train"] == 36 and known["data"]["left_out"] == 2
    assert known["data"]["image_shape"] == [8, 8, 1] and known["cache"]["bytes"] > 36 * 64
    assert known["data"]["label_names"] == ["a", "b"] and known["model"]["conditions"] == "classes"
    written = {"backup", "config.json", "model.keras", "pictures", "report.html"}
    written |= {"stage1.csv", "stage2.csv"}
    assert written <= {path.name for path in run.iterdir()}
    drawn = {path.stem for path in (run / "pictures").iterdir()}
    assert {"curves", "spectrum", "reconstructions", "classes", "samples_stage2"} <= drawn
    assert not list(pictures.rglob("*cache*"))
    config = json.loads((run / "config.json").read_text())
    assert config["data"]["resize"] == "stretch" and config["model"]["latent_dim"] == 3
    # called again, with nothing said: it is done; for longer: it goes on
    code, answer, errors = keras_tsvae("train", pictures, "-o", run)
    assert code == 0 and "2 + 2 epochs" in answer and not errors
    assert keras_tsvae(*arguments, "--epochs", 3, "--second-stage-epochs", 3)[0] == 0
    config = json.loads((run / "config.json").read_text())
    log = np.genfromtxt(run / "stage1.csv", delimiter=",", names=True)
    assert log["epoch"].tolist() == [0, 1, 2]
    assert keras_tsvae("info", run, "--json")[1]["epochs"] == [3, 3]
    for other in (("--latent-dim", 4), ("--resize", "pad"), ("--seed", 3)):
        code, _, errors = keras_tsvae("train", pictures, "-o", run, *other)
        assert code == 1 and errors.count("\n") == 1 and "--restart begins anew" in errors
    code, known, _ = keras_tsvae("train", pictures, "-o", run, "--dry-run", "--json")
    assert code == 0 and known["goes_on"] and known["estimate"]["seconds"] > 0
    assert json.loads((run / "config.json").read_text()) == config
    assert keras_tsvae("sample", run, "--class", "b", "-n", 2, "-o", tmp_path / "b.png")[0] == 0
    wide = np.zeros((8, 24), "uint8")
    wide[:, :8] = 255  # which a crop would cut off
    folders.save(tmp_path / "wide.png", wide)
    assert resized_as(tmp_path / "wide.png", "stretch", run, keras_tsvae, tmp_path)
    code, answer, _ = keras_tsvae("evaluate", run, "--features", "judge", "--samples", 8, "--json")
    assert code == 0 and answer["obedience"] is not None
    assert "obedience" in (run / "report.html").read_text().lower()
    stored = json.loads((run / "evaluation.json").read_text())
    assert stored["rows"] == answer["rows"] and stored["num_samples"] == 8


def resized_as(picture, resize, run, keras_tsvae, folder):
    """Whether a picture is reconstructed as it is with that resize."""
    for name, option in (("as_run.npz", ()), ("given.npz", ("--resize", resize))):
        keras_tsvae("reconstruct", run, picture, *option, "-o", folder / name)
    arrays = [np.load(folder / name)["images"] for name in ("as_run.npz", "given.npz")]
    keras_tsvae("reconstruct", run, picture, "--resize", "crop", "-o", folder / "crop.npz")
    cropped = np.load(folder / "crop.npz")["images"]
    return (arrays[0] == arrays[1]).all() and (arrays[0] != cropped).any()


@pytest.mark.slow
def test_a_dry_run_measures_and_writes_nothing(keras_tsvae, pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    before = sorted(tmp_path.rglob("*"))
    arguments = ("train", pictures, "-o", tmp_path / "run", *SMALL, "--dry-run", "--budget", "1h")
    code, known, errors = keras_tsvae(*arguments, "--json")
    assert code == 0 and not errors
    assert known["data"]["num_train"] == 36 and known["cache"] is None
    assert known["estimate"]["parameters"] > 1000 and known["estimate"]["epoch"] > 0
    assert known["model"]["epochs"] > 1 and known["estimate"]["seconds"] < 3600
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_interrupted(keras_tsvae, pictures, tmp_path, monkeypatch, no_pictures):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt

    arguments = ("train", pictures, "-o", tmp_path / "run", *SMALL, "--conditions", "none")
    with monkeypatch.context() as patch:
        patch.setattr(TrainProgress, "on_epoch_end", on_epoch_end)
        code, answer, errors = keras_tsvae(*arguments, *SHORT)
    assert code == 1 and not answer and errors.count("\n") == 1
    assert errors.startswith("Error: Interrupted in epoch") and "the same command goes on" in errors
    assert not (tmp_path / "run" / "model.keras").exists()
    assert keras_tsvae(*arguments)[0] == 0
    assert (tmp_path / "run" / "model.keras").exists()


@pytest.mark.slow
@pytest.mark.skipif(not TENSORFLOW, reason="one backend is enough")
def test_killed_and_called_again_it_ends_as_unbroken(pictures, tmp_path):
    (tmp_path / "program.py").write_text(KILLED)
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

    def call(run, kill_at="never"):
        options = ("--epochs", 3, "--second-stage", "vae", "--second-stage-epochs", 3)
        command = [sys.executable, tmp_path / "program.py", "train", pictures, "-o", run]
        command += [*SMALL, *options, "--conditions", "none"]
        environment = {**os.environ, "PYTHONPATH": path, "KILL_AT": kill_at}
        command = [str(part) for part in command]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = call(whole)
    assert done.returncode == 0, done.stderr
    assert call(broken, "stage1 2").returncode == -signal.SIGKILL
    assert call(broken).returncode == 0
    weights = [
        keras.saving.load_model(run / "model.keras").get_weights() for run in (whole, broken)
    ]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("stage1.csv", "stage2.csv"):
        assert (whole / name).read_text() == (broken / name).read_text()


OUT = ("-o", "OUT")
USAGE = {
    "no data": ["train", *OUT],
    "missing data": ["train", "nowhere", *OUT],
    "no output": ["train", "PICTURES"],
    "budget": ["train", "PICTURES", *OUT, "--budget", "soon"],
    "budget of nothing": ["train", "PICTURES", *OUT, "--budget", "0m"],
    "budget and epochs": ["train", "PICTURES", *OUT, "--budget", "1m", "--epochs", 3],
    "resize": ["train", "PICTURES", *OUT, "--resize", "squash"],
    "conditions": ["train", "PICTURES", *OUT, "--conditions", "clases"],
    "preset": ["train", "PICTURES", *OUT, "--preset", "minst"],
    "network": ["train", "PICTURES", *OUT, "--network", "gan"],
    "gamma": ["train", "PICTURES", *OUT, "--gamma", "best"],
    "learning rate": ["train", "PICTURES", *OUT, "--learning-rate", 0],
    "dtype policy": ["train", "PICTURES", *OUT, "--dtype-policy", "half"],
    "channels": ["train", "PICTURES", *OUT, "--channels", 2],
    "test fraction": ["train", "PICTURES", *OUT, "--test-fraction", 1],
    "no epochs": ["train", "PICTURES", *OUT, "--epochs", 0],
    "evaluate nothing": ["evaluate", "nowhere"],
    "evaluate by nothing": ["evaluate", "RUN", "--features", "inceptoin"],
    "evaluate a few": ["evaluate", "RUN", "--samples", 3],
    "evaluate otherwise": ["evaluate", "RUN", "--protocol", "mine"],
}
FAILURES = {
    "empty folder": ["train", "EMPTY", *OUT],
    "broken pictures": ["train", "BROKEN", *OUT, "--epochs", 1],
    "a text": ["train", "text.txt", *OUT],
    "broken arrays": ["train", "broken.npz", *OUT],
    "output is something else": ["train", "PICTURES", "-o", "PICTURES"],
    "output is a file": ["train", "PICTURES", "-o", "text.txt"],
    "output not writable": ["train", "PICTURES", "-o", "text.txt/deep/run"],
    "few pictures": ["train", "PICTURES", *OUT, "--test-fraction", 0.1, *SHORT],
    "labels that are not there": ["train", "PICTURES", *OUT, "--conditions", "attributes"],
    "data set elsewhere": ["train", "mnist", "--data-dir", "EMPTY", *OUT],
    "folder of a folder": ["train", "PICTURES", "--data-dir", "EMPTY", *OUT],
    "option of another data set": ["train", "digits", "--size", 16, *OUT],
    "more in a batch than there are": ["train", "PICTURES", *OUT, "--batch-size", 99, *SHORT],
    "evaluate a folder": ["evaluate", "EMPTY"],
    "evaluate a file": ["evaluate", "text.txt"],
    "evaluate before": ["evaluate", "RUN"],
}


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders.write(tmp_path / "pictures", n=8)
    (tmp_path / "empty").mkdir()
    for name in ("broken/a.png", "broken/b.png", "text.txt", "broken.npz", "run/config.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    Image.fromarray(np.zeros((8, 8), "uint8")).save(tmp_path / "broken" / "c.png")
    words = {"PICTURES": "pictures", "EMPTY": "empty", "BROKEN": "broken", "OUT": "out"}
    words["RUN"] = "run"
    before = sorted(tmp_path.rglob("*"))
    yield lambda arguments: [words.get(argument, argument) for argument in arguments]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("use", [*USAGE, *FAILURES])
def test_wrong_uses(keras_tsvae, prepared, use):
    code, answer, errors = keras_tsvae(*prepared({**USAGE, **FAILURES}[use]))
    assert code == (2 if use in USAGE else 1) and not answer
    assert errors.startswith("Error: ") and errors.count("\n") == 1


def test_errors_are_in_the_words_of_the_command_line(keras_tsvae, prepared):
    def said(*arguments):
        return keras_tsvae(*prepared(arguments))[2]

    assert "--output must be a new folder" in said("train", "PICTURES", "-o", "PICTURES")
    assert "no fewer than --batch-size=99" in said(
        "train", "PICTURES", *OUT, "--batch-size", 99, *SHORT
    )
    assert "--data-dir must be left out" in said("train", "PICTURES", "--data-dir", "EMPTY", *OUT)
    assert said("evaluate", "EMPTY").startswith(
        "Error: The folder of a run must hold a config.json"
    )


def test_all_broken_pictures_are_named(keras_tsvae, prepared):
    errors = keras_tsvae(*prepared(["train", "BROKEN", *OUT, "--epochs", 1]))[2]
    assert "2 broken pictures" in errors and "a.png" in errors and "b.png" in errors
    assert errors.endswith("--skip-broken goes on without them\n")
