"""Damaged files of every kind: the right arrays, or an error that names the file."""

import keras
import pytest

from tests import hostile

COSTLY = {"keras": 6, "model folder": 8, "weights.h5": 4, "cache": 6, "backup": 40}


@pytest.mark.parametrize("name", hostile.KINDS)
def test_damaged_files(name, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    if name == "checkpoint":
        pytest.importorskip("tensorflow")
    if name not in COSTLY and keras.backend.backend() == "jax":
        pytest.skip("the backend reads no part of such files")
    files = hostile.Files(hostile.KINDS[name], tmp_path / "files")
    attempts = [files.attempt(seed) for seed in range(COSTLY.get(name, 25))]
    wrong = [a for a in attempts if a.outcome not in ("right", "other", "refused")]
    assert not wrong
    assert any(a.outcome == "refused" for a in attempts) or name == "cache"
