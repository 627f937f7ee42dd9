"""Pictures of what a model draws and how it was trained; each function returns a figure.

Needs matplotlib (`pip install "keras_tsvae[examples]"`). Nothing is shown and no figure stays
open: save one with `figure.savefig(path)`.
"""

from keras_tsvae.plots.conditions import class_grid, conditioned, edits, traversals
from keras_tsvae.plots.curves import training_curves
from keras_tsvae.plots.images import reconstructions, samples, side_by_side
from keras_tsvae.plots.latents import latent_plane, latent_spectrum

__all__ = [
    "class_grid",
    "conditioned",
    "edits",
    "latent_plane",
    "latent_spectrum",
    "reconstructions",
    "samples",
    "side_by_side",
    "training_curves",
    "traversals",
]
