"""The controls of every kind of conditions, and what they ask for."""

import numpy as np
import pytest

from keras_tsvae.conditions import Attributes, Classes, JointConditions, Number, Vector
from keras_tsvae.explore.controls import condition_of, controls_of, in_words

pytestmark = pytest.mark.backend_free
ROWS = np.array([[0.0, -2.0], [1.0, 4.0]])


def controls(conditions, rows):
    return controls_of(conditions, JointConditions(rows, np.ones(len(rows))))


def test_a_model_without_conditions_has_no_controls():
    assert controls_of(None, None) == []
    assert condition_of(None, []) is None


def test_classes_are_one_choice():
    conditions = Classes(names=["any", "cat", "dog"])  # one of them called as the first choice
    (control,) = controls(conditions, np.eye(3))
    texts, labels = zip(*control.choices)
    assert texts == ("any", "any", "cat", "dog")
    assert [condition_of(conditions, [label]) for label in labels] == [None, 0, 1, 2]
    assert condition_of(conditions, [control.value]) is None
    assert in_words(conditions, np.int64(2)) == "dog"
    assert in_words(Classes(3), 2) == "2"


def test_each_attribute_is_a_choice():
    conditions = Attributes(["hat", "beard", "smile"])
    found = controls(conditions, np.array([[1, -1, 1]]))
    assert [control.label for control in found] == ["hat", "beard", "smile"]
    assert condition_of(conditions, [control.value for control in found]) is None
    assert condition_of(conditions, [0, -1, 1]) == {"beard": -1, "smile": 1}
    assert in_words(conditions, [1, -1, 1]) == "with hat, smile"
    assert in_words(conditions, [-1, -1, -1]) == "with none of them"


@pytest.mark.parametrize(
    "conditions, rows, values, asked",
    [
        (Attributes(size=2), np.array([[1, -1]]), [1, -1], [1, -1]),
        (Number("angle"), ROWS[:, 1:], [2.5], 2.5),
        (Vector(2), ROWS, [0.5, 0.25], [0.5, 0.25]),
        (Vector(names=["x", "y"]), ROWS, [0.5, 0.25], [0.5, 0.25]),
    ],
)
def test_what_can_be_asked_for_as_a_whole_alone_has_a_switch(conditions, rows, values, asked):
    switch, *others = controls(conditions, rows)
    assert len(others) == conditions.size
    assert condition_of(conditions, [switch.value, *values]) is None
    np.testing.assert_array_equal(condition_of(conditions, [True, *values]), asked)
    conditions.request(condition_of(conditions, [True, *values]))  # is of their kind


def test_sliders_go_as_far_as_training_went():
    _, x, y = controls(Vector(names=["x", "y"]), ROWS)
    assert (x.label, x.span, x.value) == ("x", (0, 1), 0.5)
    assert (y.label, y.span, y.value) == ("y", (-2, 4), 1)
    assert in_words(Vector(names=["x", "y"]), [0.125, 3]) == "x 0.125, y 3"
    assert in_words(Number("angle"), np.float32(1.5)) == "angle 1.5"
