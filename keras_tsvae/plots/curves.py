"""How a training went."""

import typing

import keras

if typing.TYPE_CHECKING:
    from matplotlib.figure import Figure


def training_curves(
    history: keras.callbacks.History | dict[str, list[float]],
) -> "Figure":
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
