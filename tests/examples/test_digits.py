"""The demo runs from end to end, and what all scripts say of themselves."""

import keras
import pytest

from tests.examples.scripts import EXAMPLES, SHORT, TENSORFLOW, check_written

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")


@pytest.mark.slow
@pytest.mark.skipif(not TENSORFLOW, reason="the demo is run once, where it exports a SavedModel")
def test_digits_writes_everything_it_names(run_small, tmp_path):
    printed = run_small("digits", *SHORT, "--limit", 130, network="infogan", num_scale=None)
    rows = ("stage 2 as a VAE",)
    check_written(tmp_path / "out", printed, "saved_model_samples", rows=rows)
    model = keras.saving.load_model(tmp_path / "out" / "model.keras")
    assert model.sample(2).shape == (2, 8, 8, 1)


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda script: script.stem)
def test_every_script_is_short_and_the_trainings_say_how_long_they_take(script):
    text = script.read_text()
    assert len(text.splitlines()) < 100
    if "run_script" in text:
        assert "minutes" in text.split('"""')[1]
