"""A training that is interrupted and started again ends as one that was not."""

import numpy as np
import pytest

import keras_tsvae as tsvae
from tests.models.interrupted import IMAGES, KINDS, Trained

pytestmark = pytest.mark.slow

BackupAndRestore = tsvae.callbacks.BackupAndRestore


@pytest.fixture(scope="module", params=KINDS)
def trained(request, tmp_path_factory):
    """A kind of model, and the files, values and History of its unbroken training."""
    make, fit, batches = KINDS[request.param]
    trained, folder = Trained(make, fit), tmp_path_factory.mktemp(request.param)
    trained.reset()
    history = trained.fit(folder)
    return trained, folder, trained.values(), history, batches


def check_equal(trained, folder, values, history, other_folder, other_history):
    for ours, theirs in zip(trained.values(), values, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert history.epoch == other_history.epoch
    assert history.history == other_history.history
    assert (folder / "log.csv").read_bytes() == (other_folder / "log.csv").read_bytes()


def test_it_ends_as_one_that_was_not_interrupted(trained, tmp_path):
    trained, folder, values, history, batches = trained
    places = [1, batches // 3, batches // 4, batches // 3, 5]
    found = trained.interrupted(tmp_path, places)
    check_equal(trained, folder, values, history, tmp_path, found)
    assert len(list((tmp_path / "backup").iterdir())) == 2


def test_one_that_has_ended_returns_its_history_at_once(trained, tmp_path):
    trained, folder, values, history, batches = trained
    trained.interrupted(tmp_path, [])
    trained.reset(seed=1)
    found = trained.fit(tmp_path, BackupAndRestore(tmp_path / "backup"), batches=1)
    check_equal(trained, folder, values, history, tmp_path, found)
    if hasattr(trained.model, "joint"):
        assert trained.model.sample(2, seed=0).shape == (2, *IMAGES.shape[1:])
