"""CIFAR-10: 60,000 colour pictures of ten kinds of things, 32x32."""

import dataclasses

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data import labelled
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.pictures import through_jpeg
from keras_tsvae.data.split import Split

NAME = "cifar10"
IMAGE_SHAPE = (32, 32, 3)
LABEL_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_INSTRUCTIONS = (
    "download https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz to "
    "{cache}/cifar-10-batches-py-target_archive (a file of that name, without an ending), where "
    "Keras finds it without `data_dir`; or put the arrays x_train, y_train, x_test and y_test into "
    "`data_dir`/cifar10.npz."
)


def load(
    data_dir: PathLike | None = None,
    validation_size: int | None = None,
    jpeg_quality: int | None = None,
    limit: int | None = None,
) -> ImageData:
    """Returns CIFAR-10: 45,000 images to train on, 5,000 for validation, 10,000 to test with.

    Args:
        data_dir: Folder of `cifar10.npz`, for use without a network; the file must hold `x_train`,
            `y_train`, `x_test` and `y_test`. Defaults to None: `keras.datasets.cifar10`.
        validation_size: Int of at least 0: how many of the last training images are held out;
            0 trains on all, and leaves the validation split empty. Defaults to None: 5,000, or a
            tenth if that is less.
        jpeg_quality: Int in 1..95, to send every image through a JPEG file of that quality as the
            official preprocessing does at 75, or None for the images as they are. Defaults to
            None.
        limit: Positive int, to keep the first so many of every split, or None for all. Defaults
            to None.

    Raises:
        ValueError: If the data set is not there (the message says what to download), a file is
            broken, or an argument is out of range.

    Source:
        Krizhevsky (2009), https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    if jpeg_quality is not None and positive_int("jpeg_quality", jpeg_quality) > 95:
        raise ValueError(
            f"`jpeg_quality` must be in 1..95 or None. Received: jpeg_quality={jpeg_quality}"
        )
    arrays = labelled.load(NAME, data_dir, IMAGE_SHAPE, _INSTRUCTIONS)
    data = labelled.image_data(NAME, arrays, validation_size, limit, LABEL_NAMES)
    if jpeg_quality is None:
        return data
    train, validation, test = (
        Split(through_jpeg(split.images, jpeg_quality), split.labels)
        for split in (data.train, data.validation, data.test)
    )
    return dataclasses.replace(data, train=train, validation=validation, test=test)
