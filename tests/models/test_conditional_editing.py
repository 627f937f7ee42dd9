import numpy as np
import pytest

from tests.conditions import toy

pytestmark = pytest.mark.slow

IMAGES, ATTRIBUTES = toy.data(200, seed=9)  # unseen in training
TRUE = toy.seen(IMAGES / 255)


@pytest.fixture(scope="module")
def model():
    return toy.fitted("modulate")


@pytest.fixture(scope="module", params=["modulate", "concat"])
def either(request):
    return toy.fitted(request.param)


def test_the_toy_shows_its_attributes():
    np.testing.assert_array_equal(TRUE[:, :3], ATTRIBUTES)


def test_conditions_are_inferred_from_unseen_pictures(model):
    inferred = model.infer_condition(IMAGES)
    assert inferred.dtype == np.int8 and set(inferred.ravel()) == {-1, 1}
    assert ((inferred == ATTRIBUTES).mean(0) > 0.95).all()
    again = model.infer_condition((IMAGES / 255).astype("float32"))
    np.testing.assert_array_equal(again, inferred)


@pytest.mark.parametrize(
    "name, value", [("south_west", 1), ("south_west", -1), ("north_west", -1), ("north_east", -1)]
)
def test_editing_changes_that_and_keeps_the_rest(either, name, value):
    """To what was seen in training: the north's corners are never bright together."""
    shown = toy.seen(either.edit(IMAGES, {name: value}, condition=ATTRIBUTES))
    expected = TRUE.copy()
    expected[:, toy.NAMES.index(name)] = value
    assert ((shown == expected).mean(0) > 0.9).all()


def test_a_change_to_what_a_picture_is_already_is_a_reconstruction(either):
    ours = either.edit(IMAGES, ATTRIBUTES, condition=ATTRIBUTES)
    reconstruction = either.reconstruct(IMAGES, condition=ATTRIBUTES)
    np.testing.assert_allclose(ours, reconstruction, atol=1e-5)
    assert (toy.seen(reconstruction) == TRUE).mean() > 0.95


def test_a_pictures_own_condition_is_inferred_where_it_is_not_given(model):
    inferred = model.infer_condition(IMAGES)
    np.testing.assert_allclose(
        model.edit(IMAGES, {"south_west": 1}),
        model.edit(IMAGES, {"south_west": 1}, condition=inferred),
        atol=1e-6,
    )
    np.testing.assert_allclose(model.edit(IMAGES, inferred), model.reconstruct(IMAGES), atol=1e-5)


def test_editing_is_its_equation(model):
    codes, new = ATTRIBUTES.astype("float32"), ATTRIBUTES.astype("float32")
    new[:, 2] = -new[:, 2]
    z, _ = model.first_stage.encode((IMAGES, codes))
    u, _ = model.second_stage.encode(z, condition=codes)
    decode = model.second_stage.decode
    moved = z + decode(u, condition=new) - decode(u, condition=codes)
    expected = model.first_stage.decode(moved, condition=new)
    ours = model.edit(IMAGES, new.astype(int), condition=ATTRIBUTES)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    np.testing.assert_allclose(model.encode(IMAGES, condition=ATTRIBUTES)[0], z, atol=1e-5)


def test_one_image_is_edited_as_one_of_several(model):
    several = model.edit(IMAGES, {"south_west": 1}, condition=ATTRIBUTES)
    for given in (ATTRIBUTES[0], ATTRIBUTES[:1]):
        one = model.edit(IMAGES[0], {"south_west": 1}, condition=given)
        np.testing.assert_allclose(one, several[0], atol=1e-5)
    inferred = model.edit(IMAGES[0], {"south_west": 1})
    np.testing.assert_allclose(inferred, several[0], atol=1e-5)  # rightly


def test_strength_moves_what_is_named_and_nothing_else(model):
    new, center = ATTRIBUTES.astype("float32"), model.joint.center
    new[:, 2] = center[2] + 1.5 * (1 - center[2])
    z, _ = model.first_stage.encode((IMAGES, ATTRIBUTES))
    u, _ = model.second_stage.encode(z, condition=ATTRIBUTES)
    decode = model.second_stage.decode
    moved = z + decode(u, condition=new) - decode(u, condition=ATTRIBUTES)
    expected = model.first_stage.decode(moved, condition=new)
    ours = model.edit(IMAGES, {"south_west": 1}, condition=ATTRIBUTES, strength=1.5)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    plain = model.edit(IMAGES, {"south_west": 1}, condition=ATTRIBUTES)
    assert np.abs(ours - plain).max() > 0.01


def test_one_change_for_each_image(model):
    changes = [{"north_west": 1}, {"south_west": -1}] * 100
    shown = toy.seen(model.edit(IMAGES, changes, condition=ATTRIBUTES))
    expected = TRUE.copy()
    expected[::2, 0], expected[1::2, 2] = 1, -1
    assert (shown == expected).mean() > 0.9


def test_a_path_ends_at_both_edits(model):
    path = model.traverse(IMAGES[:50], "south_west", steps=4)  # 200 pictures
    assert path.shape == (50, 4, 8, 8, 1)
    assert (toy.seen(path[:, 0])[:, 2] == -1).mean() > 0.95
    assert (toy.seen(path[:, -1])[:, 2] == 1).mean() > 0.95
    for end, value in ((0, -1), (-1, 1)):
        edited = model.edit(IMAGES, {"south_west": value})[:50]
        np.testing.assert_allclose(path[:, end], edited, atol=1e-5)
    one = model.traverse(IMAGES[0], "south_west", 4, condition=ATTRIBUTES[0])
    np.testing.assert_allclose(one, path[0], atol=1e-5)  # inferred rightly, it is the same


def test_interpolation_runs_from_one_reconstruction_to_the_other(model):
    line = model.interpolate(IMAGES[:50], IMAGES[50:100], 4)
    ends = model.reconstruct(IMAGES)
    np.testing.assert_allclose(line[:, 0], ends[:50], atol=1e-5)
    np.testing.assert_allclose(line[:, -1], ends[50:100], atol=1e-5)


@pytest.mark.parametrize(
    "use, message",
    [
        (lambda m: m.edit(IMAGES, {"north": 1}), "nearest: north_.*Received: 'north'"),
        (lambda m: m.edit(IMAGES, [[1, 1, 1]] * 3), "Received: 3 for 200 images"),
        (
            lambda m: m.edit(IMAGES, {"north_west": 1}, condition=[[1, 1, 1]] * 3),
            "one for each of 200",
        ),
        (
            lambda m: m.edit(IMAGES, {"north_west": 1}, condition={"north_west": 1}),
            "leaves something open",
        ),
        (lambda m: m.edit(IMAGES[0, 0], {"north_west": 1}), r"rank 4.*Received: shape=\(8, 1\)"),
        (lambda m: m.edit(IMAGES, {"north_west": 1}, strength=-1), "`strength` must be a number"),
        (lambda m: m.edit(IMAGES, {}), "`change` must name something"),
        (lambda m: m.traverse(IMAGES[0], "north"), "`name` must .* nearest: north_"),
        (lambda m: m.traverse(IMAGES[0], "north_west", 1), "`steps` must be at least 2"),
        (lambda m: m.decode(np.zeros((2, 4))), "`condition` must be given.*Received: .*None"),
        (lambda m: m.decode(np.zeros((2, 4)), condition={"north_west": 1}), "must be whole"),
        (lambda m: m.infer_condition(IMAGES[:, :7]), r"shape \(8, 8, 1\).*Received"),
    ],
)
def test_bad_edits_are_named(model, use, message):
    with pytest.raises(ValueError, match=message):
        use(model)
