"""The package as a whole: what importing it costs, and what it needs."""

import os
import subprocess
import sys

import keras
import pytest

import keras_tsvae


def test_jax_alone_is_enough():
    """TensorFlow is absent, as on a machine that has only JAX."""
    pytest.importorskip("jax")
    script = """
import sys
sys.modules["tensorflow"] = None
import numpy as np, keras, keras_tsvae as tsvae
keras.utils.set_random_seed(0)
first = tsvae.FirstStageVAE(
    tsvae.networks.ResNetEncoder((8, 8, 1), 2, base_dim=2, num_scale=1, fc_dim=4),
    tsvae.networks.ResNetDecoder((8, 8, 1), 2, base_dim=2),
)
model = tsvae.TwoStageVAE(first, tsvae.SecondStageVAE(2, width=4, depth=1))
model.compile()
images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), "uint8")
model.fit(images, batch_size=4, verbose=0)
print(model.sample(3).shape)
"""
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(3, 8, 8, 1)"


def test_importing_loads_no_optional_library():
    script = (
        "import keras, sys; before = set(sys.modules); import keras_tsvae;"
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    for name in ("matplotlib", "keras_cv", "sklearn", "PIL", "scipy", "pandas"):
        assert f"'{name}'" not in done.stdout


def test_other_backends_are_refused_with_a_word():
    script = """
import keras
keras.backend.backend = lambda: "numpy"
import keras_tsvae
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "KERAS_BACKEND to 'tensorflow' or 'jax'" in done.stderr


def test_every_public_class_is_registered_for_loading():
    public = [
        getattr(keras_tsvae, name) for name in ("FirstStageVAE", "SecondStageVAE", "TwoStageVAE")
    ]
    for room in (keras_tsvae.layers, keras_tsvae.networks):
        public += [getattr(room, name) for name in room.__all__]
    for cls in public:
        assert keras.saving.get_registered_name(cls) == f"keras_tsvae>{cls.__name__}"
