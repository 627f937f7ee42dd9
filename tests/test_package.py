"""The package as a whole: what importing it costs, and what it needs."""

import json
import os
import subprocess
import sys

import keras
import pytest

import keras_tsvae

# A process with JAX alone: TensorFlow is absent, and the last import is that of another backend.
SCRIPT = """
import builtins, json, sys
sys.modules.update(dict.fromkeys(["tensorflow", "keras_cv"]))
import numpy as np, keras

imported = builtins.__import__
asked = set()

def watched(name, globals=None, *args, **kwargs):
    if str((globals or {}).get("__name__")).startswith("keras_tsvae"):
        asked.add(name)
    return imported(name, globals, *args, **kwargs)

before, builtins.__import__ = set(sys.modules), watched
import keras_tsvae as tsvae
builtins.__import__ = imported
asked = {name.split(".")[0] for name in asked | set(sys.modules) - before}

try:
    tsvae.data.load("digits").train.tf_dataset()
except ImportError as error:
    refused = str(error)

keras.utils.set_random_seed(0)
first = tsvae.FirstStageVAE(
    tsvae.networks.ResNetEncoder((8, 8, 1), 2, base_dim=2, num_scale=1, fc_dim=4),
    tsvae.networks.ResNetDecoder((8, 8, 1), 2, base_dim=2),
)
model = tsvae.TwoStageVAE(first, tsvae.SecondStageVAE(2, width=4, depth=1))
model.compile()
images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), "uint8")
model.fit(images, batch_size=4, verbose=0)
print(json.dumps([model.sample(3).shape, sorted(asked), refused]))

for name in [name for name in sys.modules if name.startswith("keras_tsvae")]:
    del sys.modules[name]
keras.backend.backend = lambda: "numpy"
import keras_tsvae
"""


@pytest.fixture(scope="module")
def process():
    pytest.importorskip("jax")
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.backend_free
def test_jax_alone_is_enough(process):
    shape, _, refused = json.loads(process.stdout)
    assert shape == [3, 8, 8, 1]
    assert "`tf_dataset` needs TensorFlow: `pip install tensorflow`" in refused


@pytest.mark.slow
@pytest.mark.backend_free
def test_importing_loads_no_optional_library(process):
    _, asked, _ = json.loads(process.stdout)
    optional = {"matplotlib", "keras_cv", "sklearn", "PIL", "scipy", "pandas"}
    assert "numpy" in asked and not optional & set(asked)


@pytest.mark.slow
@pytest.mark.backend_free
def test_other_backends_are_refused_with_a_word(process):
    assert "KERAS_BACKEND to 'tensorflow' or 'jax'" in process.stderr


def test_every_public_class_is_registered_for_loading():
    public = [
        getattr(keras_tsvae, name) for name in ("FirstStageVAE", "SecondStageVAE", "TwoStageVAE")
    ]
    for room in (keras_tsvae.layers, keras_tsvae.networks):
        public += [getattr(room, name) for name in room.__all__]
    for cls in public:
        assert keras.saving.get_registered_name(cls) == f"keras_tsvae>{cls.__name__}"
