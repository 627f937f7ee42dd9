"""The conditions of a model as a judge of its images knows them."""

import keras
import numpy as np

from keras_tsvae.conditions import Condition
from keras_tsvae.metrics.extractors import JudgeFeatures
from keras_tsvae.metrics.judging import default_names, fits


def judged_conditions(model: keras.Model, judge: JudgeFeatures) -> Condition:
    """Returns the conditions of a model, or raises if it has none or the judge does not fit."""
    conditions = getattr(model, "conditions", None)
    if conditions is None:
        raise ValueError(
            "`model` must be a ConditionalTwoStageVAE, whose images have conditions. "
            f"Received: type(model)={type(model).__name__}, without conditions"
        )
    if not fits(conditions, judge):
        knows = "classes" if judge.has_classes else "attributes"
        raise ValueError(
            "`judge` must know the attributes or classes that are the model's conditions, as many "
            "and in their order; of numbers, those that are class indices. "
            f"Received: a judge of {judge.model.num_outputs} {knows} for conditions of kind "
            f"{conditions.kind!r}, size {conditions.size}"
        )
    model.require_built("judged")
    if tuple(model.image_shape) != judge.model.image_shape:
        raise ValueError(
            "`judge` must be trained on images of the model's shape "
            f"{tuple(model.image_shape)}. Received: a judge of {judge.model.image_shape}"
        )
    return conditions


def names_of(conditions: Condition, judge: JudgeFeatures) -> tuple[str, ...]:
    """Returns the names of the attributes or classes; their numbers where there are none."""
    names = None if conditions.kind == "number" else conditions.names
    return default_names(judge) if names is None else tuple(names)


def labels_of(conditions: Condition, codes: np.ndarray) -> np.ndarray:
    """Returns coded conditions as labels that a judge knows: numbers rounded to class indices."""
    labels = conditions.decode(codes)
    return np.rint(labels).astype("int64") if conditions.kind == "number" else labels
