import pathlib

import h5py
import keras
import numpy as np
import pytest

from keras_tsvae.files import cache_folder
from keras_tsvae.metrics.inception import weights as inception_weights
from keras_tsvae.metrics.inception.features import InceptionV3Features
from keras_tsvae.metrics.inception.weights import load_weights
from tests.metrics.inception.state_dicts import STEM, random_state, write_legacy, write_zip

RNG = np.random.default_rng(0)
FIRST = {name: STEM[name] for name in list(STEM)[:3]}
STATE = random_state(FIRST)


@pytest.fixture(autouse=True)
def keras_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))


@pytest.fixture
def weights(tmp_path):
    np.savez(tmp_path / "weights.npz", **STATE)
    return tmp_path / "weights.npz"


def write_hdf5(path, state):
    with h5py.File(path, "w") as file:
        for name, array in state.items():
            file[name] = array


def check_folded(found):
    for name, (kernel, bias) in found.items():
        scale = STATE[f"{name}.bn.weight"] / np.sqrt(STATE[f"{name}.bn.running_var"] + 1e-3)
        expected = STATE[f"{name}.conv.weight"] * scale[:, None, None, None]
        np.testing.assert_allclose(kernel, np.transpose(expected, (2, 3, 1, 0)), rtol=1e-5)
        offset = STATE[f"{name}.bn.bias"] - STATE[f"{name}.bn.running_mean"] * scale
        np.testing.assert_allclose(bias, offset, rtol=1e-4, atol=1e-6)
        assert kernel.dtype == bias.dtype == np.float32


@pytest.mark.parametrize(
    "ending, write", [("pth", write_zip), ("pth", write_legacy), ("h5", write_hdf5)]
)
def test_weights_of_every_format_are_folded(ending, write, tmp_path):
    path = tmp_path / f"weights.{ending}"
    write(path, STATE)
    check_folded(load_weights(str(path), FIRST))


def test_the_dense_layer_is_transposed(tmp_path):
    state = {"fc.weight": RNG.normal(size=(3, 2)), "fc.bias": RNG.normal(size=3)}
    np.savez(tmp_path / "x.npz", **state)
    kernel, bias = load_weights(tmp_path / "x.npz", {"fc": (2, 3)})["fc"]
    np.testing.assert_array_equal(kernel, state["fc.weight"].T.astype("float32"))
    np.testing.assert_array_equal(bias, state["fc.bias"].astype("float32"))


def test_a_conversion_is_kept(weights, monkeypatch):
    first = dict(list(FIRST.items())[:1])
    load_weights(weights, first)
    (cache,) = cache_folder("inception").iterdir()
    assert cache.name == f"{inception_weights._sha256(weights)[:16]}.npz"
    check_folded(load_weights(weights, FIRST))  # more layers: converted anew
    whole = cache.read_bytes()
    for damaged in (b"", b"hello", whole[:-100], whole[:5000] + b"x" + whole[5001:]):
        cache.write_bytes(damaged)
        check_folded(load_weights(weights, FIRST))
        assert cache.read_bytes() != damaged
    monkeypatch.setattr(inception_weights, "read_state_dict", None)
    check_folded(load_weights(weights, FIRST))
    check_folded(load_weights(weights, first))
    assert list(cache_folder("inception").iterdir()) == [cache]


def test_without_a_place_for_the_cache(weights, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    check_folded(load_weights(weights, FIRST))


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"Conv2d_2a_3x3.bn.bias": None}, "'Conv2d_2a_3x3.bn.bias' .* no such key"),
        ({"Conv2d_2a_3x3.bn.bias": np.zeros(31)}, r"of shape \(32,\)\. .* shape \(31,\)"),
        ({"Conv2d_1a_3x3.bn.weight": np.full(32, np.nan)}, "finite .* 'Conv2d_1a_3x3.bn.weight'"),
        ({"Conv2d_1a_3x3.bn.running_var": np.full(32, np.inf)}, "finite .*running_var"),
        ({"Conv2d_1a_3x3.bn.running_var": np.full(32, -1e-4)}, "at least 0.*running_var"),
    ],
)
def test_bad_weights_are_named(change, reason, tmp_path):
    state = {name: value for name, value in {**STATE, **change}.items() if value is not None}
    path = tmp_path / "bad.npz"
    np.savez(path, **state)
    with pytest.raises(ValueError, match=reason) as caught:
        load_weights(path, FIRST)
    assert str(path) in str(caught.value)
    assert not cache_folder("inception").exists()


@pytest.mark.parametrize("bad", ["nowhere.pth", 3, pathlib.Path(__file__).parent])
def test_weights_that_are_no_file_are_named(bad):
    with pytest.raises(ValueError, match="`weights` must be None or the path of a file"):
        load_weights(bad, FIRST)


def test_the_published_weights_are_downloaded_once(tmp_path, monkeypatch):
    write_zip(tmp_path / "served", STATE)
    calls = []

    def get_file(fname, origin, cache_dir, cache_subdir):
        calls.append(origin)
        (pathlib.Path(cache_dir) / cache_subdir / fname).write_bytes(
            (tmp_path / "served").read_bytes()
        )

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(ValueError, match="SHA-256 starts with 6726825d"):
        load_weights(None, FIRST)
    assert list(cache_folder("inception").iterdir()) == []
    start = inception_weights._sha256(tmp_path / "served")[:8]
    monkeypatch.setattr(inception_weights, "_SHA256_START", start)
    for _ in range(2):
        check_folded(load_weights(None, FIRST))
    assert calls == [inception_weights.URL] * 2
    path = cache_folder("inception") / inception_weights.NAME
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=f"SHA-256 starts with {start}") as caught:
        load_weights(None, FIRST)
    assert str(path) in str(caught.value)


def test_a_failed_download_says_what_to_do(monkeypatch):
    def get_file(*args, **kwargs):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(ValueError, match="download https://.* to .* `weights`") as caught:
        InceptionV3Features(layer="64")
    place = cache_folder("inception") / inception_weights.NAME
    assert str(place) in str(caught.value) and "URL fetch failure" in str(caught.value)
    assert list(place.parent.iterdir()) == []
