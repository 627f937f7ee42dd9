"""How good a model is: all figures in one table, and whether it obeys its conditions."""

from keras_tsvae.evaluation.generation import evaluate_generation
from keras_tsvae.evaluation.obedience import evaluate_obedience

__all__ = ["evaluate_generation", "evaluate_obedience"]
