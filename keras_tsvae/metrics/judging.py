"""What a judge of images and the conditions of a model have to do with one another."""

import numpy as np

from keras_tsvae.metrics.classifier_features import ClassifierFeatures
from keras_tsvae.metrics.extractors import JudgeFeatures, as_extractor
from keras_tsvae.metrics.labels import check_attribute_labels, check_class_labels
from keras_tsvae.tables import in_order


def as_judge(judge):
    """Returns a `JudgeFeatures` of a trained `ClassifierFeatures`, or raises."""
    if not isinstance(judge, (ClassifierFeatures, JudgeFeatures)):
        raise ValueError(
            "`judge` must be a trained keras_tsvae.metrics.ClassifierFeatures. "
            f"Received: type(judge)={type(judge).__name__}"
        )
    return as_extractor(judge)


def verdicts(judge, features):
    """Returns what a `JudgeFeatures` sees in features.

    Returns:
        Class indices `(n,)`, or bools `(n, attributes)`.
    """
    logits = judge.class_logits(features)
    return logits.argmax(1) if judge.has_classes else logits > 0


def check_labels(judge, name, labels, names=None):
    """Returns labels that a `JudgeFeatures` knows, as class indices or as bools, or raises.

    Args:
        judge: A `JudgeFeatures`.
        name: The argument that messages name.
        labels: The labels; columns of a table of attributes, such as a pandas DataFrame, go by
            their names.
        names: Those names, in the judge's order, or None if they are not known.
    """
    if judge.has_classes:
        return check_class_labels(name, labels, judge.model.num_outputs)
    labels = in_order(labels, names, name)
    return check_attribute_labels(name, labels, judge.model.num_outputs)


def fits(conditions, judge):
    """Whether a `JudgeFeatures` can tell if images obey such conditions.

    It can where it knows as many attributes, or classes, as there are, and where the condition is
    a number, taken for the index of one of the classes.
    """
    if conditions.kind == "number":
        return judge.has_classes
    kind = "classes" if judge.has_classes else "attributes"
    return (conditions.kind, conditions.size) == (kind, judge.model.num_outputs)


def conditions_of(model, judge):
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


def names_of(conditions, judge):
    """Returns the names of the attributes or classes; their numbers where there are none."""
    names = None if conditions.kind == "number" else conditions.names
    return default_names(judge) if names is None else tuple(names)


def default_names(judge):
    """Returns the numbers of what a judge knows, from `"0"`."""
    return tuple(str(number) for number in range(judge.model.num_outputs))


def labels_of(conditions, codes):
    """Returns coded conditions as labels that a judge knows: numbers rounded to class indices."""
    labels = conditions.decode(codes)
    return np.rint(labels).astype("int64") if conditions.kind == "number" else labels
