"""A training that is killed in six places, and started again each time, is none the worse."""

import pathlib

import keras
import pytest

pytestmark = pytest.mark.slow

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"

KILLS = [
    ("recognizer", 14),
    ("writing", 4),  # an open, fsync, rename or removal
    ("stage1", 27),
    ("encoding", 1),
    ("stage2", 33),
    ("writing", 11),
]


def test_killed_in_six_places(monkeypatch, tmp_path):
    """Weights, optimisers, History, CSV file and posteriors are those of an unbroken training."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import reliability

    backend = keras.backend.backend()
    assert reliability.start(tmp_path / "unbroken", backend, conditional=True)
    for place, after in KILLS:
        assert not reliability.start(tmp_path / "killed", backend, True, (place, after, 0))
    assert reliability.start(tmp_path / "killed", backend, conditional=True)
    assert reliability.differences(tmp_path / "killed", tmp_path / "unbroken") == []
