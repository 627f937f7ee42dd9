"""Callbacks that show during `fit` what the models have learnt."""

from keras_tsvae.callbacks.condition_logger import ConditionLogger
from keras_tsvae.callbacks.fid_logger import FIDLogger
from keras_tsvae.callbacks.latent_report import LatentReport
from keras_tsvae.callbacks.sample_grid import SampleGrid

__all__ = ["ConditionLogger", "FIDLogger", "LatentReport", "SampleGrid"]
