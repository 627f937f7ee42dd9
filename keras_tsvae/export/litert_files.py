"""LiteRT files (formerly TensorFlow Lite): written by TensorFlow, read by `ai-edge-litert`."""

import pathlib
import tempfile

import keras

from keras_tsvae.export.batch_functions import BatchFunction, Run
from keras_tsvae.export.needed import wanted

SUFFIX = ".tflite"


def require_converter() -> None:
    """Does nothing: TensorFlow writes such files."""


def write(model: keras.Model, function: BatchFunction, path: pathlib.Path) -> None:
    """Writes a function of `model`, in LiteRT's own operations alone.

    Raises:
        RuntimeError: If it has operations that LiteRT does not have.
    """
    import tensorflow as tf

    @tf.function(autograph=False)
    def batch(**arguments):
        ordered = [arguments[name] for name in function.inputs]  # TensorFlow sorts them
        return dict(zip(function.outputs, function.function(*ordered)))

    signature = {
        name: tf.TensorSpec((None, *shape), tf.float32, name)
        for name, shape in function.inputs.items()
    }
    module = tf.Module()
    module.tracked = [v.value for v in model.weights]
    concrete = {function.name: batch.get_concrete_function(**signature)}
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=concrete)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, list(concrete))
        try:
            path.write_bytes(converter.convert())
        except Exception as error:  # of several modules of TensorFlow's
            raise RuntimeError(
                f"`{function.name}` has operations that LiteRT does not have: "
                f"{str(error).splitlines()[0]}"
            ) from error


def opened(path: pathlib.Path) -> Run | None:
    """Returns the function in a file, of arrays by name, or None without LiteRT's runtime.

    Each call has an interpreter of its own: in one whose batches grow, XNNPACK's results are wrong
    now and then (seen with `ai-edge-litert` 2.3.0).
    """
    if not wanted("ai_edge_litert", "litert", path):
        return None
    from ai_edge_litert.interpreter import Interpreter

    def run(arrays):
        return Interpreter(model_path=str(path)).get_signature_runner(path.stem)(**arrays)

    return run
