"""Runs example scripts with tiny networks."""

import functools
import runpy
import sys

import numpy as np
import pytest

from keras_tsvae import TwoStageVAE, presets
from keras_tsvae.metrics import ClassifierFeatures
from keras_tsvae.models.condition_recognizer import ConditionRecognizer
from tests.data import faces
from tests.examples.scripts import EXAMPLES

SMALL = {"base_dim": 2, "fc_dim": 8, "latent_dim": 4, "second_stage_width": 8}
SMALL |= {"second_stage_depth": 1, "batch_size": 32}


@pytest.fixture
def run_small(monkeypatch, capsys, tmp_path):
    """Runs an example here, all its networks narrow; returns what it printed."""
    real = presets.get

    def run_script(name, *arguments, **changes):
        small = {**SMALL, **changes}
        monkeypatch.setattr(presets, "get", lambda name, **given: real(name, **{**small, **given}))
        command = [name, "--output", tmp_path / "out", *arguments]
        monkeypatch.setattr(sys, "argv", [str(part) for part in command])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    monkeypatch.syspath_prepend(EXAMPLES)
    return run_script


@pytest.fixture
def run(run_small, monkeypatch):
    """As `run_small`, with the networks that compile fastest, no export and no trained judge."""

    def untrained_judge(images, labels, verbose):
        has_classes = labels.ndim == 1
        outputs = labels.max() + 1 if has_classes else labels.shape[1]
        return ClassifierFeatures(images.shape[1:], int(outputs), has_classes=has_classes)

    monkeypatch.setattr(TwoStageVAE, "export", lambda self, path: path.mkdir())
    monkeypatch.setattr(ClassifierFeatures, "fit", untrained_judge)
    fast = {"network": "infogan", "num_scale": None, "optimizer": "sgd"}
    return functools.partial(run_small, **fast)


@pytest.fixture
def run_conditional(run, monkeypatch):
    """As `run`, without training the recognizer."""
    monkeypatch.setattr(ConditionRecognizer, "train_on", lambda *args, **kwargs: None)
    return run


@pytest.fixture
def celeba_folder(tmp_path):
    folder = tmp_path / "faces"
    (folder / "img_align_celeba").mkdir(parents=True)
    for index in range(100):
        faces.picture_path(folder, index).write_bytes(faces.encoded(faces.picture(index)))
    faces.write_attributes(folder, np.random.default_rng(0).choice([-1, 1], (100, 40)))
    parts = [0] * 66 + [1] * 17 + [2] * 17
    faces.write_partition(folder, [f"{faces.name(i)} {part}" for i, part in enumerate(parts)])
    return folder
