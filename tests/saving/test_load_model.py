"""Models from files that were changed to run code, to lead elsewhere, or to take all memory."""

import io
import json
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from tests import tiny

CONFIG, WEIGHTS = "config.json", "model.weights.h5"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The members of a `.keras` file."""
    path = tmp_path_factory.mktemp("models") / "model.keras"
    model = tiny.two_stage()
    model.build((None, *tiny.IMAGE_SHAPE))
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        return path, {name: archive.read(name) for name in archive.namelist()}


def written(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def refused(path, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        tsvae.load_model(path)
    assert f"filepath={str(path)!r}" in str(caught.value)


def test_a_model_comes_as_it_was(whole, fitted, tmp_path):
    fitted.save(tmp_path / "a.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = tsvae.load_model(str(tmp_path / "a.keras"))
    np.testing.assert_array_equal(loaded.sample(2, seed=0), fitted.sample(2, seed=0))
    assert loaded.compiled and not tsvae.load_model(tmp_path / "a.keras", compile=False).compiled


def with_config(whole, change, path):
    _, members = whole
    config = json.loads(members[CONFIG])
    change(config)
    return written(path, {**members, CONFIG: json.dumps(config)})


def encoder(config):
    return config["config"]["first_stage"]["config"]["encoder"]


def a_lambda(config):
    inside = encoder(config)["config"]["layers"][1]
    inside["class_name"], inside["module"] = "Lambda", "keras.layers"
    inside.pop("registered_name", None)
    code = {"class_name": "__lambda__", "config": {"value": ["gA==", None, None]}}
    inside["config"] = {"name": inside["config"]["name"], "function": code}


def a_class_of_python(config):
    encoder(config).update(
        class_name="Popen", module="subprocess", registered_name="Popen", config={"args": "true"}
    )


def a_function_of_keras(config):
    encoder(config).update(
        class_name="function", module="keras.utils", registered_name="get_file", config="get_file"
    )


def a_saved_model(config):
    encoder(config).update(
        class_name="TFSMLayer", module="keras.layers", registered_name=None,
        config={"filepath": "/", "call_endpoint": "serve"},
    )  # fmt: skip


def another_class(config):
    config.update(class_name="Dense", module="keras.layers", registered_name=None)
    config["config"] = {"units": 2}


@pytest.mark.parametrize(
    "change", [a_lambda, a_class_of_python, a_function_of_keras, a_saved_model, another_class]
)
def test_nothing_else_is_made_of_a_config(change, whole, tmp_path):
    refused(with_config(whole, change, tmp_path / "a.keras"), "whose classes are known here")


def test_sizes_are_held_against_the_file(whole, tmp_path):
    def width(config):
        config["config"]["second_stage"]["config"]["width"] = 10**7

    def depth(config):
        config["config"]["second_stage"]["config"]["depth"] = 10**9

    refused(with_config(whole, width, tmp_path / "a.keras"), "asks for .* bytes of memory")
    refused(with_config(whole, depth, tmp_path / "a.keras"), "asks for 1,000,000,000 layers")


def test_what_an_archive_may_hold(whole, tmp_path):
    path, members = whole
    refused(written(tmp_path / "a.keras", {**members, "../b": b""}), "leave the archive")
    link = zipfile.ZipInfo("assets/b")
    link.external_attr = 0o120777 << 16
    refused(written(tmp_path / "b.keras", {**members, link: b"/etc"}), "is a link")
    bomb = {**members, "assets/c": bytes(2**27)}
    refused(written(tmp_path / "c.keras", bomb, zipfile.ZIP_DEFLATED), "bytes of memory")
    refused(written(tmp_path / "d.keras", members, zipfile.ZIP_LZMA), "packed in a way")
    refused(written(tmp_path / "e.keras", {CONFIG: b"{}"}), "model.weights.h5")
    refused(written(tmp_path / "f.keras", {**members, CONFIG: b"[" * 10**5}), "recursion|deep")
    refused(tmp_path / "none.keras", "No such file")
    refused(tmp_path, "it has no config.json")
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(members[WEIGHTS]) + 3000] ^= 1
    (tmp_path / "g.keras").write_bytes(damaged)
    refused(tmp_path / "g.keras", "CRC")


@pytest.mark.parametrize("trick", ["link", "cycle", "bomb"])
def test_what_weights_may_hold(trick, whole, tmp_path):
    _, members = whole
    file = io.BytesIO(members[WEIGHTS])
    with h5py.File(file, "r+") as weights:
        if trick == "link":
            weights["x"] = h5py.ExternalLink("other.h5", "x")
        elif trick == "cycle":
            weights["x"] = weights["/"]
        else:
            weights.create_dataset("x", (2**36,), "float32", chunks=(2**10,))
    path = written(tmp_path / "a.keras", {**members, WEIGHTS: file.getvalue()})
    refused(
        path, {"link": "is a link", "cycle": "several places", "bomb": "bytes of memory"}[trick]
    )


def test_classes_of_a_user(tmp_path):
    class Mine(keras.layers.Dense):
        pass

    model = keras.Sequential([keras.Input((2,)), Mine(3)])
    model.save(tmp_path / "a.keras")
    refused(tmp_path / "a.keras", "Mine")
    loaded = tsvae.load_model(tmp_path / "a.keras", {"Mine": Mine})
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_damaged_weights_are_named_and_leave_the_model_alone(whole, tmp_path):
    path, members = whole
    model = tiny.two_stage()
    model.build((None, *tiny.IMAGE_SHAPE))
    before = model.get_weights()
    (tmp_path / "a.weights.h5").write_bytes(members[WEIGHTS][:3000])
    (tmp_path / "b.keras").write_bytes(path.read_bytes()[:-200])
    for name in ("a.weights.h5", "b.keras", "none.weights.h5"):
        with pytest.raises(ValueError, match=f"this model's weights. Received: .*{name}"):
            model.load_weights(tmp_path / name)
    for now, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, old)
    model.load_weights(path)
