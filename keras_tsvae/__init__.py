"""Two-Stage VAE (Dai & Wipf 2019) for Keras 3."""

import sys

from keras_tsvae import (
    callbacks,
    conditions,
    data,
    layers,
    losses,
    metrics,
    networks,
    optimizers,
    presets,
)
from keras_tsvae.evaluation.obedience import evaluate_obedience
from keras_tsvae.latents import mixture
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.models import (
    ConditionalTwoStageVAE,
    FirstStageVAE,
    SecondStage,
    SecondStageVAE,
    TwoStageVAE,
)
from keras_tsvae.official import load_official_checkpoint

__version__ = "0.1.0"

# `keras_tsvae.mixture.GaussianMixture`, a name from before there was `latents`, stays importable.
sys.modules[f"{__name__}.mixture"] = mixture

__all__ = [
    "ConditionalTwoStageVAE",
    "FirstStageVAE",
    "Posteriors",
    "SecondStage",
    "SecondStageVAE",
    "TwoStageVAE",
    "callbacks",
    "conditions",
    "data",
    "evaluate_obedience",
    "layers",
    "load_official_checkpoint",
    "losses",
    "metrics",
    "networks",
    "optimizers",
    "presets",
]
