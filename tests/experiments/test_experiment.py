"""A user's own script: pictures in, the folder of a run out."""

import json
import pathlib

import keras
import numpy as np
import pytest

from keras_tsvae import TwoStageVAE, experiments
from tests import tiny

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "0.1.0-f8e0e77"
SMALL = {"base_dim": 2, "fc_dim": 4, "latent_dim": 2, "num_scale": 1, "batch_size": 8}
SMALL |= {"second_stage": "vae", "second_stage_width": 8, "second_stage_depth": 1}


@pytest.fixture
def images(tmp_path):
    np.savez(tmp_path / "images.npz", images=tiny.images(40))
    return tmp_path / "images.npz"


@pytest.mark.slow
def test_a_script_of_five_lines(images, tmp_path, monkeypatch):
    monkeypatch.setattr(TwoStageVAE, "export", lambda self, path: path.mkdir())
    run = experiments.RunFolder(tmp_path / "run")
    experiment = experiments.choose(images, budget="2 epochs", **SMALL)
    model = experiments.train(experiment, run.path, verbose=0)
    evaluation = experiments.evaluate(run.path, str(GOLDEN / "judge.keras"), num_samples=8)
    assert run.experiment == experiment and experiment.fit.budget == "2 epochs"
    assert len(run.history["stage1_loss"]) == 2 and len(run.history["stage2_loss"]) == 4
    drawn = {path.stem for path in run.pictures.iterdir()}
    assert {"samples_mixture", "samples_stage1", "spectrum", "stage1_epoch_0002"} <= drawn
    assert run.saved_model.is_dir() == (keras.backend.backend() == "tensorflow")
    stored = keras.saving.load_model(run.model)
    for one, other in zip(model.get_weights(), stored.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    figures = json.loads(run.evaluation.read_text())
    rows = {row["name"]: row for row in figures["rows"]}
    assert rows["stage2"]["fid"] == float(evaluation.generation["stage2"]["fid"])
    assert rows["stage2"]["num_samples"] == 8 and figures["num_reference"] == 4
    assert figures["obedience"] is None and "FID" in str(evaluation)
    with pytest.raises(ValueError, match="`features` must not be 'judge'"):
        experiments.evaluate(run.path, "judge", num_samples=8)
    with pytest.raises(ValueError, match="`features` must name Inception's weights or a judge"):
        experiments.evaluate(run.path, str(run.model), num_samples=8)


def test_nothing_is_written_of_what_cannot_be_trained(images, tmp_path):
    experiment = experiments.choose(images, epochs=1, **{**SMALL, "batch_size": 36})
    few = experiments.DataSettings(str(images), "arrays", limit=9)
    experiment = experiments.Experiment(few, experiment.model)
    with pytest.raises(ValueError, match="There must be 36 pictures to train on"):
        experiments.train(experiment, tmp_path / "run")
    with pytest.raises(ValueError, match=r"must hold a config\.json"):
        experiments.evaluate(tmp_path / "run")
    assert not (tmp_path / "run").exists()
