"""The demo runs from end to end, as it is, and what all scripts say of themselves."""

import os
import subprocess
import sys

import keras
import pytest

from tests.examples.scripts import EXAMPLES, SHORT, TENSORFLOW, check_written

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


@pytest.mark.skipif(not TENSORFLOW, reason="the demo is run once, where it exports a SavedModel")
def test_digits_writes_everything_it_names(tmp_path):
    few = [*SHORT, "--limit", "130", "--output", str(tmp_path / "out")]
    command = [sys.executable, EXAMPLES / "digits.py", *few]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    check_written(tmp_path / "out", done.stdout, "digits.keras", "saved_model_samples.png")
    model = keras.saving.load_model(tmp_path / "out" / "digits.keras")
    assert model.sample(2, stage="mixture").shape == (2, 8, 8, 1)


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda script: script.stem)
def test_every_script_is_short_and_the_trainings_say_how_long_they_take(script):
    text = script.read_text()
    assert len(text.splitlines()) < 100
    if "experiment.arguments" in text:
        assert "minutes" in text.split('"""')[1]
