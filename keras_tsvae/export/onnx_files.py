"""ONNX files: written by tf2onnx, read by ONNX Runtime."""

import contextlib
import logging
import pathlib

import keras
import numpy as np

from keras_tsvae.export.batch_functions import BatchFunction, Run
from keras_tsvae.export.needed import require, wanted

SUFFIX = ".onnx"
OPSET = 17  # of 2022: what runtimes of today all read


def require_converter() -> None:
    """Raises an `ImportError` unless what writes such files is installed."""
    require("tf2onnx", "onnx", extra="onnx")


def write(model: keras.Model, function: BatchFunction, path: pathlib.Path) -> None:
    """Writes a function of `model`.

    Raises:
        RuntimeError: If it has operations that ONNX does not have.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    def batch(*arguments):
        return dict(zip(function.outputs, function.function(*arguments)))

    signature = [
        tf.TensorSpec((None, *shape), tf.float32, name) for name, shape in function.inputs.items()
    ]
    with _quiet("tf2onnx"):  # which reports what it cannot convert, but does not raise
        converted, _ = tf2onnx.convert.from_function(
            tf.function(batch, input_signature=signature, autograph=False),
            signature,
            opset=OPSET,
            custom_op_handlers={"Log1p": (_log1p, [])},
        )
    try:
        onnx.checker.check_model(converted)
    except onnx.checker.ValidationError as error:
        raise RuntimeError(
            f"`{function.name}` has operations that ONNX does not have: "
            f"{str(error).splitlines()[0]}"
        ) from error
    onnx.save(converted, str(path))


def opened(path: pathlib.Path) -> Run | None:
    """Returns the function in a file, of arrays by name, or None without ONNX Runtime."""
    if not wanted("onnxruntime", "onnx", path):
        return None
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda arrays: dict(zip(names, session.run(names, dict(arrays))))


@contextlib.contextmanager
def _quiet(name):
    """Silences a logger."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _log1p(context, node, name, _):
    """Writes `log(1 + x)`, since ONNX has no such operation."""
    (x,), output = node.input, node.output[0]
    shapes, dtypes = node.output_shapes, node.output_dtypes
    context.remove_node(node.name)
    one = context.make_const(f"{name}_one", np.ones((), "float32"))
    added = context.make_node("Add", [x, one.output[0]], name=f"{name}_add")
    context.make_node(
        "Log", [added.output[0]], outputs=[output], name=name, shapes=shapes, dtypes=dtypes
    )
