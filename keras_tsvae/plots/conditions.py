"""What a conditional model draws when it is asked for something, or changes in a picture."""

import typing
from collections.abc import Sequence

import numpy as np

from keras_tsvae import inputs
from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.grids import image_grid
from keras_tsvae.arrays.types import ImagesLike
from keras_tsvae.models import ConditionalTwoStageVAE
from keras_tsvae.plots.images import check_finite, side_by_side

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure

_RANDOM, _ORIGINAL, _RECONSTRUCTION = "random", "original", "reconstruction"
_FEW = 20  # values of a number that are drawn as classes are, at the most
_INCHES = 0.9  # height and width of an image in a grid


def conditioned(
    model: ConditionalTwoStageVAE,
    conditions: dict[str, typing.Any],
    n: int = 8,
    seed: int = 0,
    columns: int = 4,
) -> "Figure":
    """Draws random samples beside samples under several conditions, all of the same noise.

    Args:
        model: A trained `ConditionalTwoStageVAE`.
        conditions: Dict from titles to conditions, as `model.sample` takes them.
        n: Positive int, samples of each. Defaults to 8.
        seed: Non-negative int, as in `model.sample`. Defaults to 0.
        columns: Positive int, images per row of each panel. Defaults to 4.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If an argument is not as described, or the model is not trained.

    Example:
        >>> plots.conditioned(model, {"glasses": {"Eyeglasses": 1}}).savefig("glasses.png")

    Source:
        Trentin (2019), figures 5.2 and 5.3.
    """
    _check_model(model)
    _check_titles("conditions", conditions, (_RANDOM,))
    seed = non_negative_int("seed", seed)
    panels = {
        title: model.sample(n, seed=seed, condition=condition)
        for title, condition in {_RANDOM: None, **conditions}.items()
    }
    return side_by_side(panels, min(positive_int("columns", columns), n))


def class_grid(
    model: ConditionalTwoStageVAE, columns: int = 10, seed: int = 0, strength: float = 1.0
) -> "Figure":
    """Draws a row of samples of each class; what stands in one column has the same noise.

    Args:
        model: A trained `ConditionalTwoStageVAE` of classes, or of a number that had at most 20
            different values in training.
        columns: Positive int, samples of each class. Defaults to 10.
        seed: Non-negative int, as in `model.sample`. Defaults to 0.
        strength: Of the condition, as in `model.sample`. Defaults to 1.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If an argument is not as described, or the model is not trained.
    """
    _check_model(model)
    names, classes = _classes(model)
    seed = non_negative_int("seed", seed)
    rows = [
        model.sample(columns, seed=seed, condition=label, strength=strength) for label in classes
    ]
    return _labelled_rows(names, np.stack(rows))


def traversals(
    model: ConditionalTwoStageVAE,
    images: ImagesLike,
    names: str | int | Sequence[str | int],
    steps: int = 7,
) -> "Figure":
    """Draws images as what is called by a name goes from one extreme to the other.

    A row for each name of each image: the image's own reconstruction, then `model.traverse`.

    Args:
        model: A trained `ConditionalTwoStageVAE`.
        images: One image `(height, width, channels)`, or several in the forms that `fit` takes.
        names: One name of `model.conditions`, or several; of classes, names or labels.
        steps: Int of at least 2, as in `model.traverse`. Defaults to 7.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If an argument is not as described, or the model is not trained.

    Example:
        >>> plots.traversals(model, images[0], ["Smiling", "Eyeglasses", "Young"])
    """
    _check_model(model)
    names = [names] if isinstance(names, (str, int)) else list(names)
    if not names:
        raise ValueError("`names` must be one name, or several. Received: none")
    images, _ = inputs.gathered_batch(images, model.image_shape)
    paths = [model.traverse(images, name, steps) for name in names]
    own = [model.reconstruct(images)[:, None]] * len(names)
    rows = np.concatenate([np.stack(own, 1), np.stack(paths, 1)], 2)
    labels = [str(name) for name in names] * len(images)
    return _labelled_rows(labels, rows.reshape(-1, *rows.shape[2:]), [_RECONSTRUCTION])


def edits(
    model: ConditionalTwoStageVAE, images: ImagesLike, changes: dict[str, typing.Any]
) -> "Figure":
    """Draws images, their reconstructions, and those with one change after the other, in rows.

    Args:
        model: A trained `ConditionalTwoStageVAE`.
        images: One image `(height, width, channels)`, or several in the forms that `fit` takes.
        changes: Dict from titles to changes, as `model.edit` takes them.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: If an argument is not as described, or the model is not trained.

    Example:
        >>> plots.edits(model, images[:8], {"glasses": {"Eyeglasses": 1}, "old": {"Young": -1}})
    """
    _check_model(model)
    _check_titles("changes", changes, (_ORIGINAL, _RECONSTRUCTION))
    images, _ = inputs.gathered_batch(images, model.image_shape)
    rows = {
        _ORIGINAL: images / 255 if images.dtype == "uint8" else images,
        _RECONSTRUCTION: model.reconstruct(images),
        **{title: model.edit(images, change) for title, change in changes.items()},
    }
    return _labelled_rows(list(rows), np.stack(list(rows.values())))


def _labelled_rows(labels, rows, titles=()):
    """Draws images `(rows, columns, height, width, channels)`, labels beside, titles above."""
    from matplotlib.figure import Figure

    for label, images in zip(labels, rows):
        check_finite("images", images, label)
    columns = rows.shape[1]
    figure = Figure(
        figsize=(_INCHES * columns + 1, _INCHES * len(rows) + 0.3), layout="constrained"
    )
    axes = figure.subplots()
    grid = image_grid(rows.reshape(-1, *rows.shape[2:]), columns)
    axes.imshow(grid, "gray", vmin=0, vmax=1, interpolation="nearest")
    height, width = grid.shape[0] / len(rows), grid.shape[1] / columns
    axes.set_yticks((np.arange(len(rows)) + 0.5) * height - 0.5, labels)
    axes.set_xticks((np.arange(len(titles)) + 0.5) * width - 0.5, titles)
    axes.tick_params(length=0, labelbottom=False, labeltop=True)
    axes.spines[:].set_visible(False)
    return figure


def _classes(model):
    """Returns the names of all classes, and their labels, or raises."""
    conditions, values = model.conditions, ()
    if conditions.kind == "classes":
        labels = range(conditions.size)
        return conditions.names or [str(label) for label in labels], labels
    if conditions.kind == "number" and model.joint is not None:
        values = np.unique(model.joint.rows)
    if not 0 < len(values) <= _FEW:
        raise ValueError(
            f"`model` must be trained on classes, or on a number of at most {_FEW} different "
            f"values. Received: conditions of kind {conditions.kind!r}"
            + (f", {len(values)} values" if conditions.kind == "number" else "")
        )
    return [f"{value:g}" for value in values], values


def _check_model(model):
    if not isinstance(model, ConditionalTwoStageVAE):
        raise ValueError(
            "`model` must be a ConditionalTwoStageVAE. "
            f"Received: type(model)={type(model).__name__}"
        )


def _check_titles(name, titled, taken):
    """Raises unless `titled` is a dict that is not empty, without the titles that are `taken`."""
    if not isinstance(titled, dict) or not titled or set(taken) & set(titled):
        raise ValueError(
            f"`{name}` must map titles, other than {' and '.join(map(repr, taken))}, to what is "
            f"asked for. Received: {name}={titled!r:.100}"
        )
