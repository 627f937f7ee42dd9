"""Names that annotations use for what has no class of its own."""

import os
import typing
from collections.abc import Sequence

import keras
import numpy.typing

ArrayLike = numpy.typing.ArrayLike
"""Whatever NumPy turns into an array."""

Tensor: typing.TypeAlias = typing.Any
"""A tensor or variable of the backend in use, or an array; Keras itself has no types."""

Shape: typing.TypeAlias = Sequence[int | None]
"""The shape of a batch, with None for what is not known."""

DTypeLike: typing.TypeAlias = str | dict[str, typing.Any] | keras.DTypePolicy | None
"""A dtype policy, its name or its config; None is Keras's global policy."""

Dataset: typing.TypeAlias = typing.Any
"""A `tf.data.Dataset` or a `keras.utils.PyDataset` of batches."""

PathLike: typing.TypeAlias = str | os.PathLike[str]

ImageShape: typing.TypeAlias = tuple[int, int, int]
"""`(height, width, channels)`."""

ImagesLike: typing.TypeAlias = typing.Any
"""Images in any of the forms that `keras_tsvae.inputs.as_images` takes."""
