"""The pictures of a run."""

import typing

from keras_tsvae import plots
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.experiments.run_folder import RunFolder
from keras_tsvae.files import written_beside
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.latents.statistics import LatentStatistics, draw
from keras_tsvae.models import TwoStageVAE
from keras_tsvae.plots.asking import examples

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure

Figures: typing.TypeAlias = "dict[str, Figure]"

_SHOWN = 64
_MEASURED = 2000  # latent vectors
_SEED = 1
_MOST_CLASSES = 20  # that are drawn, each in a row of its own
_ATTRIBUTES = 3  # that are drawn
_DPI = 150


def write_pictures(
    run: RunFolder,
    model: TwoStageVAE,
    data: ImageData,
    history: dict[str, list[float]],
    further: Figures,
) -> None:
    """Writes what a trained model draws, and how it was trained.

    Args:
        run: The run, whose folder of pictures they go to.
        model: The trained model.
        data: Its pictures, those to test with shown beside their reconstructions.
        history: Losses by names such as `"stage1_loss"`; none are drawn of an empty one.
        further: Figures by the names of their files, without an ending.
    """
    figures = {f"samples_{name}": figure for name, figure in _samples(model).items()}
    figures["reconstructions"] = plots.reconstructions(model, data.test.images[:_SHOWN])
    figures["spectrum"] = _spectrum(model, data)
    if history:
        figures["curves"] = plots.training_curves(history)
    for name, figure in {**figures, **_asked(model), **further}.items():
        with written_beside(run.pictures / f"{name}.png") as partial:
            figure.savefig(partial, dpi=_DPI, format="png")


def _samples(model):
    stages: dict[str, int | str] = {"stage 1": 1, "stage 2": 2}
    if model.mixture is not None:
        stages["mixture"] = "mixture"
    return {
        title.replace(" ", ""): plots.side_by_side(
            {title: model.sample(_SHOWN, seed=0, stage=stage)}
        )
        for title, stage in stages.items()
    }


def _spectrum(model, data):
    """Returns the spectra of the latent vectors of both stages."""
    posteriors = model.posteriors(data.test.images[:_MEASURED])
    conditioned = model.second_stage.condition_dim is not None
    condition = {"condition": posteriors.condition} if conditioned else {}
    u = Posteriors(*model.second_stage.encode(draw(posteriors, _SEED), **condition))
    z = Posteriors(posteriors.mean, posteriors.std)
    return plots.latent_spectrum(*map(LatentStatistics.from_posteriors, (z, u)))


def _asked(model):
    """Returns what a conditional model draws where it is asked for what occurs in training."""
    asked = examples(model)
    if not asked or model.conditions.kind not in ("classes", "attributes"):
        return {}
    if model.conditions.kind == "attributes":
        asked = dict(list(asked.items())[:_ATTRIBUTES])
        return {"attributes": plots.conditioned(model, asked, n=16)}
    if len(asked) == model.conditions.size <= _MOST_CLASSES:
        return {"classes": plots.class_grid(model)}
    return {"classes": plots.conditioned(model, dict(list(asked.items())[:_MOST_CLASSES]))}
