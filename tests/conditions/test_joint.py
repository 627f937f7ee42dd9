import numpy as np
import pytest

from keras_tsvae.conditions import JointConditions, joint

pytestmark = pytest.mark.backend_free

ROWS = np.array([[1, 1, -1], [1, -1, -1], [-1, -1, 1], [-1, 1, 1]], "float32")
COUNTS = np.array([50, 25, 15, 10])
CODES = np.random.default_rng(0).permutation(np.repeat(ROWS, COUNTS, axis=0))
UNIFORM = (np.arange(20_000) + 0.5) / 20_000  # so that frequencies are exact


def frequencies(drawn):
    """How often each of the known rows was drawn; fails on a row unseen in training."""
    equal = (drawn[:, None] == ROWS).all(-1)
    assert equal.any(1).all()
    return equal.mean(0)


@pytest.mark.parametrize("size", [1, 30, 100])
def test_distinct_rows_and_their_shares_are_kept(size):
    kept = JointConditions.from_batches(CODES[i : i + size] for i in range(0, 100, size))
    assert kept.rows.shape == (4, 3) and len(np.unique(kept.rows, axis=0)) == 4
    np.testing.assert_allclose(frequencies(kept.draw(UNIFORM)), COUNTS / 100, atol=1e-3)
    np.testing.assert_allclose(kept.center, CODES.mean(0), atol=1e-6)
    np.testing.assert_allclose(kept.spread, CODES.std(0), atol=1e-6)


def test_what_is_open_follows_what_is_named():
    kept = JointConditions(ROWS, COUNTS)
    drawn = kept.draw(UNIFORM, np.array([0, -1, 0.0]), np.array([False, True, False]))
    np.testing.assert_allclose(frequencies(drawn), [0, 25 / 40, 15 / 40, 0], atol=1e-3)
    drawn = kept.draw(UNIFORM, np.array([-1, 1, 0.0]), np.array([True, True, False]))
    np.testing.assert_allclose(frequencies(drawn), [0, 0, 0, 1])


def test_a_whole_condition_need_not_have_been_seen():
    drawn = JointConditions(ROWS, COUNTS).draw(UNIFORM[:5], np.ones(3), np.ones(3, bool))
    np.testing.assert_array_equal(drawn, np.ones((5, 3)))


def test_a_contradiction_is_named():
    with pytest.raises(ValueError, match="`condition` must agree with at least one training"):
        JointConditions(ROWS, COUNTS).draw(UNIFORM, np.array([1, 0, 1.0]), np.array([1, 0, 1]) > 0)


def test_what_is_named_need_not_be_the_same_to_the_last_bit():
    kept = JointConditions([[0.1, 2], [0.3, 4]], [1, 1])
    for value in (0.1, 0.1 + 1e-8):  # 0.1 as a float32 is neither
        drawn = kept.draw(UNIFORM[:2], np.array([value, 0]), np.array([True, False]))
        np.testing.assert_array_equal(drawn[:, 1], [2, 2])


def test_the_extremes_of_the_uniform_numbers_are_rows():
    kept = JointConditions(ROWS, COUNTS)
    assert frequencies(kept.draw(np.array([0.0, 1.0, np.nextafter(1, 0)]))).sum() == 1


def test_what_never_changes_has_a_spread_of_one():
    np.testing.assert_array_equal(JointConditions([[3, 2], [3, 6]], [5, 5]).spread, [1, 2])


@pytest.mark.parametrize("rows", [ROWS, np.eye(3), np.array([[0.5, 2], [1, -7]]), ROWS[:1]])
def test_what_is_stored_is_what_was_kept(rows):
    kept, store = JointConditions(rows, COUNTS[: len(rows)]), {}
    kept.save_own_variables(store)
    again = JointConditions.from_own_variables(store)
    np.testing.assert_array_equal(again.rows, kept.rows)
    np.testing.assert_array_equal(again.draw(UNIFORM), kept.draw(UNIFORM))
    assert JointConditions.from_own_variables({}) is None


def test_forty_attributes_are_kept_as_bits():
    rows = np.unique(np.random.default_rng(0).choice([-1, 1], (1000, 40)), axis=0)
    store = {}
    JointConditions(rows, np.ones(len(rows))).save_own_variables(store)
    assert store["joint_rows"].nbytes == len(rows) * 40 / 8


