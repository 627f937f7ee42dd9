"""`flip_test` and `edit_test`: figures as of counting."""

import numpy as np
import pytest

from keras_tsvae.conditions import JointConditions, Number
from keras_tsvae.evaluation.flip_test import flip_figures
from keras_tsvae.evaluation.judged_conditions import labels_of
from keras_tsvae.metrics import edit_test, flip_test
from keras_tsvae.metrics.judging import as_judge
from tests import conditioned
from tests.callbacks import linear
from tests.conditioned import RATES, WIDTH, Conditions, PixelJudge

CLASSES = Conditions("classes", None)
NUMBER = Conditions("number", None, 1)


@pytest.fixture(scope="module")
def judge():
    return PixelJudge()


@pytest.fixture(scope="module")
def class_judge():
    return PixelJudge(has_classes=True)


def test_numbers_are_rounded_to_classes():
    labels = labels_of(Number(), np.array([[0.9999], [2.0001], [3]]))
    np.testing.assert_array_equal(labels, [1, 2, 3], strict=True)


@pytest.mark.parametrize("names", [None, ("hat", "beard")])
def test_flips_of_attributes(judge, names):
    model = conditioned.FakeModel()
    figures = flip_test(model, judge, flips=90, names=names, seed=3, strength=0.9, batch_size=40)
    tested = [0, 1, 2] if names is None else [0, 2]
    codes = conditioned.draw(model.conditions, 90, 3)
    before = conditioned.shows(model.conditions, codes, seed=3, strength=0.9)
    assert list(figures) == [model.conditions.names[i] for i in tested]
    for i in tested:
        flipped = codes.copy()
        flipped[:, i] = -codes[:, i]
        after = conditioned.shows(model.conditions, flipped, seed=3, strength=0.9)
        pairs = list(zip(before[:, i], after[:, i], flipped[:, i] > 0))
        target = sum(b != a and a == asked for b, a, asked in pairs) / 90
        others = np.mean([before[:, j] != after[:, j] for j in tested if j != i])
        expected = {"target": target, "others": others}
        assert figures[model.conditions.names[i]] == pytest.approx(expected, rel=1e-12)
    assert figures["hat"]["target"] == pytest.approx(0.9 * RATES[0], abs=0.1)
    assert figures["hat"]["others"] == 0
    if names is None:
        assert figures["beard"]["others"] > 0  # bearded ones smile
    assert set(model.calls) == {(90, 2, 0.9)}


def test_flips_that_are_not_possible_do_not_count(judge):
    """Hats come with smiles and beards alone, and neither of these without the other."""
    rows = np.array([[1, 1, 1], [-1, 1, 1], [-1, -1, -1]], "float32")
    model = conditioned.FakeModel()
    model.joint = JointConditions(rows, [1, 1, 1])
    codes = rows[np.random.default_rng(0).integers(0, 3, 90)]
    model.draw_conditions = lambda n, seed=None: codes
    figures = flip_test(model, judge, flips=90, seed=3)
    before = conditioned.shows(model.conditions, codes, seed=3)
    flipped = codes * [-1, 1, 1]
    after = conditioned.shows(model.conditions, flipped, seed=3)
    possible = codes[:, 1] > 0  # a hat alone is not, with one attribute more neither
    assert 0 < possible.sum() < 90
    changed = before != after
    target = (changed[:, 0] & (after[:, 0] == (flipped[:, 0] > 0)))[possible]
    assert figures["hat"]["target"] == pytest.approx(target.mean(), rel=1e-12)
    assert figures["hat"]["others"] == pytest.approx(changed[possible][:, 1:].mean(), abs=1e-12)
    # A smile comes or goes with the beard, which does not count; of those with hats it cannot go.
    alone = codes[:, 0] < 0
    flipped = codes * [1, -1, -1]
    after = conditioned.shows(model.conditions, flipped, seed=3)
    changed = before != after
    target = (changed[:, 1] & (after[:, 1] == (flipped[:, 1] > 0)))[alone]
    assert figures["smile"]["target"] == pytest.approx(target.mean(), rel=1e-12)
    assert figures["smile"]["others"] == pytest.approx(changed[alone, 0].mean(), abs=1e-12)

    half = np.arange(90) % 2 == 0

    def seen(labels):  # half of those who smile seem to have hats
        shown = labels > 0
        shown[:, 0] |= shown[:, 1] & half
        return shown

    labels = model.conditions.decode(codes)
    figures = flip_figures(model, as_judge(judge), labels, seen)
    assert figures["smile"]["others"] == pytest.approx(half[alone].mean(), rel=1e-12)


