"""Checkpoints of the official TensorFlow 1 code, read into this package's models."""

from keras_tsvae.official.load_checkpoint import load_official_checkpoint

__all__ = ["load_official_checkpoint"]
