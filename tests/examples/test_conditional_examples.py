"""The example scripts of conditional models run from end to end, with tiny networks."""

import json

import keras
import numpy as np
import pytest

from tests import tiny
from tests.examples.scripts import ONE_ON_JAX, SHORT, check_written

pytestmark = pytest.mark.slow

pytest.importorskip("matplotlib")


def check_obedience(output, printed, number):
    figures = json.loads((output / "evaluation.json").read_text())["obedience"]
    assert len(figures["each"]) == number
    assert f"mean of {len(figures['visible'])} visible" in printed and "obedience" in printed


@ONE_ON_JAX
def test_conditional_mnist(run_conditional, tmp_path):
    images, labels = tiny.images(80, (28, 28, 1))[..., 0], np.arange(80) % 10
    arrays = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(tmp_path / "mnist.npz", **{k: v.astype("uint8") for k, v in arrays.items()})
    arguments = ("conditional_mnist", "--data-dir", tmp_path, "--gamma", "computed", *SHORT)
    output, printed = tmp_path / "out", run_conditional(*arguments)
    check_written(output, printed, "digits", "conditioned", "classes")
    check_obedience(output, printed, 10)
    model = keras.saving.load_model(output / "model.keras")
    assert model.sample(2, condition=[3, 8]).shape == (2, 28, 28, 1)
    assert {stage.gamma_mode for stage in model.stages().values()} == {"computed"}
    for option, value in (("--gamma", "learned"), ("--base-dim", 4)):
        with pytest.raises(ValueError, match="`restart=True` begins anew"):
            run_conditional(*arguments, option, value)


@ONE_ON_JAX
def test_conditional_celeba(run_conditional, celeba_folder, tmp_path):
    printed = run_conditional("conditional_celeba", "--data-dir", celeba_folder, *SHORT)
    output = tmp_path / "out"
    check_written(output, printed, "conditioned", "edits", "traversals", "attributes")
    check_obedience(output, printed, 40)
