"""What is asked for, in full or in part, as coded conditions."""

import numpy as np
import pytest

from keras_tsvae.conditions import Attributes, Classes, JointConditions, Number
from keras_tsvae.conditions.requests import for_each, requested, strengthened, whole

HAIR = Attributes(["fair", "dark", "hat"])
PEOPLE = JointConditions([[1, -1, -1], [-1, 1, 1], [-1, 1, -1]], [2, 1, 1])
ANIMALS = Classes(names=["cat", "dog", "owl"])
PETS = JointConditions(np.eye(3)[:2], [1, 1])
UNIFORM = np.array([0.1, 0.6, 0.9])


def test_what_is_left_open_is_drawn():
    drawn = requested(HAIR, PEOPLE, None, 3)(slice(0, 3), UNIFORM)
    np.testing.assert_array_equal(drawn, PEOPLE.draw(UNIFORM))
    dark = requested(HAIR, PEOPLE, {"dark": 1}, 3)(slice(0, 3), UNIFORM)
    np.testing.assert_array_equal(dark[:, :2], [[-1, 1]] * 3)
    assert set(dark[:, 2]) == {-1, 1}


def test_each_image_has_its_own():
    of_rows = requested(HAIR, PEOPLE, [{"hat": 1}, {"fair": 1}, {"dark": 1, "hat": -1}], 3)
    np.testing.assert_array_equal(of_rows(slice(0, 3), UNIFORM), PEOPLE.rows[[1, 0, 2]])
    np.testing.assert_array_equal(of_rows(slice(1, 3), UNIFORM[1:]), PEOPLE.rows[[0, 2]])
    of_rows = requested(ANIMALS, PETS, ["dog", "cat", "cat"], 3)
    np.testing.assert_array_equal(of_rows(slice(1, 3), UNIFORM[1:]), np.eye(3)[[0, 0]])


@pytest.mark.parametrize(
    "conditions, joint, condition, message",
    [
        (HAIR, PEOPLE, {"fair": 1, "hat": 1}, "at least one training example.*'fair': 1, 'hat': 1"),
        (HAIR, PEOPLE, [{"hat": 1}] * 2, "one for all images, or one for each. .* 2 for n=3"),
        (ANIMALS, PETS, "owl", "class of at least one training example. Received: 2"),
        (ANIMALS, PETS, ["cat", "owl", "dog"], "at least one training example. Received: 2"),
        (HAIR, PEOPLE, [1, 2, 3], "rows of 3 attributes"),
    ],
)
def test_what_cannot_be_had_is_refused_at_once(conditions, joint, condition, message):
    with pytest.raises(ValueError, match=f"`condition` must .*{message}"):
        requested(conditions, joint, condition, 3)


def test_strength_is_the_distance_from_the_mean():
    codes = PEOPLE.rows
    for strength in (0, 0.5, 1, 100):
        moved = strengthened(HAIR, PEOPLE, strength)(codes)
        expected = PEOPLE.center + strength * (codes - PEOPLE.center)
        np.testing.assert_allclose(moved, expected, rtol=1e-6)
        assert moved.dtype == "float32"
    assert strengthened(Number(), PEOPLE, 1)(codes) is codes


@pytest.mark.parametrize("strength", [-0.1, 100.1, np.nan, True, "1", None])
def test_bad_strengths_are_named(strength):
    with pytest.raises(ValueError, match="`strength` must be a number from 0 to 100"):
        strengthened(HAIR, PEOPLE, strength)


def test_numbers_have_no_strength():
    with pytest.raises(ValueError, match="`strength` must be 1 .*Received: strength=2"):
        strengthened(Number(), PEOPLE, 2)


def test_what_images_show_is_whole_and_of_each():
    np.testing.assert_array_equal(whole(HAIR, [1, 0, 0]), [[1, -1, -1]])
    with pytest.raises(ValueError, match="`condition` must be whole.*'hat': 1"):
        whole(HAIR, {"hat": 1})
    np.testing.assert_array_equal(for_each(np.eye(3)[:1], 2), [[1, 0, 0]] * 2)
    np.testing.assert_array_equal(for_each(np.eye(3), 3), np.eye(3))
    with pytest.raises(ValueError, match="one for each of 2 images. Received: 3"):
        for_each(np.eye(3), 2)
