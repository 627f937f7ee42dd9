"""The pictures of a model card."""

import pathlib
import typing

from keras_tsvae import plots
from keras_tsvae.models import TwoStageVAE
from keras_tsvae.plots.asking import examples

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN, _DPI = 64, 120
_MOST_CLASSES = 20
_PANELS = 3


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
    asked = examples(model)
    if not asked:
        return None
    if model.conditions.kind == "classes" and model.conditions.size == len(asked) <= _MOST_CLASSES:
        return plots.class_grid(model)
    return plots.conditioned(model, dict(list(asked.items())[:_PANELS]), n=16)
