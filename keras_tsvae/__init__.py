"""Two-Stage VAE (Dai & Wipf 2019) for Keras 3."""

from keras_tsvae import callbacks, data, layers, losses, metrics, networks, presets
from keras_tsvae.models import FirstStageVAE, SecondStageVAE, TwoStageVAE
from keras_tsvae.official import load_official_checkpoint
from keras_tsvae.posteriors import Posteriors

__version__ = "0.1.0"

__all__ = [
    "FirstStageVAE",
    "Posteriors",
    "SecondStageVAE",
    "TwoStageVAE",
    "callbacks",
    "data",
    "layers",
    "load_official_checkpoint",
    "losses",
    "metrics",
    "networks",
    "presets",
]
