"""Pictures of what a model draws and how it was trained; each function returns a figure.

Needs matplotlib (`pip install "keras_tsvae[examples]"`). Nothing is shown and no figure stays
open: save one with `figure.savefig(path)`.
"""

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.grids import image_grid
from keras_tsvae.latents import LatentStatistics
from keras_tsvae.models import TwoStageVAE
from keras_tsvae.posteriors import Posteriors

_POINTS = 5_000  # drawn in a plane at the most


def side_by_side(panels, columns=8):
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
    panels = {title: np.asarray(images) for title, images in panels.items()}
    for title, images in panels.items():
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
    rows = max(-(-len(images) // columns) for images in panels.values())
    figure = Figure(figsize=(0.55 * columns * len(panels), 0.55 * rows + 0.5), layout="constrained")
    for axes, (title, images) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items()
    ):
        grid = image_grid(images, columns, rows)
        axes.imshow(grid, "gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title)
        axes.axis("off")
    return figure


def reconstructions(model, images):
    """Draws images beside their reconstructions.

    Args:
        model: A built `TwoStageVAE` or `FirstStageVAE`.
        images: Array of images `(n, height, width, channels)`, uint8 in [0, 255] or float in
            [0, 1]; all are drawn.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If the images are not as described, or the model is not built.
    """
    images = np.asarray(images)
    return side_by_side({"originals": images, "reconstructions": model.reconstruct(images)})


def samples(model, n=64, seed=0):
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
    panels = {"stage 1": 1, "mixture": "mixture", "stage 2": 2}
    if model.mixture is None:
        del panels["mixture"]
    return side_by_side(
        {title: model.sample(n, stage, seed=seed) for title, stage in panels.items()}
    )


def latent_plane(posteriors, labels, label_names=None):
    """Draws posterior means as points in the plane, coloured by class.

    Of a latent space of two dimensions, the plane is that space; of a wider one, it is that of
    the two principal components of the points drawn.

    Args:
        posteriors: A `Posteriors` of z or of u, at least 2 of latent width at least 2. Of more
            than 5000, a random choice is drawn, from a fixed seed.
        labels: Array `(n,)` of ints, not negative.
        label_names: Optional sequence of strings, class `i` being called `label_names[i]`.
            Defaults to None: classes go by their numbers.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If an argument is not as described, or a class has no name.

    Source:
        Trentin (2019), section 3.3.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    labels = _check_plane(posteriors, labels, label_names)
    rows = slice(None)
    if len(labels) > _POINTS:
        rows = np.sort(np.random.default_rng(0).choice(len(labels), _POINTS, replace=False))
    points, axis_names = _in_the_plane(np.asarray(posteriors.mean[rows], "float64"))
    classes = np.unique(labels)
    few = len(classes) <= 10
    colours = colormaps["tab10" if few else "turbo"](
        np.arange(len(classes)) if few else np.linspace(0, 1, len(classes))
    )
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.subplots()
    for label, colour in zip(classes, colours):
        x, y = points[labels[rows] == label].T
        name = str(label) if label_names is None else label_names[label]
        axes.scatter(x, y, s=6, color=colour, linewidths=0, label=name)
    axes.set(xlabel=axis_names[0], ylabel=axis_names[1])
    axes.legend(markerscale=3, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _check_plane(posteriors, labels, label_names):
    """Returns `labels` as an array, or raises a `ValueError`."""
    if not isinstance(posteriors, Posteriors) or min(posteriors.mean.shape) < 2:
        raise ValueError(
            "`posteriors` must be a `Posteriors`, at least 2 of latent width at least 2. "
            f"Received: posteriors={posteriors}"
        )
    labels = np.asarray(labels)
    if labels.shape != (len(posteriors),) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise ValueError(
            f"`labels` must be ints of at least 0, of shape ({len(posteriors)},), one for each "
            f"posterior. Received: labels of shape {labels.shape} and dtype {labels.dtype}"
        )
    if label_names is not None and len(label_names) <= labels.max():
        raise ValueError(
            "`label_names` must name every class. "
            f"Received: {len(label_names)} names for a label of {labels.max()}"
        )
    return labels


def _in_the_plane(points):
    """Returns points `(n, 2)` and the names of the axes."""
    if points.shape[1] == 2:
        return points, ("latent unit 1", "latent unit 2")
    centered = points - points.mean(0)
    _, values, directions = np.linalg.svd(centered, full_matrices=False)
    share = np.square(values) / (np.square(values).sum() or 1.0)
    names = (f"principal component {i + 1} ({share[i]:.0%} of the variance)" for i in range(2))
    return centered @ directions[:2].T, tuple(names)


def latent_spectrum(first=None, second=None):
    """Draws how far the aggregate posteriors of both stages are from N(0, I).

    On the left the eigenvalues of the covariance of z and of u, which are 1 for N(0, I); on the
    right the KL divergence of each unit, both in descending order. Infinite divergences, those
    of posteriors without a deviation, are left out.

    Args:
        first: `LatentStatistics` of z. Defaults to None: not drawn.
        second: `LatentStatistics` of u, likewise.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If both are None, or one is anything else.
    """
    from matplotlib.figure import Figure

    stages = {"stage 1: z": first, "stage 2: u": second}
    stages = {label: statistics for label, statistics in stages.items() if statistics is not None}
    if not stages or not all(isinstance(s, LatentStatistics) for s in stages.values()):
        raise ValueError(
            "`first` and `second` must be LatentStatistics, or one of them None. Received: "
            f"first={type(first).__name__}, second={type(second).__name__}"
        )
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    spectrum, kl = figure.subplots(1, 2)
    for label, statistics in stages.items():
        units = range(1, len(statistics.spectrum) + 1)
        spectrum.plot(units, statistics.spectrum, ".-", label=label)
        kl.plot(units, np.sort(statistics.kl_per_unit)[::-1], ".-", label=label)
    spectrum.axhline(1, color="black", linestyle=":", label="N(0, I)")
    spectrum.set(title="Eigenvalues of the covariance", xlabel="rank", yscale="log")
    kl.set(title="KL divergence, in nats", xlabel="rank of the unit")
    for axes in (spectrum, kl):
        axes.legend()
    return figure


def training_curves(history):
    """Draws loss and gamma of both stages over the epochs, with validation where there is any.

    Args:
        history: The `keras.callbacks.History` that `TwoStageVAE.fit` returns, or its dict from
            names such as `"stage1_loss"` to one value per epoch.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If `history` holds neither stage.
    """
    from matplotlib.figure import Figure

    history = getattr(history, "history", history)
    keys = list(history) if isinstance(history, dict) else []
    stages = [name for name in ("stage1", "stage2") if f"{name}_loss" in keys]
    if not stages:
        raise ValueError(
            "`history` must be that of a fitted `TwoStageVAE`. "
            f"Received: a {type(history).__name__} with keys {sorted(keys)}"
        )
    figure = Figure(figsize=(9, 3 * len(stages)), layout="constrained")
    grid = figure.subplots(len(stages), 2, squeeze=False)
    for row, stage in zip(grid, stages):
        for axes, name in zip(row, ("loss", "gamma")):
            for key, label in (
                (f"{stage}_{name}", "training"),
                (f"{stage}_val_{name}", "validation"),
            ):
                if key in history:
                    values = history[key]
                    axes.plot(range(1, len(values) + 1), values, label=label)
            axes.set(title=f"Stage {stage[-1]}: {name}", xlabel="epoch")
            if axes.lines:  # a likelihood without gamma leaves its place empty
                axes.legend()
        row[1].set_yscale("log")
    return figure
