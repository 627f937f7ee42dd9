"""What a judge of images sees in them, and the labels that it is held against."""

import typing
from collections.abc import Sequence

import numpy as np

from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.conditions import Condition
from keras_tsvae.conditions.tables import in_order
from keras_tsvae.metrics.classifier_features import ClassifierFeatures
from keras_tsvae.metrics.extractors import JudgeFeatures
from keras_tsvae.metrics.labels import check_attribute_labels, check_class_labels


def as_judge(judge: typing.Any) -> JudgeFeatures:
    """Returns a `JudgeFeatures` of a trained `ClassifierFeatures`, or raises."""
    if not isinstance(judge, (ClassifierFeatures, JudgeFeatures)):
        raise ValueError(
            "`judge` must be a trained keras_tsvae.metrics.ClassifierFeatures. "
            f"Received: type(judge)={type(judge).__name__}"
        )
    return judge if isinstance(judge, JudgeFeatures) else JudgeFeatures(judge)


def verdicts(judge: JudgeFeatures, features: np.ndarray) -> np.ndarray:
    """Returns what a `JudgeFeatures` sees in features.

    Returns:
        Class indices `(n,)`, or bools `(n, attributes)`.
    """
    logits = judge.class_logits(features)
    return logits.argmax(1) if judge.has_classes else logits > 0


def check_labels(
    judge: JudgeFeatures, name: str, labels: ArrayLike, names: Sequence[str] | None = None
) -> np.ndarray:
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


def fits(conditions: Condition, judge: JudgeFeatures) -> bool:
    """Whether a `JudgeFeatures` can tell if images obey such conditions.

    It can where it knows as many attributes, or classes, as there are, and where the condition is
    a number, taken for the index of one of the classes.
    """
    if conditions.kind == "number":
        return judge.has_classes
    kind = "classes" if judge.has_classes else "attributes"
    return (conditions.kind, conditions.size) == (kind, judge.model.num_outputs)


def default_names(judge: JudgeFeatures) -> tuple[str, ...]:
    """Returns the numbers of what a judge knows, from `"0"`."""
    return tuple(str(number) for number in range(judge.model.num_outputs))
