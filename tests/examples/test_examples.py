"""The demo runs from end to end, on a few steps."""

import os
import pathlib
import subprocess
import sys

import keras
import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the demo exports a SavedModel")
def test_digits_writes_everything_it_names(tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    arguments = ["--epochs", "1", "--second-stage-epochs", "1", "--output", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, EXAMPLES / "digits.py", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
    )
    assert done.returncode == 0, done.stderr
    written = {
        "curves.png",
        "digits.keras",
        "reconstructions.png",
        "samples.png",
        "saved_model",
        "saved_model_samples.png",
    }
    assert {path.name for path in (tmp_path / "out").iterdir()} == written
    for name in written:
        assert name in done.stdout
    rows = {line[:16].strip(): line.split() for line in done.stdout.splitlines()}
    for title in ("real (held out)", "stage 1", "stage 2"):
        assert title in rows and rows[title]
    model = keras.saving.load_model(tmp_path / "out" / "digits.keras")
    assert model.sample(2).shape == (2, 8, 8, 1)
