"""How good generated images are: features, statistics of them, and distances between those."""

import importlib
import typing

from keras_tsvae.metrics.classifier_features import ClassifierFeatures
from keras_tsvae.metrics.condition_accuracy import ConditionAccuracy
from keras_tsvae.metrics.condition_scores import ConditionScores
from keras_tsvae.metrics.extractors import as_extractor
from keras_tsvae.metrics.feature_sample import FeatureSample
from keras_tsvae.metrics.feature_statistics import FeatureStatistics
from keras_tsvae.metrics.frechet import frechet_distance
from keras_tsvae.metrics.frechet_inception_distance import (
    FrechetInceptionDistance,
    frechet_inception_distance,
)
from keras_tsvae.metrics.inception.features import InceptionV3Features
from keras_tsvae.metrics.inception_score import InceptionScore, inception_score
from keras_tsvae.metrics.kernel_inception_distance import (
    KernelInceptionDistance,
    kernel_inception_distance,
)
from keras_tsvae.metrics.precision_recall import PrecisionRecall, precision_recall
from keras_tsvae.metrics.protocols import PROTOCOLS
from keras_tsvae.metrics.reference_statistics import ReferenceStatistics
from keras_tsvae.metrics.replay import Replay, replay_share
from keras_tsvae.metrics.score import Score

__all__ = [
    "PROTOCOLS",
    "ClassifierFeatures",
    "ConditionAccuracy",
    "ConditionScores",
    "FeatureSample",
    "FeatureStatistics",
    "FrechetInceptionDistance",
    "GenerationReport",
    "InceptionScore",
    "InceptionV3Features",
    "KernelInceptionDistance",
    "ObedienceReport",
    "PrecisionRecall",
    "ReferenceStatistics",
    "Replay",
    "Score",
    "as_extractor",
    "edit_test",
    "flip_test",
    "frechet_distance",
    "frechet_inception_distance",
    "held_out_log_prob",
    "inception_score",
    "kernel_inception_distance",
    "latent_replay",
    "precision_recall",
    "replay_share",
]

_OF_MODELS = {
    "GenerationReport": "generation_report",
    "ObedienceReport": "obedience_report",
    "edit_test": "edit_test",
    "flip_test": "flip_test",
    "held_out_log_prob": "held_out_log_prob",
    "latent_replay": "latent_replay",
}


def __getattr__(name: str) -> typing.Any:
    """Returns what measures models rather than images: `evaluation`, which imports this room."""
    if name not in _OF_MODELS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"keras_tsvae.evaluation.{_OF_MODELS[name]}"), name)


def __dir__() -> list[str]:
    """Returns all names, those of `evaluation` among them."""
    return sorted({*globals(), *__all__})
