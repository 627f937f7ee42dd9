import numpy as np
import pytest

from keras_tsvae.arrays.columns import Columns

pytestmark = pytest.mark.backend_free


def test_rows_are_those_of_all_arrays_side_by_side():
    a, b = np.arange(12.0).reshape(6, 2), np.broadcast_to(np.float32(0.5), (6, 1))
    whole = np.concatenate([a, b], 1)
    columns = Columns(a, b)
    assert columns.shape == (6, 3) and len(columns) == 6
    for rows in (slice(1, 4), slice(4, 99), np.array([5, 0, 0])):
        np.testing.assert_array_equal(columns[rows], whole[rows])
