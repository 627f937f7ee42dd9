"""Handwritten digits of 8x8 that come with scikit-learn: nothing is downloaded."""

import numpy as np

from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.labelled import check_limit
from keras_tsvae.data.split import Split

NAME = "digits"
LABEL_NAMES = tuple("0123456789")
_ENDS = (1297, 1497)


def load(data_dir: None = None, limit: int | None = None) -> ImageData:
    """Returns the digits: 1,297 to train on, 200 for validation, 300 to test with.

    The 17 grey levels are spread over 0..255; the order is a fixed random one.

    Args:
        data_dir: Must be None: the digits are part of scikit-learn.
        limit: Positive int, to keep the first so many of every split, or None for all. Defaults
            to None.

    Raises:
        ValueError: If `data_dir` is given or `limit` is out of range.
        ImportError: If scikit-learn is not installed.

    Source:
        `sklearn.datasets.load_digits`: the test set of Alpaydin & Kaynak (1998),
        https://archive.ics.uci.edu/dataset/80.
    """
    if data_dir is not None:
        raise ValueError(
            "`data_dir` must be None for 'digits', which come with scikit-learn. "
            f"Received: data_dir={str(data_dir)!r}"
        )
    limit = check_limit(limit)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "The data set 'digits' needs scikit-learn: `pip install scikit-learn`"
        ) from error
    levels, labels = load_digits(return_X_y=True)
    images = np.rint(levels * (255 / 16)).astype("uint8").reshape(-1, 8, 8, 1)
    order = np.random.default_rng(0).permutation(len(images))
    train, validation, test = (
        Split(images[rows[:limit]], labels[rows[:limit]].astype("int64"))
        for rows in np.split(order, _ENDS)
    )
    return ImageData(NAME, train, validation, test, LABEL_NAMES)
