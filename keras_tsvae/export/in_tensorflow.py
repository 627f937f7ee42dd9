"""Exports of models that run on JAX: TensorFlow writes them, in a process of its own."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras

from keras_tsvae.files import scratch_folder

# Its arguments: the model's file, the folder to write, the format, modules of the user's classes.
_SCRIPT = """
import importlib, sys
import keras_tsvae
for name in sys.argv[4:]:
    importlib.import_module(name)
model = keras_tsvae.load_model(sys.argv[1], compile=False)
model.export(sys.argv[2], format=sys.argv[3])
"""


def export_in_tensorflow(model: keras.Model, filepath: pathlib.Path, format: str) -> None:
    """Saves `model` as a temporary `.keras` file, which TensorFlow loads and exports, on the CPU.

    Args:
        model: A built `TwoStageVAE`.
        filepath: Path of the folder to write.
        format: As in `TwoStageVAE.export`.

    Raises:
        ImportError: If TensorFlow is not installed.
        RuntimeError: If the other process fails; the message is its last line.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise ImportError("Exporting a model needs TensorFlow: pip install tensorflow")
    with scratch_folder(filepath) as folder:
        model.save(folder / "model.keras", include_optimizer=False)
        arguments = [str(folder / "model.keras"), str(filepath.absolute()), format]
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, *arguments, *_modules(model)],
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "KERAS_BACKEND": "tensorflow",
                "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                "CUDA_VISIBLE_DEVICES": "-1",  # JAX has the memory of the GPU
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise RuntimeError(f"TensorFlow could not export the model: {lines[-1]}")


def _modules(model):
    """Returns the names of the modules that define a user's own layers."""
    names = {type(layer).__module__ for layer in model._flatten_layers()} - {"__main__"}
    return sorted(name for name in names if name.split(".")[0] not in ("keras", "keras_tsvae"))
