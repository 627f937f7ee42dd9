"""Fashion-MNIST: 70,000 grey pictures of clothes of 28x28."""

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data import labelled
from keras_tsvae.data.image_data import ImageData

NAME = "fashion_mnist"
IMAGE_SHAPE = (28, 28, 1)
LABEL_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_INSTRUCTIONS = (
    "download train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz "
    "and t10k-labels-idx1-ubyte.gz from "
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/ to {cache}/fashion-mnist/, where "
    "Keras finds them without `data_dir`; or put the arrays x_train, y_train, x_test and y_test "
    "into `data_dir`/fashion_mnist.npz."
)


def load(
    data_dir: PathLike | None = None,
    validation_size: int | None = None,
    limit: int | None = None,
) -> ImageData:
    """Returns Fashion-MNIST: 55,000 images to train on, 5,000 for validation, 10,000 for testing.

    Args:
        data_dir: Folder of `fashion_mnist.npz`, for use without a network; the file must hold
            `x_train`, `y_train`, `x_test` and `y_test`. Defaults to None:
            `keras.datasets.fashion_mnist`.
        validation_size: Int of at least 0: how many of the last training images are held out;
            0 trains on all, and leaves the validation split empty. Defaults to None: 5,000, or a
            tenth if that is less.
        limit: Positive int, to keep the first so many of every split, or None for all. Defaults
            to None.

    Raises:
        ValueError: If the data set is not there (the message says what to download), a file is
            broken, or an argument is out of range.

    Source:
        Xiao et al. (2017), https://arxiv.org/abs/1708.07747.
    """
    arrays = labelled.load(NAME, data_dir, IMAGE_SHAPE, _INSTRUCTIONS)
    return labelled.image_data(NAME, arrays, validation_size, limit, LABEL_NAMES)
