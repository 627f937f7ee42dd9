import keras
import numpy as np
import pytest

from keras_tsvae.conditions import Attributes, Classes, Number, Vector

pytestmark = pytest.mark.backend_free

ATTRIBUTES = Attributes(["Smiling", "Eyeglasses", "Male"])
ANIMALS = Classes(names=["cat", "dog", "owl"])
POSE = Vector(names=["yaw", "pitch"])


@pytest.mark.parametrize(
    "kind, labels, codes, decoded",
    [
        (ATTRIBUTES, [[1, 0, 1]], [[1, -1, 1]], [[1, -1, 1]]),
        (ATTRIBUTES, [[1, -1, -1], [-1, 1, 1]], [[1, -1, -1], [-1, 1, 1]], None),
        (ATTRIBUTES, np.array([[True, False, False]]), [[1, -1, -1]], [[1, -1, -1]]),
        (ATTRIBUTES, np.array([[1, 0, 0]], "uint8"), [[1, -1, -1]], [[1, -1, -1]]),
        (Attributes(size=5), [[0, 0, 0, 0, 0]], [[-1] * 5], [[-1] * 5]),
        (ANIMALS, [2, 0], [[0, 0, 1], [1, 0, 0]], [2, 0]),
        (ANIMALS, np.array([[1], [1]], "uint8"), [[0, 1, 0], [0, 1, 0]], [1, 1]),
        (ANIMALS, [[0, 1, 0]], [[0, 1, 0]], [1]),
        (ANIMALS, [2.0], [[0, 0, 1]], [2]),
        (Number(), [7, 0], [[7], [0]], [7, 0]),
        (Number("angle"), [[0.5]], [[0.5]], [0.5]),
        (POSE, [[0.25, -3]], [[0.25, -3]], [[0.25, -3]]),
    ],
)
def test_coding_there_and_back(kind, labels, codes, decoded):
    encoded = kind.encode(labels)
    assert encoded.dtype == np.float32 and encoded.shape == (len(codes), kind.size)
    np.testing.assert_array_equal(encoded, codes)
    np.testing.assert_array_equal(kind.decode(encoded), labels if decoded is None else decoded)
    np.testing.assert_array_equal(kind.encode(kind.decode(encoded)), encoded)


@pytest.mark.parametrize(
    "kind, condition, values, named",
    [
        (ATTRIBUTES, {"Male": 1, "Smiling": -1}, [[-1, 0, 1]], [[True, False, True]]),
        (ATTRIBUTES, {"Male": True, "Smiling": 0}, [[-1, 0, 1]], [[True, False, True]]),
        (ATTRIBUTES, [1, -1, 1], [[1, -1, 1]], [[True] * 3]),
        (ATTRIBUTES, [[1, -1, 1], [0, 0, 0]][:1] * 2, [[1, -1, 1]] * 2, [[True] * 3] * 2),
        (ATTRIBUTES, [{"Male": 1}, {"Smiling": 1}], [[0, 0, 1], [1, 0, 0]], np.eye(3)[[2, 0]] > 0),
        (ANIMALS, "owl", [[0, 0, 1]], [[True] * 3]),
        (ANIMALS, 1, [[0, 1, 0]], [[True] * 3]),
        (ANIMALS, np.int64(1), [[0, 1, 0]], [[True] * 3]),
        (ANIMALS, {"owl": 1}, [[0, 0, 1]], [[True] * 3]),
        (ANIMALS, [{"owl": 1}, {"cat": True}], np.eye(3)[[2, 0]], [[True] * 3] * 2),
        (Classes(3), [{2: 1}, {0: 1}], np.eye(3)[[2, 0]], [[True] * 3] * 2),
        (ANIMALS, np.float32([0, 1, 0]), [[0, 1, 0]], [[True] * 3]),
        (ANIMALS, ["cat", "owl"], [[1, 0, 0], [0, 0, 1]], [[True] * 3] * 2),
        (ANIMALS, np.array(["cat", "owl"]), [[1, 0, 0], [0, 0, 1]], [[True] * 3] * 2),
        (ANIMALS, [0, 2, 1, 1], np.eye(3)[[0, 2, 1, 1]], [[True] * 3] * 4),
        (Number(), 7, [[7]], [[True]]),
        (Number(), [7, 8], [[7], [8]], [[True]] * 2),
        (Number("angle"), {"angle": 0.5}, [[0.5]], [[True]]),
        (POSE, {"pitch": 0.5}, [[0, 0.5]], [[False, True]]),
        (POSE, [0.5, 1], [[0.5, 1]], [[True, True]]),
    ],
)
def test_what_is_asked_for(kind, condition, values, named):
    ours = kind.request(condition)
    np.testing.assert_array_equal(ours[0], np.asarray(values, "float32"))
    np.testing.assert_array_equal(ours[1], named)


