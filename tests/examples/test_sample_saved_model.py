"""The script that samples an exported model, of whatever number of images."""

import runpy
import sys

import numpy as np
import pytest

from tests.examples.scripts import EXAMPLES

tf = pytest.importorskip("tensorflow")
pytest.importorskip("matplotlib")


class Sampler:
    """Stands in for a SavedModel."""

    def sample(self, n, seed=0):
        return tf.constant(np.random.default_rng(seed).random((n, 8, 8, 1), "float32"))


def run(monkeypatch, *arguments):
    monkeypatch.setattr(tf.saved_model, "load", lambda path: Sampler())
    monkeypatch.setattr(sys, "argv", ["sample_saved_model", *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / "sample_saved_model.py"), run_name="__main__")


@pytest.mark.parametrize("side", [1, 2])
def test_a_picture_of_any_number_of_images(side, monkeypatch, capsys, tmp_path):
    run(monkeypatch, "model", tmp_path / "samples.png", "--side", side)
    assert (tmp_path / "samples.png").stat().st_size > 0
    assert f"{side**2} images sampled from model" in capsys.readouterr().out


def test_no_images_are_refused(monkeypatch, capsys, tmp_path):
    with pytest.raises(SystemExit):
        run(monkeypatch, "model", tmp_path / "samples.png", "--side", 0)
    assert "--side must be at least 1" in capsys.readouterr().err
