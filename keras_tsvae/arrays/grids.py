"""Many images as one."""

import numpy as np


def image_grid(images: np.ndarray, columns: int, rows: int | None = None) -> np.ndarray:
    """Lays images out in rows, with white borders of a sixteenth of their height.

    Args:
        images: Array `(n, height, width, channels)`, uint8 in [0, 255] or float in [0, 1].
        columns: Positive int, images per row.
        rows: Int; places without an image are white. Defaults to None: as many as it takes.

    Returns:
        A float array in [0, 1], `(rows * (height + 2 * border), columns * (width + 2 * border))`
        for one channel, with the channels as a third axis for more.
    """
    images = images / 255 if images.dtype == "uint8" else images
    n, height, width, channels = images.shape
    rows = -(-n // columns) if rows is None else rows
    border = max(height // 16, 1)
    padding = ((0, rows * columns - n), *((border, border),) * 2, (0, 0))
    tiles = np.pad(images, padding, constant_values=1.0)
    tiles = tiles.reshape(rows, columns, *tiles.shape[1:]).swapaxes(1, 2)
    grid = tiles.reshape(rows * (height + 2 * border), columns * (width + 2 * border), channels)
    return grid[..., 0] if channels == 1 else grid