LABELS = {
    "a value": (ATTRIBUTES, [[1, 2, 1]], r"attributes, \+1 and -1 or 1 and 0. Received: .*2"),
    "a fraction": (ATTRIBUTES, [[1, 0.5, 1]], "Received: .*0.5"),
    "mixed": (ATTRIBUTES, [[1, -1, 0]], "Received: both -1 and 0"),
    "width": (ATTRIBUTES, [[1, 1]], r"rows of 3 .*Received: .*\(1, 2\)"),
    "rank": (ATTRIBUTES, [1, 1, 1], r"Received: .*\(3,\)"),
    "NaN": (ATTRIBUTES, [[1, np.nan, 1]], "Received: NaN"),
    "strings": (ATTRIBUTES, [["a", "b", "c"]], "Received: dtype=<U1"),
    "class 3": (ANIMALS, [0, 3], "labels from 0 to 2. Received: 3"),
    "class -1": (ANIMALS, [0, -1], "labels from 0 to 2. Received: -1"),
    "class 1.5": (ANIMALS, [0, 1.5], "integer labels from 0 to 2. Received"),
    "class NaN": (ANIMALS, [0, np.nan], "Received: NaN"),
    "a bool": (ANIMALS, [True, False], "dtype=bool"),
    "two classes": (ANIMALS, [[1, 1, 0]], "one-hot rows of 3"),
    "one-hot width": (ANIMALS, [[1, 0]], r"Received: .*\(1, 2\)"),
    "no label": (ANIMALS, [], r"Received: .*\(0,\)"),
    "infinity": (Number(), [1, np.inf], "Received: NaN or infinity"),
    "two numbers": (Number(), [[1, 2]], r"one for each image. Received: .*\(1, 2\)"),
    "vector": (POSE, [[1, 2, 3]], r"width 2. Received: .*\(1, 3\)"),
    "a large integer": (Number(), [10**9], "none beyond 1,000,000. Received: 1e.09"),
    "infinity in float16": (POSE, np.float16([[1, np.inf]]), "Received: NaN or infinity"),
    "NaN in a vector": (POSE, [[1, np.nan]], "Received: NaN"),
}


@pytest.mark.parametrize("case", LABELS)
def test_bad_labels_are_named(case):
    kind, labels, message = LABELS[case]
    with pytest.raises(ValueError, match=f"`conditions` must be .*{message}"):
        kind.encode(labels)


def test_a_row_of_floats_is_one_hot_or_labels():
    for row, expected in (([0.0, 1, 0], [1]), ([1.0, 1, 0], [1, 1, 0]), ([0.0, 2], [0, 2])):
        values, _ = ANIMALS.request(np.array(row))
        np.testing.assert_array_equal(values, np.eye(3)[expected])


