"""Pictures of what a model draws and how it was trained; each function returns a figure.

Needs matplotlib (`pip install "keras_tsvae[examples]"`). Nothing is shown and no figure stays
open: save one with `figure.savefig(path)`.
"""

import numpy as np


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

    if not panels or any(len(images) == 0 or images.ndim != 4 for images in panels.values()):
        raise ValueError(
            "`panels` must map titles to images of shape (n, height, width, channels), n at "
            f"least 1. Received: { ({t: i.shape for t, i in panels.items()}) }"
        )
    rows = max(-(-len(images) // columns) for images in panels.values())
    figure = Figure(figsize=(0.55 * columns * len(panels), 0.55 * rows + 0.5), layout="constrained")
    for axes, (title, images) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items()
    ):
        grid = _tiled(images / 255 if images.dtype == "uint8" else images, rows, columns)
        axes.imshow(grid, "gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title)
        axes.axis("off")
    return figure


def _tiled(images, rows, columns):
    """Returns the images as one, in rows, with white borders of a sixteenth of their side."""
    n, height, width, channels = images.shape
    border = max(height // 16, 1)
    padding = ((0, rows * columns - n), *((border, border),) * 2, (0, 0))
    tiles = np.pad(images, padding, constant_values=1.0)
    tiles[n:] = 1.0
    tiles = tiles.reshape(rows, columns, *tiles.shape[1:]).swapaxes(1, 2)
    grid = tiles.reshape(rows * (height + 2 * border), columns * (width + 2 * border), channels)
    return grid[..., 0] if channels == 1 else grid


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
    stages = [name for name in ("stage1", "stage2") if f"{name}_loss" in history]
    if not stages:
        raise ValueError(
            "`history` must be that of a fitted `TwoStageVAE`. "
            f"Received: history with keys {sorted(history)}"
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
