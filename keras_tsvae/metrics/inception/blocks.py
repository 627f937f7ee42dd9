"""The blocks of the Inception v3 network, after Szegedy et al. (2016), figures 5 to 7.

Each takes and returns images `(batch, height, width, channels)` and names its convolutions after
the block and the branch, as the published weights do. A convolution has a bias and no batch
normalisation: the weights have it folded in.
"""

import keras

from keras_tsvae.arrays.pixels import CHANNELS_LAST
from keras_tsvae.arrays.types import Tensor

FIXED = {"dtype": "float32"}  # whatever Keras's policy is: these are measuring instruments
_IMAGES = {**FIXED, **CHANNELS_LAST}
_HALVING = (2, "valid")  # strides and padding of what halves height and width


def convolution(
    x: Tensor,
    name: str,
    filters: int,
    kernel_size: int | tuple[int, int] = 1,
    strides: int = 1,
    padding: str = "same",
) -> Tensor:
    """Returns `relu(convolution + bias)`."""
    return keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding,
        activation="relu",
        kernel_initializer="zeros",  # the quickest: the weights are always loaded
        name=name,
        **_IMAGES,
    )(x)


def halving_max_pool(x: Tensor) -> Tensor:
    """Returns maxima over 3x3 pixels, at half the height and width."""
    return keras.layers.MaxPooling2D(3, *_HALVING, **_IMAGES)(x)


def block_a(x: Tensor, name: str, pool_filters: int) -> Tensor:
    """35x35 pixels: 1x1, 5x5, two 3x3, and an average."""
    return _joined(
        convolution(x, f"{name}.branch1x1", 64),
        _chain(x, f"{name}.branch5x5", (48,), (64, 5)),
        _chain(x, f"{name}.branch3x3dbl", (64,), (96, 3), (96, 3)),
        convolution(_average(x), f"{name}.branch_pool", pool_filters),
    )


def block_b(x: Tensor, name: str) -> Tensor:
    """35x35 pixels to 17x17."""
    return _joined(
        convolution(x, f"{name}.branch3x3", 384, 3, *_HALVING),
        _chain(x, f"{name}.branch3x3dbl", (64,), (96, 3), (96, 3, *_HALVING)),
        halving_max_pool(x),
    )


def block_c(x: Tensor, name: str, width: int) -> Tensor:
    """17x17 pixels: 1x1, one and two 7x7, each as 1x7 and 7x1, and an average."""
    row, column = (1, 7), (7, 1)
    double = (width,), (width, column), (width, row), (width, column), (192, row)
    return _joined(
        convolution(x, f"{name}.branch1x1", 192),
        _chain(x, f"{name}.branch7x7", (width,), (width, row), (192, column)),
        _chain(x, f"{name}.branch7x7dbl", *double),
        convolution(_average(x), f"{name}.branch_pool", 192),
    )


def block_d(x: Tensor, name: str) -> Tensor:
    """17x17 pixels to 8x8."""
    steps = (192,), (192, (1, 7)), (192, (7, 1)), (192, 3, *_HALVING)
    return _joined(
        _chain(x, f"{name}.branch3x3", (192,), (320, 3, *_HALVING)),
        _chain(x, f"{name}.branch7x7x3", *steps),
        halving_max_pool(x),
    )


def block_e(x: Tensor, name: str, pool: str) -> Tensor:
    """8x8 pixels: 1x1, one and two 3x3, the last as 1x3 beside 3x1, and a pool.

    Args:
        x: Tensor `(batch, height, width, channels)`.
        name: Str, name of the block.
        pool: `"average"`, or `"max"` for the last block of the graph of 2015, whose pool differs
            from that of the paper.
    """
    one = _chain(x, f"{name}.branch3x3", (384,))
    two = _chain(x, f"{name}.branch3x3dbl", (448,), (384, 3))
    pooled = _average(x) if pool == "average" else _maximum(x)
    return _joined(
        convolution(x, f"{name}.branch1x1", 320),
        *_row_and_column(one, f"{name}.branch3x3_2"),
        *_row_and_column(two, f"{name}.branch3x3dbl_3"),
        convolution(pooled, f"{name}.branch_pool", 192),
    )


def _chain(x, name, *steps):
    for number, step in enumerate(steps, start=1):
        x = convolution(x, f"{name}_{number}", *step)
    return x


def _row_and_column(x, name):
    return convolution(x, f"{name}a", 384, (1, 3)), convolution(x, f"{name}b", 384, (3, 1))


def _average(x):
    # Keras's average counts the pixels inside of the image only, as the graph of 2015 does.
    return keras.layers.AveragePooling2D(3, 1, "same", **_IMAGES)(x)


def _maximum(x):
    return keras.layers.MaxPooling2D(3, 1, "same", **_IMAGES)(x)


def _joined(*branches):
    return keras.layers.Concatenate(**FIXED)(branches)
