"""What a conditional model can be asked for."""

import typing

import numpy as np

from keras_tsvae.models import TwoStageVAE

_QUANTILES = (0.05, 0.5, 0.95)


def examples(model: TwoStageVAE) -> dict[str, typing.Any]:
    """Returns conditions that `sample` takes, by a title for each, or an empty dict.

    Each class, attribute that has a name, or a few values of a number, as far as they occur in
    training; of a vector none.
    """
    conditions: typing.Any = getattr(model, "conditions", None)
    joint: typing.Any = getattr(model, "joint", None)
    if conditions is None or joint is None:
        return {}
    if conditions.kind == "number":
        values = np.unique(np.quantile(joint.rows, _QUANTILES)).tolist()
        return {f"{value:.4g}": float(f"{value:.4g}") for value in values}
    occur = np.flatnonzero(joint.rows.max(axis=0) > 0).tolist()
    names = conditions.names
    if conditions.kind == "classes":
        return {str(names[i] if names else i): names[i] if names else i for i in occur}
    if conditions.kind == "attributes" and names:
        return {names[i]: {names[i]: 1} for i in occur}
    return {}
