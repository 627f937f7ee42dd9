"""Images side by side: originals, reconstructions, samples."""

import typing
from collections.abc import Mapping

import numpy as np

from keras_tsvae import inputs
from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.grids import image_grid
from keras_tsvae.arrays.types import ArrayLike, ImagesLike
from keras_tsvae.models import FirstStageVAE, TwoStageVAE

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure


def side_by_side(panels: Mapping[str, ArrayLike], columns: int = 8) -> "Figure":
    """Draws grids of images next to each other, each under its title.

    Args:
        panels: Dict from titles to images `(n, height, width, channels)`, uint8 in [0, 255] or
            float in [0, 1], of 1 or 3 channels.
        columns: Positive int, images per row of each grid. Defaults to 8.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `panels` is empty or holds anything but batches of images.
    """
    from matplotlib.figure import Figure

    columns = positive_int("columns", columns)
    if not isinstance(panels, dict) or not panels:
        raise ValueError(f"`panels` must map titles to images. Received: panels={panels!r:.100}")
    arrays = {title: np.asarray(images) for title, images in panels.items()}
    for title, images in arrays.items():
        if images.ndim != 4 or 0 in images.shape or images.shape[-1] not in (1, 3):
            raise ValueError(
                "`panels` must map titles to images of shape (n, height, width, channels), n at "
                f"least 1 and 1 or 3 channels. Received: {title!r} of shape {images.shape}"
            )
        if images.dtype != "uint8" and images.dtype.kind != "f":
            raise ValueError(
                "`panels` must hold images of uint8 or floats. "
                f"Received: {title!r} of dtype {images.dtype}"
            )
        check_finite("panels", images, title)
    rows = max(-(-len(images) // columns) for images in arrays.values())
    figure = Figure(figsize=(0.55 * columns * len(arrays), 0.55 * rows + 0.5), layout="constrained")
    for axes, (title, images) in zip(
        figure.subplots(1, len(arrays), squeeze=False)[0], arrays.items()
    ):
        grid = image_grid(images, columns, rows)
        axes.imshow(grid, "gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title)
        axes.axis("off")
    return figure


def check_finite(name: str, images: np.ndarray, title: str) -> None:
    """Raises a `ValueError` for images that would be drawn as blank places."""
    if not np.isfinite(images).all():
        raise ValueError(
            f"`{name}` must hold finite values. Received: {title!r} with NaN or infinity"
        )


def reconstructions(model: TwoStageVAE | FirstStageVAE, images: ImagesLike) -> "Figure":
    """Draws images beside their reconstructions.

    Args:
        model: A built `TwoStageVAE` or `FirstStageVAE`.
        images: Images in the forms that `fit` takes; all are drawn.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If the images are not as described, or the model is not built.
    """
    images = inputs.gathered(images, model.image_shape)
    return side_by_side({"originals": images, "reconstructions": model.reconstruct(images)})


def samples(model: TwoStageVAE, n: int = 64, seed: int | None = 0) -> "Figure":
    """Draws samples of the first stage alone, of the mixture, if one is fitted, and of both stages.

    Args:
        model: A built `TwoStageVAE`.
        n: Positive int, samples of each. Defaults to 64.
        seed: Non-negative int or None, as in `TwoStageVAE.sample`. Defaults to 0.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If an argument is not as described, or the model is not built.
    """
    if not isinstance(model, TwoStageVAE):
        raise ValueError(
            f"`model` must be a TwoStageVAE. Received: type(model)={type(model).__name__}"
        )
    panels: dict[str, int | str] = {"stage 1": 1, "mixture": "mixture", "stage 2": 2}
    if model.mixture is None:
        del panels["mixture"]
    return side_by_side(
        {title: model.sample(n, stage=stage, seed=seed) for title, stage in panels.items()}
    )