@pytest.mark.parametrize("conditions", [CLASSES, NUMBER])
def test_flips_of_classes(class_judge, conditions):
    model = conditioned.FakeModel(conditions)
    figures = flip_test(model, class_judge, flips=80, seed=1)
    codes = conditioned.draw(conditions, 80, 1)
    labels = np.rint(conditions.decode(codes)).astype(int)
    before = conditioned.shows(conditions, codes, seed=1).argmax(1)
    for i in range(WIDTH):
        others = labels != i
        asked = conditions.encode(np.full(80, i))
        after = conditioned.shows(conditions, asked, seed=1).argmax(1)
        expected = np.mean(((after == i) & (before != i))[others])
        assert figures[str(i)]["target"] == pytest.approx(expected, rel=1e-12)
        assert np.isnan(figures[str(i)]["others"])


@pytest.mark.parametrize("conditions", [Conditions(), CLASSES])
def test_edits_change_what_they_shall(judge, class_judge, conditions):
    model, one_of_all = conditioned.FakeModel(conditions), conditions.kind == "classes"
    images, labels = conditioned.real(60, conditions)
    figures = edit_test(model, images, labels, class_judge if one_of_all else judge)
    before = conditioned.reconstructed(images)
    pixels = before[:, 0, :WIDTH, 0]
    for i, row in enumerate(figures.values()):
        changed = conditions.encode(np.full(60, i)) if one_of_all else labels.copy()
        if one_of_all:
            expected = (pixels.argmax(1) != i)[labels != i]
        else:
            changed[:, i] *= -1
            expected = (pixels[:, i] > 0.5) == (labels[:, i] > 0)
            assert row["others"] == 0
        assert row["target"] == pytest.approx(expected.mean(), rel=1e-12)
        after = np.where(changed > 0, 0.7, 0.1)
        differ = changed != conditions.encode(labels)
        moved = np.square(after - pixels)[differ].sum() / before.size
        assert row["moved"] == pytest.approx(moved, rel=1e-5)
        assert row["error"] == pytest.approx(np.mean(np.square(before - images / 255)), rel=1e-5)


def test_edits_refuse_labels_that_do_not_fit(judge):
    images, labels = conditioned.real(6, Conditions())
    with pytest.raises(ValueError, match="`labels` must be as many .* Received: 5 for 6 images"):
        edit_test(conditioned.FakeModel(), images, labels[:5], judge)


def test_a_deaf_model_never_flips(judge, class_judge):
    for conditions, kind in ((Conditions(), judge), (CLASSES, class_judge)):
        figures = flip_test(conditioned.FakeModel(conditions), kind, flips=30, strength=0.0)
        assert {row["target"] for row in figures.values()} == {0.0}


def test_flips_refuse_what_does_not_fit(judge, class_judge):
    model = conditioned.FakeModel()
    with pytest.raises(ValueError, match="`model` must be a ConditionalTwoStageVAE"):
        flip_test(linear.two_stage(), judge)
    cases = [
        (Conditions(), class_judge),
        (CLASSES, judge),
        (NUMBER, judge),
        (Conditions("vector", None), judge),
        (Conditions("vector", None), class_judge),
        (Conditions(size=5), judge),
    ]
    for conditions, kind in cases:
        with pytest.raises(ValueError, match="`judge` must know the attributes or classes"):
            flip_test(conditioned.FakeModel(conditions), kind)
    with pytest.raises(ValueError, match="`judge` must be trained on images of the model's shape"):
        flip_test(model, PixelJudge(image_shape=(16, 16, 1)))
    with pytest.raises(ValueError, match="`flips` must be a positive integer"):
        flip_test(model, judge, flips=0)
    with pytest.raises(ValueError, match=r"`names` must be among .* Received: \['nose'\]"):
        flip_test(model, judge, names=["hat", "nose"])
