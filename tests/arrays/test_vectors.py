import numpy as np
import pytest

from keras_tsvae.arrays.vectors import broadcast_condition, check_vectors


@pytest.mark.parametrize(
    "value, message",
    [
        (np.zeros(3), r"`z` must have shape \(n, 3\).* Received: z.shape=\(3,\)"),
        (np.zeros((2, 4)), r"Received: z.shape=\(2, 4\)"),
        (np.zeros((0, 3)), r"Received: z.shape=\(0, 3\)"),
        ([["a", "b", "c"]], "`z` must hold finite numbers. Received: dtype=<U1"),
        ([[0, np.inf, 0]], "`z` must hold finite numbers"),
        ([[0, 0, np.nan]], "`z` must hold finite numbers"),
    ],
)
def test_bad_vectors_are_named(value, message):
    with pytest.raises(ValueError, match=message):
        check_vectors("z", value, 3)


def test_vectors_are_float32_and_not_copied_for_nothing():
    assert check_vectors("z", [[1, 2, 3]], 3).dtype == "float32"
    vectors = np.ones((2, 3), "float32")
    assert check_vectors("z", vectors, 3) is vectors


def test_a_condition_is_one_for_all_or_one_for_each():
    for one in ([1, 2], [[1, 2]]):
        (rows,) = broadcast_condition(one, 3, 2)
        np.testing.assert_array_equal(rows, [[1, 2]] * 3)
    (rows,) = broadcast_condition([[1, 2], [3, 4]], 2, 2)
    np.testing.assert_array_equal(rows, [[1, 2], [3, 4]])
    assert broadcast_condition(None, 3, None) == ()


@pytest.mark.parametrize(
    "condition, width, message",
    [
        (None, 2, "if and only if the model is conditioned.* condition_dim=2"),
        ([1, 2], None, "if and only if the model is conditioned.* condition_dim=None"),
        ([[1, 2], [3, 4]], 2, r"shape \(3, 2\) or \(2,\). Received: condition.shape=\(2, 2\)"),
        ([1, 2, 3], 2, r"Received: condition.shape=\(3,\)"),
        ([1, np.nan], 2, "`condition` must hold finite numbers"),
    ],
)
def test_bad_conditions_are_named(condition, width, message):
    with pytest.raises(ValueError, match=message):
        broadcast_condition(condition, 3, width)
