"""Callbacks that show during `fit` what the models have learnt, and one that keeps it."""

from keras_tsvae.callbacks.backup_and_restore import BackupAndRestore
from keras_tsvae.callbacks.condition_logger import ConditionLogger
from keras_tsvae.callbacks.fid_logger import FIDLogger
from keras_tsvae.callbacks.latent_report import LatentReport
from keras_tsvae.callbacks.sample_grid import SampleGrid

__all__ = ["BackupAndRestore", "ConditionLogger", "FIDLogger", "LatentReport", "SampleGrid"]
