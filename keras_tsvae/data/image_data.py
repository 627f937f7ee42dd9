"""A data set of images with labels."""

import dataclasses

from keras_tsvae.arrays.types import ImageShape
from keras_tsvae.data.split import Split


@dataclasses.dataclass(frozen=True, eq=False)
class ImageData:
    """A data set in its three parts.

    Args:
        name: The name that `keras_tsvae.data.load` knows it by.
        train: `Split` to train on.
        validation: `Split` to choose between models with. May be empty.
        test: `Split` to report results on.
        label_names: Tuple of str: the names of the classes, or of the attributes.

    Example:
        >>> data = keras_tsvae.data.load("digits")
        >>> data.image_shape
        (8, 8, 1)
        >>> len(data.train), len(data.validation), len(data.test)
        (1297, 200, 300)
    """

    name: str
    train: Split
    validation: Split
    test: Split
    label_names: tuple[str, ...]

    @property
    def image_shape(self) -> ImageShape:
        """`(height, width, channels)`."""
        return self.train.images.shape[1:]
