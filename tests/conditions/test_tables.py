"""Tables go by the names of their columns, not by their order."""

import numpy as np
import pytest

from keras_tsvae import metrics
from keras_tsvae.conditions import Attributes, Classes, Vector
from keras_tsvae.metrics.labels import check_attribute_labels
from tests import conditioned

NAMES = ("hat", "smile", "beard")
ROWS = np.array([[1, -1, -1], [-1, 1, -1], [1, 1, -1], [-1, -1, 1]])


class Table:
    """As a pandas DataFrame."""

    ndim = 2

    def __init__(self, columns):
        self.data = columns
        self.columns = list(columns)

    def __getitem__(self, name):
        return self.data[name]

    def __len__(self):
        return len(self.data[self.columns[0]])

    def __array__(self, dtype=None, copy=None):
        return np.stack(list(self.data.values()), axis=1)


class Row:
    """As a pandas Series with an index of names."""

    ndim = 1

    def __init__(self, values):
        self.values = values
        self.index = list(values)

    def to_dict(self):
        return dict(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.array(list(self.values.values()))


class Column(Row):
    """As a pandas Series of one value for each image."""

    def __init__(self, values):
        self.array = np.asarray(values)
        self.index = range(len(values))

    def __len__(self):
        return len(self.array)

    def __array__(self, dtype=None, copy=None):
        return self.array


def shuffled(rows=ROWS, names=NAMES, order=(2, 0, 1)):
    return Table({names[i]: rows[:, i] for i in order})


def test_columns_of_conditions_go_by_name():
    np.testing.assert_array_equal(Attributes(NAMES).encode(shuffled()), ROWS)
    np.testing.assert_array_equal(Vector(names=NAMES).encode(shuffled()), ROWS)
    np.testing.assert_array_equal(Attributes(NAMES).request(shuffled())[0], ROWS)
    one_hot = np.eye(3, dtype=int)
    np.testing.assert_array_equal(Classes(names=NAMES).encode(shuffled(one_hot)), one_hot)


def test_columns_without_names_are_in_order():
    counted = Table({i: ROWS[:, i] for i in range(3)})
    np.testing.assert_array_equal(Attributes(NAMES).encode(counted), ROWS)
    np.testing.assert_array_equal(Attributes(size=3).encode(shuffled(order=(0, 1, 2))), ROWS)


@pytest.mark.parametrize("names", [("hat", "smile", "nose"), ("hat", "smile"), (*NAMES, "nose")])
def test_other_columns_are_named(names):
    rows = np.concatenate([ROWS, ROWS], axis=1)
    table = Table({name: rows[:, i] for i, name in enumerate(names)})
    for use in (Attributes(NAMES).encode, Attributes(NAMES).request, Vector(names=NAMES).encode):
        with pytest.raises(ValueError, match="`conditions` must have one column for each.*"):
            use(table)


def test_a_column_is_there_once():
    twice = shuffled()
    twice.columns.append("hat")
    with pytest.raises(ValueError, match="one column for each.*'hat'"):
        Attributes(NAMES).encode(twice)


def test_a_row_with_names_is_asked_for_by_them():
    values, named = Attributes(NAMES).request(Row({"beard": 1, "hat": -1}))
    np.testing.assert_array_equal(values[named], [-1, 1])
    np.testing.assert_array_equal(named, [[True, False, True]])


def test_a_column_of_labels_is_taken():
    classes = Classes(names=NAMES)
    np.testing.assert_array_equal(classes.encode(Column([2, 0])), np.eye(3)[[2, 0]])
    np.testing.assert_array_equal(classes.request(Column([2, 0]))[0], np.eye(3)[[2, 0]])
    np.testing.assert_array_equal(classes.request(Column(["beard", "hat"]))[0], np.eye(3)[[2, 0]])
    labels = Table({"label": np.array([2, 0])})
    np.testing.assert_array_equal(classes.encode(labels), np.eye(3)[[2, 0]])


def test_metrics_take_columns_by_name():
    judge = conditioned.PixelJudge()
    images, labels = conditioned.real(40, conditioned.Conditions())
    expected = metrics.ConditionAccuracy(judge, NAMES)
    expected.update(images, labels)
    found = metrics.ConditionAccuracy(judge, NAMES)
    found.update(images, shuffled(labels))
    assert found.result().each == expected.result().each
    with pytest.raises(ValueError, match="`conditions` must have one column for each"):
        found.update(images, shuffled(labels, ("hat", "smile", "nose")))
    assert check_attribute_labels("labels", shuffled(labels)).shape == (40, 3)
