import numpy as np
import pytest

from keras_tsvae.arrays.noise import noise_batches
from tests.conditions import toy
from tests.harness import flat

pytestmark = pytest.mark.slow

N = 200  # one size for all, so that JAX compiles once
WEST = {"north_west": 1}


@pytest.fixture(scope="module")
def model():
    return toy.fitted("modulate")


@pytest.fixture(scope="module", params=["modulate", "concat"])
def either(request):
    return toy.fitted(request.param)


def frequencies(codes):
    """How often each row of the training set was drawn; fails on others."""
    equal = (codes[:, None] == toy.ROWS).all(-1)
    assert equal.any(1).all()
    return equal.mean(0)


@pytest.mark.parametrize("stage", [1, 2])
def test_pictures_show_what_they_were_asked_for(either, stage):
    codes = toy.ROWS[np.arange(N) % len(toy.ROWS)]
    images = either.sample(N, stage=stage, seed=0, condition=codes)
    assert images.dtype == np.float32 and images.shape == (N, 8, 8, 1)
    assert 0 <= images.min() and images.max() <= 1
    assert ((toy.seen(images)[:, :3] == codes).mean(0) > 0.9).all()


def test_the_second_stage_keeps_what_it_was_not_told_of(either):
    hidden = toy.seen(either.sample(N, seed=0))[:, 3]
    assert 0.2 < (hidden > 0).mean() < 0.8  # half of the training pictures


def test_what_is_not_named_is_drawn_from_those_that_agree(model):
    shown = toy.seen(model.sample(N, seed=0, condition=WEST))[:, :3]
    assert (shown[:, 0] == 1).mean() > 0.9
    assert (shown[:, 1] == -1).mean() > 0.9  # never together with the first
    assert abs((shown[:, 2] == 1).mean() - 0.25) < 0.13  # four standard errors
    condition = {"north_west": -1, "south_west": 1}
    shown = toy.seen(model.sample(N, seed=0, condition=condition))[:, :3]
    assert (shown[:, [0, 2]] == [-1, 1]).mean() > 0.9
    assert abs((shown[:, 1] == 1).mean() - 2 / 3) < 0.14


def test_conditions_are_drawn_as_often_as_they_are_in_the_training_set(model):
    _, attributes = toy.data(1024)
    shares = frequencies(attributes)
    np.testing.assert_allclose(
        frequencies(model.draw_conditions(20_000, seed=3)), shares, atol=0.015
    )
    west = np.where(toy.ROWS[:, 0] == 1, shares, 0)
    drawn = model.draw_conditions(20_000, seed=3, condition=WEST)
    np.testing.assert_allclose(frequencies(drawn), west / west.sum(), atol=0.015)
    np.testing.assert_array_equal(drawn, model.draw_conditions(20_000, seed=3, condition=WEST))
    assert (drawn != model.draw_conditions(20_000, seed=4, condition=WEST)).any()


def test_one_request_for_each_image(model):
    requests = [{"north_west": 1}, {"north_east": 1, "south_west": -1}] * (N // 2)
    codes = model.draw_conditions(N, seed=0, condition=requests)
    assert (codes[::2, 0] == 1).all() and (codes[1::2, 1:] == [1, -1]).all()
    assert set(codes[::2, 2]) == {-1, 1}  # open, and so drawn
    frequencies(codes)
    whole = np.broadcast_to(toy.ROWS[1], (N, 3))
    np.testing.assert_array_equal(
        model.sample(N, seed=1, condition=toy.ROWS[1]), model.sample(N, seed=1, condition=whole)
    )


@pytest.mark.parametrize("condition", [None, WEST])
def test_equal_seeds_give_equal_images_whatever_the_batch_size(model, condition):
    reference = model.sample(N, seed=5, condition=condition)
    np.testing.assert_array_equal(reference, model.sample(N, seed=5, condition=condition))
    again = model.sample(N, seed=5, condition=condition, batch_size=50)
    np.testing.assert_allclose(again, reference, atol=1e-6)
    other = model.sample(N, seed=6, condition=condition)
    assert np.abs(other - reference).max() > 1e-2
    assert np.abs(model.sample(N, condition=condition) - reference).max() > 1e-2
    batches = list(model.sample_batches(N, seed=5, batch_size=50, condition=condition))
    np.testing.assert_array_equal(np.concatenate(batches), again)


def test_noise_is_equal_across_conditions(model):
    """Where the condition has no strength, nothing else makes a difference."""
    ours, others = (model.sample(N, seed=2, condition=c, strength=0) for c in toy.ROWS[:2])
    np.testing.assert_array_equal(ours, others)
    assert np.abs(ours - model.sample(N, seed=2, condition=toy.ROWS[0])).max() > 0.1


@pytest.mark.parametrize("strength", [0.5, 1, 2.5])
def test_samples_are_the_chain_of_both_decoders_under_the_stronger_condition(model, strength):
    _, attributes = toy.data(1024)
    center = attributes.mean(0)
    codes = (center + strength * (toy.ROWS[2] - center)).astype("float32")
    u, noise, _ = next(noise_batches(N, toy.LATENT_DIM, 7, N, parts=3))
    condition = np.repeat(codes[None], N, 0)
    mean = flat(model.second_stage.decoder([u, condition]))[0]
    z = mean + model.second_stage.gamma * noise
    ours = model.sample(N, seed=7, condition=toy.ROWS[2], strength=strength)
    np.testing.assert_allclose(ours, model.first_stage.decode(z, condition=condition), atol=1e-5)
    if strength == 1:
        np.testing.assert_allclose(ours, model.decode(z, condition=toy.ROWS[2]), atol=1e-5)


BAD = {
    "unknown": ({"condition": {"north_wset": 1}}, "nearest: north_west.*Received: 'north_wset'"),
    "width": ({"condition": [1, 1]}, r"rows of 3 attributes.*Received: shape=\(1, 2\)"),
    "value": ({"condition": [1, 2, 1]}, "Received: values such as 2"),
    "named value": ({"condition": {"north_west": 3}}, "Received: 'north_west': 3"),
    "NaN": ({"condition": [1, np.nan, 1]}, "Received: NaN"),
    "a string": ({"condition": "north_west"}, "rows of 3 attributes"),
    "contradiction": (
        {"condition": {"north_west": 1, "north_east": 1}},
        "`condition` must agree with at least one training example .* Received",
    ),
    "one of many": (
        {"condition": [{"north_west": 1}, {"north_west": 1, "north_east": 1}]},
        "`condition` must agree with at least one training example .* Received",
    ),
    "too many": ({"condition": [[1, 1, 1]] * 3}, "`condition` must be one.*Received: 3 for n=2"),
    "strength": ({"strength": -1}, "`strength` must be a number from 0 to 100. Received"),
    "NaN strength": ({"strength": np.nan}, "`strength` must .* Received: strength=nan"),
    "stage": ({"stage": 3}, "`stage` must be 1, 2 or 'mixture'. Received: stage=3"),
    "mixture": ({"stage": "mixture"}, "needs a fitted mixture"),
    "seed": ({"seed": -1}, "`seed` must"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_are_named(model, case):
    arguments, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        model.sample(2, **arguments)


def test_a_bad_request_is_refused_before_the_first_batch(model):
    with pytest.raises(ValueError, match="nearest: north_east"):
        model.sample_batches(2, condition={"north_eats": 1})
    with pytest.raises(ValueError, match="must agree with"):
        model.sample_batches(2, condition={"north_west": 1, "north_east": 1})
