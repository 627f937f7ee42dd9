"""What the page shows, without the page."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_tsvae.conditions import Attributes, Classes, Number, Vector
from keras_tsvae.explore import Explorer, Wish
from tests import tiny
from tests.conditions import toy

NOISE = (2, 1, "mixture")


@pytest.fixture(scope="module")
def plain():
    """An explorer of a model without conditions, with a mixture."""
    keras.utils.set_random_seed(0)
    model = tiny.two_stage()
    model.fit_mixture(tiny.images(32), num_components=2, seed=0)
    return Explorer(model, pictures=9)


@pytest.fixture(scope="module")
def named():
    """An explorer of a model of attributes."""
    keras.utils.set_random_seed(0)
    return Explorer(toy.linear(seen=toy.ROWS), pictures=4)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def differ(ours, theirs):
    assert np.abs(ours - theirs).max() > 1e-3


@pytest.mark.parametrize("stage", NOISE)
def test_samples_are_those_of_the_model(plain, stage):
    assert plain.stages == list(NOISE)
    samples = plain.samples(Wish(seed=3, stage=stage))
    close(samples, plain.model.sample(9, seed=3, stage=stage))


@pytest.mark.parametrize("stage", NOISE)
def test_the_way_between_two_samples_begins_and_ends_at_them(plain, stage):
    images = plain.between(Wish(seed=3, stage=stage), 4)
    assert len(images) == 9
    for image, seed in zip(images[[0, -1]], (3, 4)):
        close(image, plain.model.sample(1, seed=seed, stage=stage)[0])
    differ(images[4], images[0])


@pytest.mark.parametrize("stage", NOISE)
def test_the_middle_of_the_plane_is_the_first_sample(plain, stage):
    wish = Wish(seed=3, stage=stage)
    close(plain.at(wish, 0, 0), plain.model.sample(1, seed=3, stage=stage)[0])
    plane = plain.plane(wish)
    places = (-4 / 3, 0, 4 / 3)
    for image, (y, x) in zip(plane, ((y, x) for y in places for x in places), strict=True):
        close(image, plain.at(wish, x, y))


def test_far_along_an_axis_of_the_plane_is_the_next_sample(plain):
    second, third = plain.model.sample(3, seed=3)[1:]
    close(plain.at(Wish(seed=3), 1e6, 0), second)
    close(plain.at(Wish(seed=3), 0, 1e6), third)


def test_noise_stays_while_conditions_change(named):
    first = named.wish(5, 2, 1.0, [1, -1, 0])
    assert first == Wish(5, 2, {"north_west": 1, "north_east": -1}, 1.0)
    other = named.wish(5, 2, 1.0, [-1, 1, 0])
    strong = named.wish(5, 2, 2.5, [1, -1, 0])
    for wish in (first, other, strong):
        options = {"seed": 5, "condition": wish.condition, "strength": wish.strength}
        close(named.samples(wish), named.model.sample(4, **options))
        one = named.model.sample(1, **options)[0]
        close(named.at(wish, 0, 0), one)
        close(named.between(wish, 6)[0], one)
    differ(named.samples(first), named.samples(other))
    differ(named.samples(first), named.samples(strong))


def test_pictures_are_inferred_reconstructed_and_edited(named):
    image = tiny.images(1)[0]
    condition = named.inferred(image)
    np.testing.assert_array_equal(condition, named.model.infer_condition(image[None])[0])
    known = ", ".join(name for name, sign in zip(toy.NAMES, condition) if sign > 0)
    assert named.in_words(condition) == f"with {known or 'none of them'}"
    close(named.reconstruction(image), named.model.reconstruct(image[None])[0])
    close(named.edited(image, condition, Wish()), named.reconstruction(image))
    change = {"south_west": -int(condition[2])}
    edited = named.edited(image, condition, Wish(condition=change, strength=2.0))
    close(edited, named.model.edit(image, change, strength=2.0))
    differ(edited, named.reconstruction(image))


def test_without_conditions_there_is_nothing_to_edit(plain):
    image = tiny.images(1)[0]
    assert plain.controls == [] and not plain.has_strength
    assert plain.inferred(image) is None and plain.in_words(None) == ""
    close(plain.edited(image, None, Wish()), plain.reconstruction(image))


@pytest.mark.parametrize("resize, corner", [("crop", 60), ("pad", 0), ("stretch", 0)])
def test_pictures_of_files_come_to_the_shape_of_the_model(plain, tmp_path, resize, corner):
    pixels = np.tile(np.arange(0, 240, 10, "uint8"), (12, 1))  # (12, 24): darkest on the left
    Image.fromarray(pixels).convert("RGB").save(tmp_path / "wide.jpg")
    image = Explorer(plain.model, resize, pictures=4).load(tmp_path / "wide.jpg")
    assert image.shape == tiny.IMAGE_SHAPE and image.dtype == "uint8"
    assert abs(int(image[4 if resize != "pad" else 0, 0, 0]) - corner) < 20


@pytest.mark.parametrize(
    "conditions, rows, values",
    [
        (Classes(3), np.eye(3), [1]),
        (Number("n"), np.array([[0.0], [4.0]]), [True, 2.5]),
        (Vector(2), np.array([[0.0, 1.0], [4.0, 2.0]]), [True, 1.0, 1.5]),
        (Attributes(size=2), np.array([[1.0, -1.0], [-1.0, 1.0]]), [True, 1, -1]),
    ],
)
def test_all_kinds_of_conditions(conditions, rows, values):
    explorer = Explorer(toy.linear(conditions, rows), pictures=4)
    explorer.warm_up()
    assert len(explorer.controls) == len(values)
    assert explorer.has_strength == conditions.discrete
    wish = explorer.wish(0, 2, 1.0, values)
    differ(explorer.samples(wish), explorer.samples(Wish()))
    image = tiny.images(1)[0]
    assert explorer.in_words(explorer.inferred(image))
    edited = explorer.edited(image, explorer.inferred(image), wish)
    close(edited, explorer.model.edit(image, wish.condition))


@pytest.mark.parametrize("name", ["plain", "named"])
def test_nothing_is_traced_while_somebody_waits(request, monkeypatch, name):
    explorer = request.getfixturevalue(name)
    explorer.warm_up()

    def traced(*args, **kwargs):
        pytest.fail("A network was traced again.")

    monkeypatch.setattr(keras.layers.Layer, "__call__", traced)
    values = [1, -1, 0][: len(explorer.controls)]
    image = tiny.images(1)[0]
    for stage in explorer.stages:
        wish = explorer.wish(9, stage, 1.0, values)
        explorer.samples(wish)
        explorer.between(wish, 4)
        explorer.plane(wish)
        explorer.at(wish, 0.3, -1)
        explorer.edited(image, explorer.inferred(image), wish)


def test_as_many_pictures_as_are_drawn_in_a_fifth_of_a_second(monkeypatch):
    def counted(seconds_each):
        now = [0.0]

        def sample(self, n, **options):
            now[0] += n * seconds_each
            return np.zeros((n, *tiny.IMAGE_SHAPE), "float32")

        monkeypatch.setattr("keras_tsvae.explore.explorer.time.perf_counter", lambda: now[0])
        model = tiny.two_stage()
        monkeypatch.setattr(type(model), "sample", sample)
        return Explorer(model).pictures

    assert [counted(seconds) for seconds in (0.001, 0.02, 0.04, 1)] == [16, 9, 4, 4]


def test_errors():
    model = tiny.two_stage()
    with pytest.raises(ValueError, match="`model` must be a TwoStageVAE. Received"):
        Explorer(model.first_stage)
    with pytest.raises(ValueError, match="`pictures` must be .* Received: pictures=5"):
        Explorer(model, pictures=5)
    with pytest.raises(ValueError, match="`resize` must be .* Received: resize='squash'"):
        Explorer(model, resize="squash")
    with pytest.raises(ValueError, match="must be fitted"):
        Explorer(toy.linear())
