"""Fixtures: fixed seeds, tiny models, and outside data where it is at hand.

`make test` runs all tests with TensorFlow, and again with JAX all that are not marked as
`backend_free`. A new test, or a file of tests (`pytestmark = pytest.mark.backend_free`), gets
this mark if Keras computes nothing in it: files, lists, arrays, plots, other processes.

Tests that fit one of the tiny models take it from `tests.reused`: to build and to trace a model
takes most of a test's time. Those that read a fitted model alone share `fitted`.
"""

import functools
import gc
import os
import pathlib
import sys
import typing

import keras
import numpy as np
import pytest
from tensorflow.python import pywrap_tfe

from tests import compiled, tiny
from tests.reused import lent

# Tracing makes millions of objects, hardly any of them in circles, nor any that imports made.
gc.freeze()
gc.set_threshold(10_000, 10, 10)

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    if sys.version_info < (3, 12):  # where TensorFlow's checks of protocols take a seventh of a run
        typing._get_protocol_attrs = functools.cache(typing._get_protocol_attrs)

    # Two logical devices, for the tests of `tf.distribute.MirroredStrategy`.
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )

    def optimize_graphs(wanted):
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not wanted})

    optimize_graphs(False)  # which takes longer than it saves where a graph runs a few times


# The same tiny models are compiled again and again, by all processes of a run, those that tests
# start among them, and by the next run; to compile them takes far longer than to run them.
JAX_OPTIONS = {
    "jax_disable_most_optimizations": True,
    "jax_compilation_cache_dir": str(compiled.folder()),
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}
os.environ.update({name.upper(): str(value) for name, value in JAX_OPTIONS.items()})

if keras.backend.backend() == "jax":
    import jax

    for name, value in JAX_OPTIONS.items():
        jax.config.update(name, value)


@pytest.fixture(autouse=True)
def fixed_seed(monkeypatch):
    with monkeypatch.context() as patch:
        # TensorFlow forgets its compiled functions as well, for the sake of operations with a
        # state of their own, such as `tf.random.normal`, of which there are none here.
        patch.setattr(pywrap_tfe, "TFE_ContextClearCaches", lambda context: None)
        keras.utils.set_random_seed(1234)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True)
def reused_models(fixed_seed):
    """Models of `tests.reused` are for one test at a time."""
    with lent():
        yield


@pytest.fixture(autouse=True)
def backend_free(request, monkeypatch):
    """Fails a test that is marked as `backend_free` and makes a tensor."""
    if request.node.get_closest_marker("backend_free") is None:
        return

    def touched(*args, **kwargs):
        pytest.fail("This test is marked as `backend_free`, but it needs the backend.")

    monkeypatch.setattr(keras.layers.Layer, "__call__", touched)
    for name, module in list(sys.modules.items()):
        if name.startswith(f"keras.src.backend.{keras.backend.backend()}"):
            if hasattr(module, "convert_to_tensor"):
                monkeypatch.setattr(module, "convert_to_tensor", touched)


@pytest.fixture
def optimized_graphs():
    """TensorFlow's graphs as users run them, which give other last bits."""
    if keras.backend.backend() == "tensorflow":
        optimize_graphs(True)
    yield
    if keras.backend.backend() == "tensorflow":
        optimize_graphs(False)


@pytest.fixture
def images():
    """96 uint8 images of the tiny models' shape: bright squares on a dark, noisy ground."""
    return tiny.images(96)


@pytest.fixture(scope="session")
def fitted():
    """A residual `TwoStageVAE` after two epochs of each stage. Not to be changed."""
    keras.utils.set_random_seed(1234)
    model = tiny.two_stage("adam", tiny.residual_networks)
    model.fit(tiny.images(96), batch_size=16, epochs=2, verbose=0)
    return tiny.shared(model)


@pytest.fixture(scope="session", autouse=True)
def shared_models():
    """Fails where a test has changed a model that others read as well."""
    yield
    for model, weights in tiny.SHARED:
        for now, before in zip(model.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(now, before)


@pytest.fixture
def golden():
    """Loads an npz of the official code's inputs and outputs, or skips."""
    folder = pathlib.Path(os.environ.get("KERAS_TSVAE_DATA", "")) / "golden"

    def load(name):
        path = folder / f"{name}.npz"
        if "KERAS_TSVAE_DATA" not in os.environ or not path.exists():
            pytest.skip(f"golden/{name}.npz is not in the folder KERAS_TSVAE_DATA names")
        return np.load(path)

    return load


@pytest.fixture(autouse=True)
def own_cache_folder(monkeypatch, tmp_path_factory):
    """No test reads or writes what the user keeps in Keras's folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.getbasetemp() / "keras"))
