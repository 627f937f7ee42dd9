"""What the options of a command line ask of a model."""

import types

import numpy as np
import pytest
import typer

from keras_tsvae.cli.conditions import asked
from keras_tsvae.conditions import Attributes, Classes, Number, Vector

pytestmark = pytest.mark.backend_free


def model(conditions):
    return types.SimpleNamespace(conditions=conditions)


@pytest.mark.parametrize(
    "conditions, values, expected",
    [
        (Number(), ["7"], 7.0),
        (Number("angle"), ["angle=-0.5"], {"angle": -0.5}),
        (Vector(2), ["0.5,-1"], [0.5, -1.0]),
        (Vector(1), ["3e-1"], [0.3]),
        (Vector(names=("hour", "minute")), ["3,30"], [3.0, 30.0]),
        (Vector(names=("hour", "minute")), ["minute=30"], {"minute": 30.0}),
        (Vector(names=("hour", "minute")), ["minute=30", "hour=3"], {"minute": 30.0, "hour": 3.0}),
        (Vector(names=("a=b", "c")), ["a=b=1"], {"a=b": 1.0}),
    ],
)
def test_numbers_are_asked_for(conditions, values, expected):
    condition = asked(model(conditions), None, None, None, values)
    assert condition == expected and type(condition) is type(expected)
    for received, wanted in zip(conditions.request(condition), conditions.request(expected)):
        np.testing.assert_array_equal(received, wanted)


@pytest.mark.parametrize(
    "conditions, values, said",
    [
        (Number(), ["seven"], "write 0.5"),
        (Number(), ["7", "8"], "write 0.5"),
        (Number(), ["nan"], "finite"),
        (Number(), ["number=1", "number=2"], "once a name"),
        (Number("angle"), ["angel=1"], "angle"),
        (Vector(2), ["1"], "width 2"),
        (Vector(2), ["a=1"], "must not hold names"),
        (Vector(names=("hour", "minute")), ["hour=1", "2"], "write 0.5"),
        (Classes(3), ["1"], "classes, not number or vector"),
        (Attributes(["a"]), ["a=1"], "attributes, not number or vector"),
        (None, ["1"], "without conditions"),
    ],
)
def test_wrong_numbers(conditions, values, said):
    with pytest.raises(typer.BadParameter, match=said):
        asked(model(conditions), None, None, None, values)


def test_one_way_of_asking():
    with pytest.raises(typer.BadParameter, match="'--value' as well"):
        asked(model(Classes(3)), "1", None, None, ["1"])
    with pytest.raises(typer.BadParameter, match="not classes"):
        asked(model(Number()), "1", None, None)
    assert asked(model(None), None, [], None, []) is None
