"""Models that run on JAX are exported by TensorFlow, in a process of its own."""

import importlib.util
import json

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny
from tests.models.affine import AffineSecondStage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "jax", reason="TensorFlow exports by itself"),
]


def test_a_saved_model_gives_what_the_model_gives(fitted, images, tmp_path):
    import tensorflow as tf

    fitted.export(tmp_path / "model")
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    floats = (images[:3] / 255).astype("float32")
    np.testing.assert_allclose(loaded.reconstruct(floats), fitted.reconstruct(floats), atol=1e-5)
    z = np.ones((2, 4), "float32")
    np.testing.assert_allclose(loaded.decode(z), fitted.decode(z), atol=1e-5)


def test_onnx_with_a_second_stage_of_ones_own(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    second = AffineSecondStage(tiny.LATENT_DIM, offset=0.5)
    model = tsvae.TwoStageVAE(tiny.first_stage(), second)
    model.export(tmp_path / "model", format="onnx")
    described = json.loads((tmp_path / "model" / "functions.json").read_text())
    assert [*described["functions"]] == ["sample", "decode", "encode", "reconstruct"]
    u, noise = np.random.default_rng(0).standard_normal((2, 5, tiny.LATENT_DIM), "float32")
    session = onnxruntime.InferenceSession(str(tmp_path / "model" / "sample.onnx"))
    (images,) = session.run(None, {"u": u, "noise": noise})
    z = keras.ops.convert_to_numpy(second.generate_batch(u, noise))
    np.testing.assert_allclose(images, model.decode(z), atol=1e-4)


def test_what_the_other_process_says_is_passed_on_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("keras_tsvae.export.in_tensorflow._SCRIPT", "raise OSError('no space')")
    with pytest.raises(RuntimeError, match="could not export the model: OSError: no space$"):
        tiny.two_stage().export(tmp_path / "model")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("format", ["tf_saved_model", "litert"])
def test_without_tensorflow(format, monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorflow" else find(name)
    )
    with pytest.raises(ImportError, match="needs TensorFlow: pip install tensorflow"):
        tiny.two_stage().export(tmp_path / "model", format=format)
    assert [*tmp_path.iterdir()] == []
