"""Two processes that prepare the same files at once: both end, with whole files."""

import os
import subprocess
import sys

import numpy as np
import pytest

from keras_tsvae import data
from keras_tsvae.metrics import ReferenceStatistics
from tests.data import faces
from tests.metrics import toy

pytestmark = [pytest.mark.slow, pytest.mark.backend_free]

PROGRAM = """
import pathlib, sys
from keras_tsvae import data
from keras_tsvae.metrics import ReferenceStatistics
from keras_tsvae.metrics.extractors import FunctionFeatures
from tests.metrics import toy

class Kept(FunctionFeatures):
    cacheable = True

folder = pathlib.Path(sys.argv[1])
(folder / f"ready{sys.argv[2]}").touch()
while len(list(folder.glob("ready*"))) < 2:
    pass
for number in range(8):
    options = dict(image_size=8 + number, verbose=0, cache_dir=folder / "caches")
    loaded = data.load("celeba", folder / "celeba", **options)
    assert len(loaded.train) == 3 and loaded.train.images.shape[1] == 8 + number
    images = toy.images(40, seed=number)
    features = Kept(toy.features, "toy")
    kept = ReferenceStatistics.from_images(images, features, cache_dir=folder / "kept")
    assert kept.num_samples == 40
    kept.save(folder / "one.npz")
"""


def test_both_end_with_whole_files(tmp_path):
    faces.write(tmp_path / "celeba")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "KERAS_HOME": str(tmp_path / "keras")}
    command = [sys.executable, "-W", "error:Kept features", "-c", PROGRAM, str(tmp_path)]
    processes = [
        subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE, env=environment)
        for number in range(2)
    ]
    for process in processes:
        _, told = process.communicate()
        assert process.returncode == 0, told.decode()
    assert len(list((tmp_path / "caches").iterdir())) == 8  # and nothing that is half written
    assert len(list((tmp_path / "kept").iterdir())) == 8
    for number in range(8):
        options = dict(image_size=8 + number, verbose=0, cache_dir=tmp_path / "caches")
        images = data.load("celeba", tmp_path / "celeba", **options).train.images
        np.testing.assert_array_equal(images[0], faces_at(tmp_path / "celeba", 8 + number))
    last = ReferenceStatistics.load(tmp_path / "one.npz")
    expected = toy.features(toy.images(40, seed=7)).mean(0)
    np.testing.assert_allclose(last.statistics.mean, expected, rtol=1e-6)


def faces_at(folder, size):
    """The first picture of training, decoded here alone."""
    options = dict(image_size=size, verbose=0, cache_dir=folder.parent / "alone")
    return data.load("celeba", folder, **options).train.images[0]
