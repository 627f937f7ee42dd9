"""The script that samples ONNX files, where nothing else is installed."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.examples.scripts import EXAMPLES

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
Image = pytest.importorskip("PIL.Image")
pytestmark = pytest.mark.backend_free

# Runs the script where importing what it does not need is an error.
SCRIPT = """
import runpy, sys
sys.modules.update(dict.fromkeys(["keras", "keras_tsvae", "tensorflow", "jax", "matplotlib"]))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def folder(tmp_path):
    """An export whose images are their condition, by `kind`."""

    def write(kind=None, names=None, size=2):
        rows = onnx.helper.make_tensor_value_info
        inputs = [rows(name, 1, ["batch", size]) for name in ("u", "noise")]
        node = onnx.helper.make_node("Sigmoid", ["u"], ["flat"])
        if kind:
            inputs.append(rows("condition", 1, ["batch", size]))
            node = onnx.helper.make_node("Identity", ["condition"], ["flat"])
        shape = onnx.helper.make_tensor("shape", 7, [4], [-1, 1, size, 1])
        nodes = [node, onnx.helper.make_node("Reshape", ["flat", "shape"], ["images"])]
        outputs = [rows("images", 1, ["batch", 1, size, 1])]
        graph = onnx.helper.make_graph(nodes, "sample", inputs, outputs, [shape])
        opset = [onnx.helper.make_opsetid("", 17)]
        made = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
        onnx.save(made, str(tmp_path / "sample.onnx"))
        told = {
            "latent_dim": size,
            "conditions": kind and {"kind": kind, "size": size, "names": names},
            "functions": {"sample": {"file": "sample.onnx"}},
        }
        (tmp_path / "functions.json").write_text(json.dumps(told))
        return tmp_path

    return write


def run(folder, *arguments):
    script, picture = str(EXAMPLES / "sample_onnx.py"), str(folder / "x.png")
    command = [sys.executable, "-c", SCRIPT, script, str(folder), picture, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def pixels(folder):
    return np.asarray(Image.open(folder / "x.png"))


def test_a_picture_of_the_same_seed_is_the_same(folder):
    folder, drawn = folder(), []
    for seed in ("3", "3", "4"):
        done = run(folder, "--side", "2", "--seed", seed)
        assert done.returncode == 0, done.stderr
        drawn.append(pixels(folder))
    assert drawn[0].shape == (2, 4) and "4 images sampled from" in done.stdout
    assert (drawn[0] == drawn[1]).all() and (drawn[0] != drawn[2]).any()


@pytest.mark.parametrize(
    "kind, names, condition, expected",
    [
        ("attributes", ["a", "b"], "b", [0, 255]),  # -1 and 1
        ("classes", None, "0", [255, 0]),
        ("vector", None, "0.2,0.4", [51, 102]),
    ],
)
def test_a_condition(folder, kind, names, condition, expected):
    folder = folder(kind, names)
    done = run(folder, "--side", "1", "--condition", condition)
    assert done.returncode == 0, done.stderr
    assert pixels(folder).tolist() == [expected]


def test_what_cannot_be_asked_for_is_refused(folder):
    done = run(folder("attributes", ["a", "b"]), "--condition", "c")
    assert done.returncode == 2 and "--condition: 'c' is not one of a, b" in done.stderr
