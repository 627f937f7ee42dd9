"""`ConditionAccuracy`: figures as of scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score

from keras_tsvae import metrics
from keras_tsvae.metrics import ConditionAccuracy
from tests import conditioned, tiny
from tests.callbacks import linear
from tests.conditioned import WIDTH, PixelJudge


@pytest.fixture(scope="module")
def judge():
    return PixelJudge()


@pytest.fixture(scope="module")
def class_judge():
    return PixelJudge(has_classes=True)


def test_attributes_have_balanced_accuracies(judge):
    rng = np.random.default_rng(0)
    asked = rng.random((300, WIDTH)) < [0.05, 0.5, 0.9]
    shown = asked ^ (rng.random((300, WIDTH)) < [0.1, 0.3, 0.5])
    images = conditioned.pictures(shown)
    expected = [balanced_accuracy_score(asked[:, i], shown[:, i]) for i in range(WIDTH)]
    names = ("hat", "smile", "beard")
    whole, in_parts = ConditionAccuracy(judge, names), ConditionAccuracy(judge, names)
    whole.update(images, 2 * asked.astype("int8") - 1)
    for rows in (slice(0, 1), slice(1, 290), slice(290, 300)):
        in_parts.update(np.rint(255 * images[rows]).astype("uint8"), asked[rows].astype("float32"))
    for accuracy in (whole, in_parts):
        scores = accuracy.result()
        assert list(scores.each) == ["hat", "smile", "beard"]
        np.testing.assert_allclose(list(scores.each.values()), expected, rtol=1e-12)
        assert scores.overall == pytest.approx(np.mean(expected), rel=1e-12)
        assert scores.num_samples == 300


def test_classes_have_recalls(class_judge):
    rng = np.random.default_rng(0)
    asked = rng.choice(WIDTH, 200, p=[0.7, 0.2, 0.1])
    shown = np.where(rng.random(200) < 0.6, asked, rng.integers(0, WIDTH, 200))
    accuracy = ConditionAccuracy(class_judge)
    images = conditioned.pictures(np.eye(WIDTH, dtype=bool)[shown])
    for rows in (slice(0, 150), slice(150, 200)):
        accuracy.update(images[rows], asked[rows])
    scores = accuracy.result()
    assert scores.overall == pytest.approx(accuracy_score(asked, shown), rel=1e-12)
    expected = recall_score(asked, shown, average=None)
    assert scores.each == pytest.approx(dict(zip("012", expected)), rel=1e-12)


def test_what_was_never_asked_for_has_no_figure(judge, class_judge):
    asked = np.array([[1, 1, -1], [1, -1, -1], [1, 1, -1]])
    shown = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 0]], bool)
    accuracy = ConditionAccuracy(judge)
    accuracy.update(conditioned.pictures(shown), asked)
    scores = accuracy.result()
    assert np.isnan([scores.each["0"], scores.each["2"]]).all()
    assert scores.overall == scores.each["1"] == 0.75  # (1/2 + 1) / 2
    accuracy.reset()
    accuracy.update(conditioned.pictures(shown)[:1], asked[:1])
    assert np.isnan(accuracy.result().overall)
    accuracy = ConditionAccuracy(class_judge)
    accuracy.update(conditioned.pictures(np.eye(WIDTH, dtype=bool)), [0, 1, 1])
    np.testing.assert_equal(accuracy.result().each, {"0": 1.0, "1": 0.5, "2": np.nan})
    assert accuracy.result().overall == pytest.approx(2 / 3)


def test_reset_forgets_and_memory_does_not_grow(judge):
    accuracy = ConditionAccuracy(judge)

    def sizes():
        return {name: getattr(value, "nbytes", 0) for name, value in vars(accuracy).items()}

    before = sizes()
    images, labels = conditioned.pictures(np.ones((5, WIDTH), bool)), np.ones((5, WIDTH))
    for _ in range(3):
        accuracy.update(images, labels)
    assert sizes() == before
    accuracy.reset()
    accuracy.update(images, labels)
    assert accuracy.result().num_samples == 5


@pytest.mark.parametrize(
    "images, conditions, rule",
    [
        (4, np.ones((4, 2)), r"`conditions` must have shape \(n, 3\)"),
        (4, np.ones(4), r"`conditions` must have shape \(n, 3\)"),
        (4, np.ones((5, 3)), "`conditions` must be as many as the images. Received: 5 for 4"),
        (4, np.full((4, 3), 2), r"must be \+1 and -1, or 1 and 0. Received: values \[2\]"),
        (4, [[0, 1, -1]] * 4, r"must be \+1 and -1, or 1 and 0"),
        (4, np.full((4, 3), np.nan), r"must be \+1 and -1, or 1 and 0"),
        (4, [["yes", "no", "no"]] * 4, r"must be \+1 and -1, or 1 and 0"),
        (np.full((4, 8, 8, 1), np.nan), np.ones((4, 3)), "`images` must hold finite values"),
        (np.zeros((4, 16, 16, 1)), np.ones((4, 3)), r"`images` must have the shape of the judge"),
        (np.zeros((0, 8, 8, 1)), np.ones((0, 3)), "`images` must not be empty"),
    ],
)
def test_bad_images_and_attributes_are_refused(judge, images, conditions, rule):
    accuracy = ConditionAccuracy(judge)
    with pytest.raises(ValueError, match=rule):
        accuracy.update(tiny.images(images) if isinstance(images, int) else images, conditions)
    with pytest.raises(ValueError, match="`update` must add images before `result`"):
        accuracy.result()


@pytest.mark.parametrize(
    "conditions, rule",
    [
        (np.array([0, 3]), "`conditions` must be classes from 0 to 2. Received: min=0, max=3"),
        (np.array([-1, 0]), "`conditions` must be classes from 0 to 2"),
        (np.array([0.0, 1.0]), r"`conditions` must be integers of shape \(n,\)"),
        (np.eye(3, dtype=int)[:2], r"`conditions` must be integers of shape \(n,\)"),
        (np.zeros(3, int), "Received: 3 for 2 images"),
    ],
)
def test_bad_classes_are_refused(class_judge, conditions, rule):
    with pytest.raises(ValueError, match=rule):
        ConditionAccuracy(class_judge).update(tiny.images(2), conditions)


def test_bad_judges_and_names_are_refused(judge):
    for bad in (linear.first_stage(), None, lambda images: images):
        with pytest.raises(ValueError, match="`judge` must be a trained keras_tsvae.metrics.Class"):
            ConditionAccuracy(bad)
    for names in (("a", "b"), ("a", "b", "a")):
        with pytest.raises(ValueError, match="`names` must be 3 different names"):
            ConditionAccuracy(judge, names)


def test_a_trained_classifier_is_a_judge():
    rng = np.random.default_rng(0)
    shown = rng.random((200, WIDTH)) < 0.5
    images = np.zeros((200, *tiny.IMAGE_SHAPE), "float32")
    images[:, :, 1:7:2, 0] = 0.9 * shown[:, None]
    trained = metrics.ClassifierFeatures.fit(images, shown, epochs=8, batch_size=32)
    accuracy = ConditionAccuracy(trained)
    accuracy.update(images, shown)
    assert accuracy.result().overall > 0.95
