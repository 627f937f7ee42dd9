"""MNIST: 70,000 grey handwritten digits of 28x28."""

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data import labelled
from keras_tsvae.data.image_data import ImageData

NAME = "mnist"
IMAGE_SHAPE = (28, 28, 1)
LABEL_NAMES = tuple("0123456789")
_INSTRUCTIONS = (
    "download https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz to "
    "`data_dir`/mnist.npz, or to {cache}/mnist.npz, where Keras finds it without `data_dir`."
)


def load(
    data_dir: PathLike | None = None,
    validation_size: int | None = None,
    limit: int | None = None,
) -> ImageData:
    """Returns MNIST: 55,000 images to train on, 5,000 for validation, 10,000 to test with.

    Args:
        data_dir: Folder of `mnist.npz`, for use without a network; the file must hold `x_train`,
            `y_train`, `x_test` and `y_test`. Defaults to None: `keras.datasets.mnist`.
        validation_size: Int of at least 0: how many of the last training images are held out;
            0 trains on all, and leaves the validation split empty. Defaults to None: 5,000, or a
            tenth if that is less.
        limit: Positive int, to keep the first so many of every split, or None for all. Defaults
            to None.

    Raises:
        ValueError: If the data set is not there (the message says what to download), a file is
            broken, or an argument is out of range.

    Source:
        LeCun et al. (1998), http://yann.lecun.com/exdb/mnist/.
    """
    arrays = labelled.load(NAME, data_dir, IMAGE_SHAPE, _INSTRUCTIONS)
    return labelled.image_data(NAME, arrays, validation_size, limit, LABEL_NAMES)
