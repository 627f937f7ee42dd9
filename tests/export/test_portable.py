"""ONNX and LiteRT files give what the model gives, batch by batch, or are not there at all."""

import importlib.util
import json

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.export import litert_files, onnx_files
from keras_tsvae.export.batch_functions import batch_functions
from keras_tsvae.networks import (
    InfoGANDecoder,
    InfoGANEncoder,
    ResNetDecoder,
    ResNetEncoder,
    WAEDecoder,
    WAEEncoder,
)
from tests import tiny
from tests.conditions import toy
from tests.models import family

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow writes them"),
]
for needed in ("tf2onnx", "onnxruntime", "ai_edge_litert"):
    pytest.importorskip(needed)
WRITERS = {"onnx": onnx_files, "litert": litert_files}
FORMATS = pytest.mark.parametrize("format", WRITERS)
SHAPE = (16, 16, 1)
NETWORKS = {
    "resnet": (ResNetEncoder, ResNetDecoder, {**tiny.SMALL}),
    "infogan": (InfoGANEncoder, InfoGANDecoder, {"base_dim": 2, "fc_dim": 8}),
    "wae": (WAEEncoder, WAEDecoder, {"base_dim": 2}),
}
ASKED = toy.ROWS.astype("float32")[np.arange(17) % len(toy.ROWS)]


def first_stage(network, condition_dim=None):
    """One whose images depend on z as much as a trained one's do."""
    encoder, decoder, sizes = NETWORKS[network]
    sizes = {**sizes, "condition_dim": condition_dim}
    stage = tsvae.FirstStageVAE(
        encoder(SHAPE, tiny.LATENT_DIM, **sizes), decoder(SHAPE, tiny.LATENT_DIM, **sizes)
    )
    rng = np.random.default_rng(0)
    for weight in stage.trainable_weights:
        weight.assign(weight + rng.normal(0, 0.1, weight.shape))
    return stage


def whole(first, kind, condition_dim=None):
    second = family.with_random_weights(family.member(kind, condition_dim=condition_dim))
    if condition_dim is None:
        return tsvae.TwoStageVAE(first, second)
    model = tsvae.ConditionalTwoStageVAE(first, second, tsvae.conditions.Attributes(toy.NAMES))
    model.joint = tsvae.conditions.JointConditions(ASKED, np.ones(len(ASKED)))
    return model


def linear_first_stage():
    return tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, tiny.LATENT_DIM))


def arrays(function, n):
    rng = np.random.default_rng(3)
    made = {name: rng.standard_normal((17, *of), "float32") for name, of in function.inputs.items()}
    for name in made:
        if "condition" in name:
            made[name] = ASKED
        elif name == "images":
            made[name] = rng.random(made[name].shape, "float32")
    return {name: array[:n] for name, array in made.items()}


def check(model, names, format, folder):
    """Writes some functions of a model, and compares each in batches of 1, 3 and 17."""
    functions = {function.name: function for function in batch_functions(model)}
    for name in names:
        function, path = functions[name], folder / f"{name}{WRITERS[format].SUFFIX}"
        WRITERS[format].write(model, function, path)
        run = WRITERS[format].opened(path)
        for n in (1, 3, 17):
            given = arrays(function, n)
            ours = function.function(*map(keras.ops.convert_to_tensor, given.values()))
            theirs = run(given)
            assert theirs.keys() == function.outputs.keys()
            for output, expected in zip(function.outputs, ours):
                np.testing.assert_allclose(theirs[output], expected, rtol=1e-4, atol=1e-4)


@FORMATS
@pytest.mark.parametrize("condition_dim", [None, 3], ids=["plain", "conditional"])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network(network, condition_dim, format, tmp_path):
    model = whole(first_stage(network, condition_dim), "vae", condition_dim)
    check(model, ("sample", "encode"), format, tmp_path)


@FORMATS
@pytest.mark.parametrize("condition_dim", [None, 3], ids=["plain", "conditional"])
@pytest.mark.parametrize("kind", ["mixture", "flow", "affine"])
def test_every_second_stage(kind, condition_dim, format, tmp_path):
    model = whole(linear_first_stage(), kind, condition_dim)
    check(model, ("sample",), format, tmp_path)


@pytest.mark.parametrize("code", [1, 2], ids=["flow", "mixture"])
def test_a_choice_is_exported_without_the_other(code, tmp_path):
    model = whole(linear_first_stage(), "auto")
    figures = keras.ops.convert_to_numpy(model.second_stage._chosen)
    model.second_stage._chosen.assign(np.concatenate([[code], figures[1:]]))
    z = model.second_stage.generate_batch(*np.ones((2, 1, tiny.LATENT_DIM), "float32"))
    (sample, *_) = batch_functions(model)
    images = sample.function(*np.ones((2, 1, tiny.LATENT_DIM), "float32"))[0]
    np.testing.assert_allclose(images, model.first_stage.decode_batch(z), atol=1e-6)
    chosen = (model.second_stage.flow, model.second_stage.mixture)[code - 1]
    assert model.second_stage.chosen_stage() is chosen


