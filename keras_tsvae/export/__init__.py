"""Models for those who have neither this package nor Keras: SavedModel, ONNX, LiteRT."""

from keras_tsvae.export.export_model import export_model
from keras_tsvae.export.saved_model import export_saved_model

__all__ = ["export_model", "export_saved_model"]
