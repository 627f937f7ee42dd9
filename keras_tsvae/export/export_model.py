"""The one door to all forms in which a whole model is exported."""

import keras

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.export.formats import FORMATS
from keras_tsvae.export.portable import export_portable
from keras_tsvae.export.saved_model import export_saved_model


def export_model(model: keras.Model, filepath: PathLike, format: str = "tf_saved_model") -> None:
    """Writes a `TwoStageVAE` for those who have neither this package nor Keras.

    A SavedModel samples from seeds, with TensorFlow alone: see `export_saved_model`. ONNX and
    LiteRT are folders of one file for each function (`keras_tsvae.export.batch_functions`), which
    take noise instead of seeds; each is compared with the model before the folder takes its place.
    On JAX, TensorFlow does this in a process of its own.

    Args:
        model: A built `TwoStageVAE`; a conditional one that is trained.
        filepath: Path of a folder that does not exist or is empty; `~` is expanded.
        format: `"tf_saved_model"`, `"onnx"` or `"litert"`. Defaults to `"tf_saved_model"`.

    Raises:
        ValueError: If the model is not built, `filepath` exists and is not an empty folder, or
            `format` is not as described.
        ImportError: If TensorFlow or a converter is not installed.
        RuntimeError: If the format lacks an operation of the model's, or what was written does not
            give what the model gives; nothing is left of it.
    """
    if format not in FORMATS:
        raise ValueError(f"`format` must be one of {FORMATS}. Received: format={format!r}")
    model.require_built("exported")
    if format == "tf_saved_model":
        export_saved_model(model, filepath)
    else:
        export_portable(model, filepath, format)