@FORMATS
def test_a_folder_of_functions_and_what_it_says(format, tmp_path):
    model = toy.linear(seen=ASKED)
    model.recognizer.trained.assign(1.0)
    rng = np.random.default_rng(0)
    means = rng.standard_normal((50, tiny.LATENT_DIM), "float32")
    model.fit_mixture(tsvae.Posteriors(means, np.full_like(means, 0.1)), 2, seed=0)
    model.export(tmp_path / "here", format=format)
    told = json.loads((tmp_path / "here" / "functions.json").read_text())
    assert told["conditions"]["names"] == [*toy.NAMES] and told["format"] == format
    files = {entry["file"] for entry in told["functions"].values()}
    written = {path.name for path in (tmp_path / "here").iterdir()}
    assert written == files | {"functions.json", "README.md"} and len(files) == 7
    run, inputs = {}, {}
    for name, entry in told["functions"].items():
        run[name] = WRITERS[format].opened(tmp_path / "here" / entry["file"])
        inputs[name] = {given["name"]: given for given in entry["inputs"]}
    u, noise = rng.standard_normal((2, 17, tiny.LATENT_DIM), "float32")
    assert inputs["sample"]["u"]["shape"] == ["batch", tiny.LATENT_DIM]
    assert inputs["sample"]["condition"]["range"] == [-1, 1]
    assert inputs["encode"]["images"]["range"] == [0, 1] and "condition" not in inputs["encode"]
    z = model.second_stage.generate(u, noise, ASKED)
    (images,) = run["sample"]({"u": u, "noise": noise, "condition": ASKED}).values()
    np.testing.assert_allclose(images, model.decode(z), atol=1e-4)
    (images,) = run["sample_mixture"]({"u": u, "noise": noise}).values()
    np.testing.assert_allclose(images, model.decode(model.mixture.draw(u, noise)), atol=1e-4)
    images, _ = toy.data(17)
    floats = (images / 255).astype("float32")
    (edited,) = run["edit"](
        {"images": floats, "condition": ASKED, "new_condition": -ASKED}
    ).values()
    np.testing.assert_allclose(edited, model.edit(floats, -ASKED, condition=ASKED), atol=1e-4)
    (codes,) = run["infer_condition"]({"images": floats}).values()
    np.testing.assert_array_equal(codes, model.infer_condition(images))
    readme = (tmp_path / "here" / "README.md").read_text()
    assert all(f"`{file}`" in readme for file in files) and ", ".join(toy.NAMES) in readme


@FORMATS
def test_a_file_that_disagrees_is_removed(format, monkeypatch, tmp_path):
    opened = WRITERS[format].opened

    def wrong(path):
        run = opened(path)
        return lambda given: {k: v + 3e-4 * (len(v) == 3) for k, v in run(given).items()}

    monkeypatch.setattr(WRITERS[format], "opened", wrong)
    model = tiny.two_stage()
    with pytest.raises(RuntimeError, match="removed: sample.* 0.0003, batch of 3"):
        model.export(tmp_path / "here", format=format)
    assert [*tmp_path.iterdir()] == []


@FORMATS
def test_an_operation_that_a_format_lacks(format, tmp_path):
    z = keras.Input((tiny.LATENT_DIM,))
    encoder, _ = tiny.linear_networks(tiny.IMAGE_SHAPE, tiny.LATENT_DIM)
    pixels = keras.ops.erfinv(keras.layers.Dense(64, "sigmoid")(z))
    decoder = keras.Model(z, keras.layers.Reshape(tiny.IMAGE_SHAPE)(pixels))
    model = tsvae.TwoStageVAE(tsvae.FirstStageVAE(encoder, decoder), tiny.second_stage())
    with pytest.raises(RuntimeError, match="`sample` has operations that (ONNX|LiteRT) does not"):
        model.export(tmp_path / "here", format=format)
    assert [*tmp_path.iterdir()] == []


def without(monkeypatch, module):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == module else find(name)
    )


def test_without_a_converter(monkeypatch, tmp_path):
    without(monkeypatch, "tf2onnx")
    with pytest.raises(ImportError, match=r"needs tf2onnx: pip install 'keras_tsvae\[onnx\]'"):
        tiny.two_stage().export(tmp_path / "here", format="onnx")


@pytest.mark.parametrize("format, module", [("onnx", "onnxruntime"), ("litert", "ai_edge_litert")])
def test_without_a_runtime_nothing_is_compared(format, module, monkeypatch, tmp_path):
    without(monkeypatch, module)
    model = whole(linear_first_stage(), "affine")
    with pytest.warns(UserWarning, match=rf"not compared .*{module}.*keras_tsvae\[{format}\]"):
        model.export(tmp_path / "here", format=format)
    assert (tmp_path / "here" / "functions.json").exists()


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_other_precisions_are_exported_in_float32(policy, tmp_path):
    import onnxruntime

    keras.config.set_dtype_policy(policy)
    model = whole(first_stage("infogan"), "vae")
    model.export(tmp_path / "here", format="onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "here" / "decode.onnx"))
    assert session.get_inputs()[0].type == "tensor(float)"
    z = np.random.default_rng(0).standard_normal((4, tiny.LATENT_DIM), "float32")
    (images,) = session.run(None, {"z": z})
    np.testing.assert_allclose(images, model.decode(z), atol=2e-2)


def test_what_cannot_be_exported_is_refused_first(fitted, tmp_path):
    with pytest.raises(ValueError, match="`format` must be one of .* Received: format='onxx'"):
        fitted.export(tmp_path / "here", format="onxx")
    with pytest.raises(ValueError, match="must be fitted"):
        toy.linear().export(tmp_path / "here", format="onnx")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="`filepath` must not exist, or be an empty folder"):
        fitted.export(tmp_path, format="litert")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
