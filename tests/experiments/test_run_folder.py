"""The folder of a run: what it says, and what it refuses."""

import dataclasses
import json

import pytest

from keras_tsvae import experiments, presets
from keras_tsvae.version import __version__

pytestmark = pytest.mark.backend_free

EXPERIMENT = experiments.Experiment(
    experiments.DataSettings("digits", "set"), presets.get("digits_fast")
)
FACTS = {"num_train": 8, "labels": None}


@pytest.fixture
def run(tmp_path):
    run = experiments.RunFolder(tmp_path / "deep" / "run")
    run.begin(EXPERIMENT, FACTS, command="typed")
    return run


def changed(**model):
    return dataclasses.replace(EXPERIMENT, model=dataclasses.replace(EXPERIMENT.model, **model))


def test_config_says_all_settings(run):
    config = run.config
    assert config["command"] == "typed" and config["data"]["resize"] == "crop"
    assert config["data"]["num_train"] == 8 and config["model"]["latent_dim"] == 16
    assert config["versions"]["keras_tsvae"] == __version__ and config["versions"]["python"]
    assert {*config} == {"command", "created", "versions", "data", "model", "fit", "evaluation"}
    assert run.experiment == EXPERIMENT and run.is_run


def test_a_run_that_goes_on(run):
    created = run.config["created"]
    (run.path / "judge.keras").write_text("judge")
    run.begin(changed(epochs=500), FACTS, command="again")
    assert (run.config["command"], run.config["created"]) == ("typed", created)
    assert run.experiment.model.epochs == 500
    with pytest.raises(ValueError, match="another one: model.latent_dim was 16, and is 3"):
        run.begin(changed(latent_dim=3), FACTS)
    assert run.experiment.model.latent_dim == 16
    assert (run.path / "judge.keras").exists()
    run.begin(changed(latent_dim=3), FACTS, restart=True, command="anew")
    assert run.config["command"] == "anew" and run.experiment.model.latent_dim == 3
    assert not (run.path / "judge.keras").exists()


def test_other_folders_are_refused(tmp_path):
    folder = experiments.RunFolder(tmp_path)
    folder.check()
    (tmp_path / "mine.txt").write_text("mine")
    for restart in (False, True):
        with pytest.raises(ValueError, match="`output` must be a new folder, an empty one, or"):
            folder.begin(EXPERIMENT, FACTS, restart)
    with pytest.raises(ValueError, match="`output` must be a folder"):
        experiments.RunFolder(tmp_path / "mine.txt").check()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"data": 3, "model": 4}'])
def test_damaged_configs(text, run):
    (run.path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config\.json"):
        run.experiment


def test_histories(run):
    assert run.history == {}
    run.table(1).write_text("epoch,loss,val_loss\n0,3.5,4\n1,2.5,nan\n")
    run.table(2).write_text("epoch,loss\n0,-1\n")
    history = run.history
    assert history["stage1_loss"] == [3.5, 2.5] and history["stage2_loss"] == [-1.0]
    assert len(history["stage1_val_loss"]) == 2


def test_files_are_whole(run):
    before = (run.path / "config.json").read_text()
    with pytest.raises(TypeError):
        run.write_json("config.json", {"a": object()})
    assert (run.path / "config.json").read_text() == before
    assert json.loads(before) == run.config
    assert [path.name for path in run.path.iterdir()] == ["config.json"]
