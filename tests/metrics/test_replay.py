"""Training examples drawn again, of distributions of which all is known."""

import numpy as np
import pytest

from keras_tsvae.metrics import Replay, replay, replay_share

pytestmark = pytest.mark.backend_free

RNG = np.random.default_rng(0)
TRAIN, HELD_OUT, NEW = (RNG.standard_normal((n, 6)) for n in (8000, 2000, 2000))
WITHIN = 3 * np.sqrt(2 * 0.05 * 0.95 / 2000)  # of two shares of 2000


@pytest.fixture(scope="module")
def found():
    return Replay(TRAIN, HELD_OUT)


def test_copies_are_replay_and_new_draws_are_none(found):
    assert found.fair == 0.05
    assert found.share(TRAIN[:2000]) == 1.0
    assert abs(found.share(NEW) - 0.05) < WITHIN
    half = np.concatenate([TRAIN[:1000], NEW[:1000]])
    assert abs(found.share(half) - 0.525) < WITHIN
    assert replay_share(NEW, TRAIN, HELD_OUT) == found.share(NEW)


def test_near_copies_are_replay(found):
    assert found.share(TRAIN[:2000] + 0.05 * NEW) > 0.99


def test_the_threshold_is_that_of_the_closed_form(found):
    """Of evenly spread points, `P(r <= t) = 1 - (1 - t^D)^49`, wherever they are."""
    closed_form = (1 - 0.95 ** (1 / 49)) ** (1 / 6)
    np.testing.assert_allclose(found.threshold, closed_form, rtol=0.1)


@pytest.mark.parametrize("change", [0.5 * NEW, 0.7 * NEW, 0.5 * NEW + [1, 0, 0, 0, 0, 0]])
def test_what_is_frequent_or_smooth_is_hardly_replay(found, change):
    assert found.share(change) < 0.1


def test_a_distance_alone_would_not_tell_density_from_copies():
    """A tenth of the data lies a hundred times as close together; a model draws nothing else."""
    scale = np.where(np.arange(8000) % 10, 1.0, 0.01)[:, None]
    train, held_out, drawn = TRAIN * scale, HELD_OUT[:500] * scale[:500], 0.01 * NEW[:500]
    assert Replay(train, held_out).share(drawn) < 0.1
    near = [np.sqrt(np.square(x[:, None] - train).sum(-1).min(1)) for x in (held_out, drawn)]
    assert (near[1] < np.quantile(near[0], 0.1)).mean() > 0.9


def test_scale_and_place_do_not_matter(found):
    moved = [1e3 + 10 * rows for rows in (TRAIN, HELD_OUT, NEW)]
    other = Replay(*moved[:2])
    np.testing.assert_allclose(other.threshold, found.threshold, rtol=1e-3)
    assert abs(other.share(moved[2]) - found.share(NEW)) < 2e-3
    assert other.share(moved[0][:100]) == 1.0


def test_it_is_that_of_all_distances_in_blocks_of_any_size(found, monkeypatch):
    distances = np.sqrt(np.square(NEW[:200, None] - TRAIN).sum(-1))
    distances.sort(1)
    expected = (distances[:, 0] / distances[:, 49] <= found.threshold).mean()
    assert found.share(NEW[:200]) == expected
    for size in (1, 70 * 8000):
        monkeypatch.setattr(replay, "_DISTANCES_AT_ONCE", size)
        assert found.share(NEW[:200]) == expected


def test_held_out_examples_that_are_training_examples_are_told():
    found = Replay(TRAIN, np.concatenate([TRAIN[:500], HELD_OUT[:500]]))
    assert (found.threshold, found.fair) == (0.0, 0.5)
    assert (found.share(NEW), found.share(TRAIN[:9])) == (0.0, 1.0)


def test_few_examples_and_equal_ones():
    assert Replay(TRAIN[:2], HELD_OUT[:5]).share(TRAIN[:2]) == 1.0
    equal = Replay(np.ones((90, 3)), HELD_OUT[:50, :3])
    assert equal.share(np.ones((2, 3))) == 1.0
    assert Replay(np.arange(90)[:, None], [[0.5], [7.3]]).share(np.array([[3]], "uint8")) == 1.0


@pytest.mark.parametrize(
    "train, held_out, samples, message",
    [
        (TRAIN[:1], HELD_OUT, NEW, r"`train` must .* \(n, d\), n at least 2"),
        (TRAIN, HELD_OUT[:0], NEW, r"`held_out` must .* \(n, 6\), n at least 1. Received"),
        (TRAIN[:60], HELD_OUT, NEW[:, :5], r"`samples` must .* shape=\(2000, 5\)"),
        (TRAIN[:60], HELD_OUT, np.full((2, 6), np.nan), "`samples` must be finite"),
        ([["a"], ["b"]], HELD_OUT, NEW, "`train` must be finite numbers"),
    ],
)
def test_bad_arguments_are_named(train, held_out, samples, message):
    with pytest.raises(ValueError, match=message):
        replay_share(samples, train, held_out)
