"""What the tests of the example scripts share."""

import json
import pathlib

import keras
import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
SHORT = ["--epochs", "1", "--second-stage-epochs", "1", "--samples", "40"]
TENSORFLOW = keras.backend.backend() == "tensorflow"
ONE_ON_JAX = pytest.mark.skipif(not TENSORFLOW, reason="on JAX, one script stands for all")
WRITTEN = ["backup", "config.json", "judge.keras", "model.keras", "pictures", "report.html"]
WRITTEN += ["stage1.csv", "stage2.csv", *(["saved_model"] if TENSORFLOW else [])]
PICTURES = ["curves", "reconstructions", "samples_stage1", "samples_stage2", "spectrum"]


def check_written(output, printed, *pictures, rows=("mixture",)):
    names = {path.name for path in output.iterdir()}
    assert names == {*WRITTEN, "evaluation.json"}
    assert all(name in printed for name in WRITTEN if name != "judge.keras")
    drawn = {path.stem for path in (output / "pictures").iterdir()}
    assert {*PICTURES, *pictures} <= drawn
    assert "stage1_epoch_0001" in drawn and "stage2_epoch_0001" in drawn
    table = printed[printed.rindex("FID") :]
    for row in ("training images", "reconstruction", "stage 1", "stage 2", *rows):
        assert row in table, table
    found = json.loads((output / "evaluation.json").read_text())
    assert {"stage1", "stage2", "reconstruction", "train"} <= {row["name"] for row in found["rows"]}