REQUESTS = {
    "case alone": (Attributes(["Male", "Female"]), {"male": 1}, "nearest: Male. Received: 'male'"),
    "case": (ATTRIBUTES, {"smiling": 1}, "nearest: Smiling. Received: 'smiling'"),
    "spelling": (ATTRIBUTES, {"Eyeglases": 1}, "nearest: Eyeglasses.* Received: 'Eyeglases'"),
    "nothing near": (ATTRIBUTES, {"xyz": 1}, "'Smiling', 'Eyeglasses', 'Male'.*'xyz'"),
    "value 2": (ATTRIBUTES, {"Male": 2}, "Received: 'Male': 2"),
    "value 0.5": (ATTRIBUTES, {"Male": 0.5}, "Received: 'Male': 0.5"),
    "value None": (ATTRIBUTES, {"Male": None}, "Received: 'Male': None"),
    "value '1'": (ATTRIBUTES, {"Male": "1"}, "Received: 'Male': '1'"),
    "value NaN": (ATTRIBUTES, {"Male": np.nan}, "Received: 'Male': nan"),
    "nothing": (ATTRIBUTES, {}, "name something"),
    "one is no dict": (ATTRIBUTES, [{"Male": 1}, [1, 0, 1]], r"dicts alone.* \[1, 0, 1\] beside"),
    "no names": (Attributes(size=2), {"Male": 1}, "have none. Received: 'Male'"),
    "unknown class": (ANIMALS, "dgo", "nearest: dog.* Received: 'dgo'"),
    "class not there": (ANIMALS, {"cat": -1}, "name one class, with the value 1. Received: .*-1"),
    "class in part": (ANIMALS, {"cat": 0.5}, "with the value 1. Received: .*0.5"),
    "classes in part": (ANIMALS, [{"cat": 7, "dog": 3, "owl": 5}] * 2, "name one class"),
    "class by an array": (ANIMALS, {"cat": np.ones(2)}, "name one class"),
    "pose beyond": (POSE, {"yaw": 1e9}, "none beyond 1,000,000. Received: 'yaw': 1000000000.0"),
    "two classes": (ANIMALS, {"cat": 1, "dog": 1}, "one class.* Received: .*dog"),
    "pose": (POSE, {"yaw": "left"}, "give numbers. Received: 'yaw': 'left'"),
    "pose NaN": (POSE, {"yaw": np.nan}, "give numbers. Received: 'yaw': nan"),
    "pose name": (POSE, {"yam": 1}, "nearest: yaw"),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_bad_requests_are_named(case):
    kind, condition, message = REQUESTS[case]
    with pytest.raises(ValueError, match=f"`condition` must .*{message}"):
        kind.request(condition)


@pytest.mark.parametrize(
    "make",
    [
        Attributes,
        Classes,
        Vector,
        lambda: Attributes(["a", "a"]),
        lambda: Classes(names=["a", 1]),
        lambda: Vector(3, ["a", "b"]),
        lambda: Attributes([]),
        lambda: Classes(0),
    ],
)
def test_bad_arguments_are_named(make):
    with pytest.raises(ValueError, match="`(names|size)` .*Received: "):
        make()


@pytest.mark.parametrize("kind", [ATTRIBUTES, ANIMALS, Classes(4), Number("angle"), POSE])
def test_kinds_travel_with_their_names(kind):
    clone = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(kind))
    assert type(clone) is type(kind)
    assert (clone.size, clone.names, clone.kind) == (kind.size, kind.names, kind.kind)


def test_changes_and_paths_keep_the_rest():
    codes = ATTRIBUTES.encode([[1, 0, 0], [0, 1, 1]])
    changed = ATTRIBUTES.changed(codes, {"Male": 1})
    np.testing.assert_array_equal(changed, [[1, -1, 1], [-1, 1, 1]])
    with pytest.raises(ValueError, match="one for each image. Received: 3 for 2 images"):
        ATTRIBUTES.changed(codes, [{"Male": 1}] * 3)
    changed = ATTRIBUTES.changed(codes, [{"Male": 1}, {"Smiling": 1}])
    np.testing.assert_array_equal(changed, [[1, -1, 1], [1, 1, 1]])
    path = ATTRIBUTES.path(codes, "Smiling", 3, -np.ones(3), np.ones(3))
    np.testing.assert_array_equal(path[:, :, 0], [[-1, 0, 1]] * 2)
    np.testing.assert_array_equal(path[:, :, 1:], np.repeat(codes[:, None, 1:], 3, 1))
    path = ANIMALS.path(ANIMALS.encode([0, 2]), "owl", 3, None, None)
    expected = [[[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]], [[0, 0, 1]] * 3]
    np.testing.assert_array_equal(path, expected)
    with pytest.raises(ValueError, match="`name` must be one class. Received: name=.*'dog'"):
        ANIMALS.path(ANIMALS.encode([0, 2]), ["cat", "dog"], 3, None, None)
