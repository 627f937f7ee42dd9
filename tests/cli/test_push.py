"""What the program pushes, and of which folder."""

import json
import shutil

import pytest

import keras_tsvae as tsvae
from keras_tsvae.files import expanded


@pytest.fixture
def pushed(monkeypatch):
    """The arguments of each push, none of which goes anywhere."""
    calls = []

    def push(repository, model, **known):
        calls.append((repository, type(model).__name__, known))
        return f"hf://{repository}"

    monkeypatch.setattr(tsvae.hub, "push", push)
    return calls


@pytest.fixture
def run(run_folder):
    """The folder of a run with losses, settings and figures."""
    (run_folder / "digits_fast.keras").rename(run_folder / "model.keras")
    for stage in (1, 2):
        lines = ["epoch,loss,kl", *(f"{n},{n + stage}.5,1.0" for n in range(3))]
        (run_folder / f"stage{stage}.csv").write_text("\n".join(lines))
    data = {"source": "/home/me/cats", "kind": "folder", "num_train": 96, "resize": "pad"}
    config = {"data": data, "fit": {"budget": "10m", "seed": 0, "compiling": {}}}
    (run_folder / "config.json").write_text(json.dumps(config))
    rows = [{"name": "stage2", "fid": 3.5}]
    (run_folder / "evaluation.json").write_text(json.dumps({"rows": rows, "caption": "c"}))
    return run_folder


def test_a_file(keras_tsvae, files, pushed):
    code, answer, _ = keras_tsvae("push", files["plain"], "user/model", "--json")
    assert code == 0 and answer == {"address": "hf://user/model"}
    asked = {"license": None, "private": None, "revision": None, "overwrite_card": False}
    assert pushed == [("user/model", "TwoStageVAE", asked)]


def test_a_run(keras_tsvae, run, pushed):
    options = ("--license", "mit", "--private", "--revision", "v2", "--overwrite-card")
    code, answer, _ = keras_tsvae("push", run, "user/cats", *options)
    assert code == 0 and answer == "hf://user/cats\n"
    ((_, _, known),) = pushed
    assert known["license"] == "mit" and known["private"] and known["overwrite_card"]
    assert known["revision"] == "v2" and known["dataset"] == "cats"  # not where they lie
    assert known["evaluation"]["rows"] == [{"name": "stage2", "fid": 3.5}]
    assert known["history"]["stage2_loss"] == [2.5, 3.5, 4.5]
    settings = {"num_train": 96, "resize": "pad", "budget": "10m", "seed": 0}
    assert known["settings"] == settings
    (run / "fid.json").write_text('{"stage2": {"fid": 2.0}}')
    given = ("--evaluation", run / "fid.json", "--dataset", "pets")
    assert keras_tsvae("push", run / "model.keras", "user/cats", *given)[0] == 0
    assert pushed[1][2]["evaluation"] == {"stage2": {"fid": 2.0}}
    assert pushed[1][2]["dataset"] == "pets" and pushed[1][2]["history"]


@pytest.mark.slow
def test_a_model_folder(keras_tsvae, read, pushed, tmp_path, monkeypatch):
    read("plain").save_to_preset(tmp_path / "model")
    code, _, _ = keras_tsvae("push", tmp_path / "model", "user/model")
    assert code == 0 and "history" not in pushed[0][2]
    known = keras_tsvae("info", tmp_path / "model", "--json")[1]
    assert known["model"] == "TwoStageVAE" and known["keras_tsvae_version"] == tsvae.__version__
    out = tmp_path / "out.npz"
    assert keras_tsvae("sample", tmp_path / "model", "-n", 2, "-o", out)[0] == 0
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "cache" / "snapshots" / "1a"
    shutil.copytree(tmp_path / "model", place)
    monkeypatch.setattr("keras_tsvae.cli.paths.fetched", lambda address: place)

    def export(self, folder, format):
        assert format == "tf_saved_model"
        folder.mkdir()
        (folder / "saved_model.pb").touch()

    monkeypatch.setattr(tsvae.TwoStageVAE, "export", export)
    code, answer, _ = keras_tsvae("export", "hf://user/model")
    assert code == 0 and expanded(answer.strip()).resolve() == tmp_path / "saved_model"
    assert [path.name for path in place.parent.iterdir()] == ["1a"]


def test_wrong_uses(keras_tsvae, run, files, monkeypatch):
    def said(*arguments):
        code, answer, errors = keras_tsvae("push", *arguments)
        assert not answer and errors.startswith("Error: ") and errors.count("\n") == 1
        return code, errors

    def refused(*arguments, **known):
        raise ValueError("`repo_id` must be 'user/model'. Received: repo_id='model'")

    assert said("nowhere", "user/model")[0] == 2
    assert said("gs://bucket/model", "user/model")[0] == 2
    code, errors = said("hf://model", "user/model")
    assert code == 2 and "hf://user/model" in errors
    assert said(run, "user/model", "--evaluation", "nowhere.json")[0] == 2
    assert said(files["judge"], "user/model")[0] == 1
    (run / "evaluation.json").write_text("{")
    code, errors = said(run, "user/model")
    assert code == 1 and "evaluation.json" in errors
    monkeypatch.setattr(tsvae.hub, "push", refused)
    assert said(files["plain"], "model")[0] == 1
