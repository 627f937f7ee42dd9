"""Checks of labels: classes by their number, attributes that are there or not."""

import numpy as np

from keras_tsvae.arrays.types import ArrayLike


def check_class_labels(name: str, labels: ArrayLike, num_classes: int) -> np.ndarray:
    """Returns class indices from 0 to `num_classes - 1`, int64 `(n,)`, or raises."""
    labels = np.asarray(labels)
    labels = labels[:, 0] if labels.shape[1:] == (1,) else labels
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must be integers of shape (n,), one class for each image. "
            f"Received: {name} of {labels.dtype}, shape {labels.shape}"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise ValueError(
            f"`{name}` must be classes from 0 to {num_classes - 1}. "
            f"Received: min={labels.min()}, max={labels.max()}"
        )
    return labels.astype("int64")


def check_attribute_labels(
    name: str, labels: ArrayLike, num_attributes: int | None = None
) -> np.ndarray:
    """Returns attributes of +1 and -1, or of 1 and 0, as bools `(n, attributes)`, or raises."""
    labels = np.asarray(labels)
    rule = "attributes" if num_attributes is None else num_attributes
    if labels.ndim != 2 or num_attributes not in (None, labels.shape[1]):
        raise ValueError(
            f"`{name}` must have shape (n, {rule}), one column for each attribute. "
            f"Received: {name}.shape={labels.shape}"
        )
    values = np.unique(labels) if labels.dtype.kind in "iufb" else labels.ravel()
    if not any(np.isin(values, pair).all() for pair in ((-1, 1), (0, 1))):
        raise ValueError(
            f"`{name}` of attributes must be +1 and -1, or 1 and 0. Received: values {values[:5]}"
        )
    return labels > 0