def test_of_too_many_rows_a_fair_choice_is_kept(monkeypatch):
    monkeypatch.setattr(joint, "MAX_ROWS", 500)
    codes = np.random.default_rng(1).normal(size=(5000, 2)) + [[0, 3]]
    codes[:, 0] = np.linspace(-1, 1, 5000)  # so that it would show if late ones were preferred
    kept = JointConditions.from_batches(np.split(codes, 50))
    assert 200 < len(kept.rows) <= 500
    assert set(map(tuple, kept.rows)) <= set(map(tuple, codes.astype("float32")))
    np.testing.assert_allclose(kept.center, [0, 3], atol=0.2)  # three standard errors of 250 rows
    np.testing.assert_allclose(kept.spread, [3**-0.5, 1], rtol=0.15)


def test_memory_is_for_a_bounded_number_of_rows(monkeypatch):
    monkeypatch.setattr(joint, "MAX_ROWS", 500)
    sizes, distinct = [], joint._distinct
    monkeypatch.setattr(
        joint, "_distinct", lambda rows, counts: sizes.append(len(rows)) or distinct(rows, counts)
    )
    codes = np.random.default_rng(1).normal(size=(5000, 2))
    JointConditions.from_batches(np.split(codes, 50))
    assert len(sizes) > 2 and max(sizes) <= 500 + 500 + 100


def test_processes_that_left_out_rows_count_as_all_they_saw(monkeypatch):
    """One that saw 4,000 conditions beside one that saw 400."""
    monkeypatch.setattr(joint, "MAX_ROWS", 500)
    there = []
    monkeypatch.setattr(joint, "gather", lambda array: there.append(array) or [array])
    many = np.random.default_rng(1).normal(5, 1, (4000, 1))
    JointConditions.from_batches(np.split(many, 40))
    arrays = iter(there[:])
    monkeypatch.setattr(joint, "gather", lambda array: [array, next(arrays)])
    whole = JointConditions.from_batches([np.random.default_rng(2).normal(-5, 1, (400, 1))])
    assert 600 < len(whole.rows) <= 900
    share = whole.weights[whole.rows[:, 0] < 0].sum()
    np.testing.assert_allclose(share, 400 / 4400, rtol=0.2)


def test_of_too_many_rows_the_common_ones_stay_common(monkeypatch):
    monkeypatch.setattr(joint, "MAX_ROWS", 500)
    codes = np.random.default_rng(1).normal(size=(5000, 2))
    codes[::2] = 7  # half of all images have one condition
    kept = JointConditions.from_batches(np.split(codes, 50))
    common = (kept.draw(UNIFORM) == 7).all(1).mean()
    np.testing.assert_allclose(common, 0.5, atol=0.1)


# Hats go with hair alone; who is not bald has fair or dark hair, and the bald have neither.
BALD, FAIR, DARK, HAT = range(4)
PEOPLE = np.array(
    [[1, -1, -1, -1], [-1, 1, -1, 1], [-1, 1, -1, -1], [-1, -1, 1, 1], [-1, -1, 1, -1]], "float32"
)
KNOWN = JointConditions(PEOPLE, [10, 20, 20, 10, 10])


def test_what_never_occurs_is_not_possible():
    assert KNOWN.possible(PEOPLE).all()
    never = np.array([[-1, 1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1], [-1, -1, -1, -1]])
    assert not KNOWN.possible(never).any()  # two colours, bald blond, bald with hat, no hair


def test_attributes_that_depend_on_nothing_are_always_possible():
    rows = np.stack(np.meshgrid(*[[-1, 1]] * 3), -1).reshape(-1, 3)
    assert JointConditions(rows[1:], np.ones(7)).possible(rows).all()


def test_a_flipped_attribute_takes_along_what_it_has_to():
    fair_with_hat, bald = PEOPLE[[1]], PEOPLE[[0]]
    for before, number, after in (
        (fair_with_hat, HAT, [-1, 1, -1, -1]),  # alone
        (fair_with_hat, DARK, [-1, -1, 1, 1]),
        (fair_with_hat, FAIR, [-1, -1, 1, 1]),
        (bald, BALD, [-1, 1, -1, -1]),  # fair hair is the commonest
        (bald, DARK, [-1, -1, 1, -1]),
    ):
        flipped, possible = KNOWN.flipped(before, number)
        assert possible.all() and flipped.tolist() == [after]


def test_a_flip_that_would_take_two_others_along_is_not_possible():
    flipped, possible = KNOWN.flipped(PEOPLE[[1, 2]], BALD)  # off with the hair, and the hat
    assert possible.tolist() == [False, True]
    assert flipped[1].tolist() == [1, -1, -1, -1]
