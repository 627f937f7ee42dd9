"""Names that annotations use for what has no class of its own."""

import os
import typing

import numpy.typing

ArrayLike = numpy.typing.ArrayLike
"""Whatever NumPy turns into an array."""

Tensor: typing.TypeAlias = typing.Any
"""A tensor or variable of the backend in use, or an array; Keras itself has no types."""

PathLike: typing.TypeAlias = str | os.PathLike[str]

ImageShape: typing.TypeAlias = tuple[int, int, int]
"""`(height, width, channels)`."""

ImagesLike: typing.TypeAlias = typing.Any
"""Images in any of the forms that `keras_tsvae.inputs.as_images` takes."""
