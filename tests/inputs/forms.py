"""Strategies of whatever users may give for images: of any type, shape and form, right or wrong."""

import keras
import ml_dtypes
import numpy as np
from hypothesis import strategies as st

from keras_tsvae.data import Split
from tests import tiny

SHAPE = tiny.IMAGE_SHAPE
DTYPES = ("uint8", "float32", "float64", "float16", "bool", "int8", "int64", "uint16", "complex64",
          "longdouble", "object", "U3", "S2", "M8[s]", "f4,i4", ml_dtypes.bfloat16,
          ml_dtypes.float8_e4m3fn)  # fmt: skip
ODD = (np.nan, np.inf, -np.inf, -0.5, 1.5, 300.0)


class Batches(keras.utils.PyDataset):
    """Batches of a list."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


class Loader:
    """An iterable with a length, which need not be the right one."""

    def __init__(self, batches, length):
        self.batches, self.length = batches, length

    def __len__(self):
        return self.length

    def __iter__(self):
        return iter(self.batches)


class Tensor:
    """As little of a tensor as NumPy needs."""

    def __init__(self, array):
        self.array, self.ndim, self.shape = array, array.ndim, array.shape

    def __array__(self, dtype=None, copy=None):
        return self.array

    def __len__(self):
        return len(self.array)


@st.composite
def arrays(draw, n=st.sampled_from((1, 4, 6)), right=st.sampled_from((0, 0, 0, 0, 1, 2, 3))):
    """Arrays that are right in most ways, for the others to be met."""
    right = draw(right)
    shape = (draw(n), *SHAPE)
    if right == 1:
        shape = tuple(draw(st.lists(st.sampled_from((0, 1, 2, 8)), max_size=6)))
    elif right == 2:
        shape = tuple(shape[axis] for axis in draw(st.permutations(range(4))))
    dtype = draw(st.sampled_from(DTYPES if right == 3 else DTYPES[:4]))
    values = np.linspace(0, 1, int(np.prod(shape))).reshape(shape)
    if dtype == "uint8":
        values = 255 * values
    if draw(st.integers(0, 5)) == 0 and values.size and dtype != "uint8":
        values.flat[draw(st.integers(0, values.size - 1))] = draw(st.sampled_from(ODD))
    with np.errstate(all="ignore"):
        array = values.astype(dtype)
    return array[::-1] if array.ndim and draw(st.booleans()) else array


def labels(n):
    """Labels of images, as many or not."""
    return st.sampled_from((n, n, n, n + 1, 0)).map(lambda count: np.arange(count) % 3)


def batched(array, size=2):
    return [array[start : start + size] for start in range(0, len(array), size)]


@st.composite
def images(draw):
    """Images in any form."""
    array, form = draw(arrays()), draw(st.sampled_from(FORMS))
    return FORMS_BY_NAME[form](draw, array)


def _stream(draw, array):
    import tensorflow as tf

    if array.dtype.kind in "OUSMVg" or array.dtype == ml_dtypes.float8_e4m3fn:
        return array
    pair = draw(st.booleans()) and array.ndim
    values = (array, np.arange(len(array)) % 3) if pair else array
    if not array.ndim:
        return tf.data.Dataset.from_tensors(array)
    dataset = tf.data.Dataset.from_tensor_slices(values)
    return dataset.batch(draw(st.integers(1, 4))) if draw(st.integers(0, 4)) else dataset


def _of_batches(make):
    def form(draw, array):
        batches = batched(array) if array.ndim else [array]
        if draw(st.booleans()):
            batches = [(batch, np.arange(len(batch))) for batch in batches if batch.ndim]
        return make(draw, batches)

    return form


def _split(draw, array):
    try:
        return Split(array, draw(labels(len(array) if array.ndim else 1)))
    except (TypeError, ValueError):  # it has checks of its own
        return array


def _ragged(draw, array):
    return [array, array[..., :1] if array.ndim else array]


FORMS_BY_NAME = {
    "array": lambda draw, array: array,
    "tensor": lambda draw, array: Tensor(array),
    "list": lambda draw, array: list(array) if array.ndim else [array],
    "lists": lambda draw, array: array.tolist(),
    "ragged": _ragged,
    "masked": lambda draw, array: np.ma.masked_array(array),
    "pair": lambda draw, array: (array, draw(labels(len(array) if array.ndim else 1))),
    "three": lambda draw, array: (array, array, array),
    "list of batches": _of_batches(lambda draw, batches: batches),
    "PyDataset": _of_batches(lambda draw, batches: Batches(batches)),
    "loader": _of_batches(lambda draw, b: Loader(b, len(b) + draw(st.sampled_from((0, 0, 1, -1))))),
    "generator": _of_batches(lambda draw, batches: iter(batches)),
    "Split": _split,
    "tf.data": _stream,
    "dict": lambda draw, array: {"images": array},
    "nothing": lambda draw, array: draw(st.sampled_from((None, 3, "no folder", b"", [], (), {1}))),
}
FORMS = tuple(FORMS_BY_NAME)
