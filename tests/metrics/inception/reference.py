"""Parts of the Inception network in NumPy, in float64, written out as their equations."""

import numpy as np

from tests.metrics.inception.state_dicts import STEM


def resized(images, size):
    images = images.astype("float64")
    for axis in (1, 2):
        side = images.shape[axis]
        weights = np.zeros((size, side))
        for i in range(size):
            place = i * side / size
            before = int(np.floor(place))
            weights[i, before] += 1 - (place - before)
            weights[i, min(before + 1, side - 1)] += place - before
        images = np.moveaxis(np.tensordot(weights, images, (1, axis)), 0, axis)
    return images


def windows(x, sides, strides=1, padding="same", fill=0.0):
    """Yields x at each place of a window, `(batch, rows, columns, channels)`."""
    if padding == "same":
        around = [(side // 2, side // 2) for side in sides]
        x = np.pad(x, ((0, 0), *around, (0, 0)), constant_values=fill)
    rows, columns = (x.shape[axis + 1] - sides[axis] + 1 for axis in (0, 1))
    for i in range(sides[0]):
        for j in range(sides[1]):
            yield x[:, i : i + rows : strides, j : j + columns : strides]


def convolved(x, kernel, **kwargs):
    places = windows(x, kernel.shape[:2], **kwargs)
    kernel = kernel.reshape(-1, *kernel.shape[2:])
    return sum(place @ part for place, part in zip(places, kernel))


def maximum(x, strides=2, padding="valid"):
    return np.max(list(windows(x, (3, 3), strides, padding, -np.inf)), 0)


def average(x):
    counts = sum(windows(np.ones_like(x), (3, 3)))
    return sum(windows(x, (3, 3))) / counts


def stem(images, state, size):
    """The published layers one after the other: convolution, batch normalisation, relu."""
    x = (resized(images, 299) - 128) / 128
    for name in list(STEM)[: 5 if size == "192" else 3]:
        parts = {key.split(f"{name}.")[-1]: value for key, value in state.items() if name in key}
        strides = 2 if "1a" in name else 1
        padding = "valid" if name[7:9] in ("1a", "2a", "4a") else "same"
        kernel = parts["conv.weight"].transpose(2, 3, 1, 0).astype("float64")
        x = convolved(x, kernel, strides=strides, padding=padding) - parts["bn.running_mean"]
        x = x / np.sqrt(parts["bn.running_var"].astype("float64") + 1e-3)
        x = np.maximum(x * parts["bn.weight"] + parts["bn.bias"], 0)
        x = maximum(x) if name[7:9] in ("2b", "4a") else x
    return x.mean((1, 2))
