"""The script for a folder of one's own pictures, started twice."""

import functools

import pytest

from keras_tsvae import experiments
from keras_tsvae.experiments import RunFolder
from tests.examples.scripts import ONE_ON_JAX, check_written
from tests.experiments import folders

pytest.importorskip("matplotlib")


@pytest.mark.slow
@ONE_ON_JAX
def test_own_pictures(run, tmp_path, monkeypatch):
    folder, output = folders.write(tmp_path / "pictures", sides=(16,), n=48), tmp_path / "out"
    measure = experiments.evaluate
    monkeypatch.setattr(experiments, "evaluate", functools.partial(measure, num_samples=16))
    printed = run("own_pictures", folder, "--budget", "1 epoch")
    assert "a" in RunFolder(output).config["data"]["label_names"]
    check_written(
        output, f"{printed} {' '.join(p.name for p in output.iterdir())}", "classes", rows=()
    )
    printed = run("own_pictures", folder)
    assert "FID" in printed and RunFolder(output).experiment.model.epochs == 1
