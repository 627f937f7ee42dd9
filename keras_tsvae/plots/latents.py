"""Latent vectors: a plane of them, and how far they are from N(0, I)."""

import typing
from collections.abc import Sequence

import numpy as np

from keras_tsvae.arrays.types import ArrayLike
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.latents.statistics import LatentStatistics

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINTS = 5_000  # drawn in a plane at the most


def latent_plane(
    posteriors: Posteriors, labels: ArrayLike, label_names: Sequence[str] | None = None
) -> "Figure":
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


def latent_spectrum(
    first: LatentStatistics | None = None, second: LatentStatistics | None = None
) -> "Figure":
    """Draws how far the aggregate posteriors of both stages are from N(0, I).

    On the left the eigenvalues of the covariance of z and of u, which are 1 for N(0, I); on the
    right the KL divergence of each unit, both in descending order.

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
