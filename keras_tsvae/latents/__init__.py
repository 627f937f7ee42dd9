"""What lies between the stages: posteriors, a mixture fitted to them, and their statistics."""

from keras_tsvae.latents.mixture import GaussianMixture
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.latents.statistics import (
    LatentStatistics,
    draw,
    gaussian_log_prob,
    moments,
    squared_mmd,
)

__all__ = [
    "GaussianMixture",
    "LatentStatistics",
    "Posteriors",
    "draw",
    "gaussian_log_prob",
    "moments",
    "squared_mmd",
]
