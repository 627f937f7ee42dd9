"""What the tests of the example scripts share."""

import pathlib

import keras
import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
SHORT = ["--epochs", "1", "--second-stage-epochs", "1", "--samples", "40"]
TENSORFLOW = keras.backend.backend() == "tensorflow"
ONE_ON_JAX = pytest.mark.skipif(not TENSORFLOW, reason="on JAX, one script stands for all")
WRITTEN = [
    "backup",
    "curves.png",
    "judge.keras",
    "reconstructions.png",
    "samples.png",
    "stage1.csv",
    "stage2.csv",
]
WRITTEN += ["saved_model"] if TENSORFLOW else []


def check_written(output, printed, *further, rows=("mixture",)):
    assert {path.name for path in output.iterdir()} == {*WRITTEN, *further}
    assert all(name in printed for name in WRITTEN if name != "judge.keras")
    table = printed[printed.rindex("FID") :]
    for row in ("training images", "reconstruction", "stage 1", "stage 2", *rows):
        assert row in table
