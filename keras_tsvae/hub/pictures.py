"""The pictures of a model card."""

import pathlib
import typing

import numpy as np

from keras_tsvae import plots
from keras_tsvae.models import TwoStageVAE

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN, _DPI = 64, 120
_MOST_CLASSES = 20
_ATTRIBUTES = 3
_QUANTILES = (0.05, 0.5, 0.95)


def write_pictures(
    model: TwoStageVAE, folder: pathlib.Path, history: dict[str, list[float]]
) -> list[str]:
    """Writes samples, what is asked for, and curves, as far as there are such.

    Args:
        model: A trained model.
        folder: Where they go.
        history: Losses by names such as `"stage1_loss"`, or an empty dict.

    Returns:
        The names of the files: `samples.png`, `conditions.png` and `curves.png`.

    Raises:
        ValueError: If the model draws NaN, or `history` is that of another model.
    """
    figures: dict[str, Figure | None] = {}
    if model.image_shape[-1] in (1, 3):  # others are no pictures
        figures["samples.png"] = plots.side_by_side({"": model.sample(_SHOWN, seed=0)})
        figures["conditions.png"] = _asked(model)
    if history:
        figures["curves.png"] = plots.training_curves(history)
    written = {name: figure for name, figure in figures.items() if figure is not None}
    for name, figure in written.items():
        figure.savefig(folder / name, dpi=_DPI)
    return list(written)


def _asked(model: typing.Any) -> "Figure | None":
    """Returns what a conditional model draws where it is asked for something."""
    conditions = getattr(model, "conditions", None)
    if conditions is None:
        return None
    kind = conditions.kind
    if kind == "classes" and conditions.size <= _MOST_CLASSES:
        return plots.class_grid(model)
    if kind == "attributes":
        names = list(conditions.names or range(conditions.size))[:_ATTRIBUTES]
        return plots.conditioned(model, {str(name): {name: 1} for name in names}, n=16)
    if kind == "number" and model.joint is not None:
        values = np.unique(np.quantile(model.joint.rows, _QUANTILES))
        return plots.conditioned(model, {f"{value:.4g}": value for value in values}, n=16)
    return None
