"""Folders of files that other runtimes read: one file a function, compared with the model."""

import pathlib
import types

import keras
import numpy as np
from keras import ops

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.export import litert_files, onnx_files
from keras_tsvae.export.batch_functions import BatchFunction, Run, batch_functions
from keras_tsvae.export.description import describe
from keras_tsvae.export.formats import free_folder
from keras_tsvae.export.in_tensorflow import export_in_tensorflow
from keras_tsvae.export.precision import in_float32
from keras_tsvae.files import written_beside

TOLERANCE = 1e-4  # absolute, and relative to values above 1
BATCHES = (1, 3)
_WRITERS: dict[str, types.ModuleType] = {"onnx": onnx_files, "litert": litert_files}


def export_portable(model: keras.Model, filepath: PathLike, format: str) -> None:
    """Writes a folder of ONNX or LiteRT files, and what describes them, at once or not at all.

    Each file holds one function of `keras_tsvae.export.batch_functions`, for batches of any size,
    computed in float32 whatever the model's own precision. It is opened again with the format's
    runtime, if that is installed, and compared with the model.

    Args:
        model: A built `TwoStageVAE`; a conditional one that is trained.
        filepath: Path of a folder that does not exist or is empty; `~` is expanded.
        format: `"onnx"` or `"litert"`.

    Raises:
        ImportError: If the converter, or TensorFlow, is not installed.
        ValueError: If `filepath` is not as described.
        RuntimeError: If a function has operations that the format lacks, or what was written does
            not give what the model gives to 1e-4; nothing is left of it.
    """
    writer, filepath = _WRITERS[format], free_folder(filepath)
    writer.require_converter()
    if keras.backend.backend() != "tensorflow":
        export_in_tensorflow(model, filepath, format)
        return
    model = in_float32(model)
    functions = batch_functions(model)
    with written_beside(filepath) as folder:
        folder.mkdir()
        for function in functions:
            path = folder / f"{function.name}{writer.SUFFIX}"
            writer.write(model, function, path)
            run = writer.opened(path)
            if run is not None:
                _compare(model, function, run, path)
        describe(model, functions, folder, format, writer.SUFFIX)


def _compare(model: keras.Model, function: BatchFunction, run: Run, path: pathlib.Path) -> None:
    """Raises a `RuntimeError` unless a file gives what the model gives."""
    for n in BATCHES:
        arrays = _examples(model, function, n)
        ours = function.function(*map(ops.convert_to_tensor, arrays.values()))
        theirs = run(arrays)
        for name, expected in zip(function.outputs, map(ops.convert_to_numpy, ours)):
            if not np.allclose(theirs[name], expected, TOLERANCE, TOLERANCE):
                error = np.abs(theirs[name] - expected).max()
                raise RuntimeError(
                    f"The export was removed: {path.name} does not give the {name} that the model "
                    f"gives, to {TOLERANCE}. Received: a difference of {error:.3g}, batch of {n}"
                )


def _examples(model, function, n):
    """Returns arrays to try a function on, images among them that the model has made."""
    rng = np.random.default_rng(n)
    arrays = {}
    for name, shape in function.inputs.items():
        if "condition" in name:
            arrays[name] = model.joint.rows[rng.integers(len(model.joint.rows), size=n)]
        else:
            arrays[name] = rng.standard_normal((n, *shape), "float32")
    if "images" in arrays:
        z = rng.standard_normal((n, model.latent_dim), "float32")
        first = model.first_stage
        taken = () if first.condition_dim is None else (model.joint.rows[[0] * n],)
        images = first.decode_batch(*map(ops.convert_to_tensor, (z, *taken)))
        arrays["images"] = np.clip(ops.convert_to_numpy(images), 0.0, 1.0)
    return arrays
