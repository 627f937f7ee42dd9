"""What pictures show, as a recognizer finds it, also where labels are wrong."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.conditions import Attributes, Classes, JointConditions
from keras_tsvae.inputs.labelled import LabelledImages
from keras_tsvae.models.condition_recognizer import ConditionRecognizer
from tests import tiny
from tests.conditions import toy
from tests.reused import reused

pytestmark = pytest.mark.slow

IMAGES, ATTRIBUTES = toy.data(96)
QUICK = {"epochs": 0, "second_stage_epochs": 1, "recognizer_epochs": 0, "verbose": 0}


def learn(images, labels, conditions, epochs):
    """Returns a recognizer that has learnt from the labels, and these as codes."""
    labelled = LabelledImages(images, labels, conditions.encode, tiny.IMAGE_SHAPE, conditions.size)
    recognizer = ConditionRecognizer(tiny.IMAGE_SHAPE, conditions.kind, conditions.size)
    batches, steps, held_out = labelled.split(64)
    joint = JointConditions.from_batches(labelled.all_codes())
    recognizer.train_on(batches, held_out, joint, steps, epochs, verbose=0)
    recognizer.find_reliable(labelled.drawn(len(images)))
    return recognizer, labelled.codes


def share_at_random(recognizer):
    """What the recognizer takes for the share of labels that are given at random."""
    return keras.ops.convert_to_numpy(keras.ops.sigmoid(10 * recognizer.noise))


def test_wrong_attributes_are_corrected_and_chance_is_left_alone():
    """10 % flipped are 20 % at random; the last attribute is nothing but chance."""
    rng = np.random.default_rng(7)
    images, attributes = toy.data(3000)
    noisy = np.where(rng.random(attributes.shape) < 0.1, -attributes, attributes)
    noisy = np.concatenate([noisy, rng.choice([-1, 1], (3000, 1))], axis=1)
    recognizer, codes = learn(images, noisy, Attributes(["a", "b", "c", "chance"]), 8)
    assert ((0.07 < share_at_random(recognizer)) & (share_at_random(recognizer) < 0.25)).all()
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(recognizer.reliable), [1, 1, 1, 0])
    corrected = recognizer.corrected(images, codes)
    assert (corrected[:, :3] != attributes).mean() < 0.005
    np.testing.assert_array_equal(corrected[:, 3], noisy[:, 3])


def test_right_labels_are_found_to_be_right():
    images, attributes = toy.data(2000)
    recognizer, codes = learn(images, attributes, Attributes(toy.NAMES), 6)
    assert (share_at_random(recognizer) < 0.05).all()
    assert (recognizer.corrected(images, codes) != attributes).mean() < 0.002


def test_wrong_classes_are_corrected():
    rng = np.random.default_rng(7)
    images, attributes = toy.data(2000)
    classes = (attributes[:, 0] > 0) + 2 * (attributes[:, 2] > 0)
    noisy = np.where(rng.random(2000) < 0.2, rng.integers(0, 4, 2000), classes)
    recognizer, codes = learn(images, noisy, Classes(4), 8)
    assert share_at_random(recognizer) > 0.07
    assert (recognizer.corrected(images, codes).argmax(1) != classes).mean() < 0.01


def test_what_is_rare_and_last_is_left_alone(monkeypatch):
    """Reliable is only what was seen to be so, in images from all over the data."""
    monkeypatch.setattr("keras_tsvae.models.conditional_two_stage.RELIABLE_OF", 500)
    images, attributes = toy.data(1200)
    classes = (attributes[:, 0] > 0) + 2 * (attributes[:, 2] > 0)
    classes[-60:] = 4  # pictures like those of other classes
    model = toy.linear(Classes(6))
    model.fit(images, classes, **{**QUICK, "recognizer_epochs": 4})
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(model.recognizer.reliable), [1, 1, 1, 1, 0, 0]
    )
    assert np.isclose(model.joint.weights[model.joint.rows[:, 4] > 0].sum(), 60 / 1200)
    assert model.sample(1, condition=4).shape == (1, *tiny.IMAGE_SHAPE)
    with pytest.raises(ValueError, match="class of at least one training example. Received: 5"):
        model.sample(1, condition=5)
    with pytest.raises(ValueError, match="class of at least one training example. Received: 5"):
        model.sample(2, condition=[4, 5])


@pytest.mark.parametrize(
    "n, batch_size, fewest_to_split", [(200, 64, 400), (137, 128, 130), (128, 128, 400)]
)
def test_few_images_or_large_batches_teach_enough_too(n, batch_size, fewest_to_split, monkeypatch):
    monkeypatch.setattr("keras_tsvae.inputs.labelled.FEWEST_TO_SPLIT", fewest_to_split)
    images, attributes = toy.data(n)
    model = reused(toy.linear)
    quick = {**QUICK, "recognizer_epochs": None}
    model.fit(images, attributes, batch_size, **quick, second_stage_batch_size=64)
    unseen, expected = toy.data(300, seed=5)
    assert (model.infer_condition(unseen) == expected).mean() > 0.95


@pytest.mark.parametrize("kind", ["attributes", "classes"])
def test_the_loss_is_that_of_labels_some_of_which_are_random(kind):
    """-log of (1 - s) q(c|x) + s / K, in float64."""
    recognizer = ConditionRecognizer(tiny.IMAGE_SHAPE, kind, 3)
    share = np.array([0.1, 0.4, 0.8]) if kind == "attributes" else np.array([0.3])
    recognizer.noise.assign(np.log(share / (1 - share)) / 10)
    logits, true = np.random.default_rng(7).normal(0, 2, (5, 3)), np.array([0, 2, 1, 1, 0])
    one_hot = np.eye(3)[true]
    if kind == "attributes":
        there = (1 - share) / (1 + np.exp(-logits)) + share / 2
        expected = -np.log(np.where(one_hot > 0, there, 1 - there)).mean(axis=1)
        codes = 2 * one_hot - 1
    else:
        there = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        expected = -np.log((0.7 * there + 0.1)[np.arange(5), true])
        codes = one_hot
    loss = recognizer._loss(codes.astype("float32"), logits.astype("float32"))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(loss), expected, rtol=1e-5)


def test_wrong_labels_are_corrected_before_the_stages_see_them(tmp_path):
    images, attributes = toy.data(1024)
    flipped = np.random.default_rng(7).random(attributes.shape) < 0.1
    noisy = np.where(flipped, -attributes, attributes)
    model, path = reused(toy.linear), tmp_path / "posteriors.h5"
    model.fit(images, noisy, **{**QUICK, "recognizer_epochs": 8}, posteriors_path=path)
    learnt = tsvae.Posteriors.load(path).condition
    wrong = learnt != attributes
    assert wrong[flipped].mean() < 0.25 and wrong[~flipped].mean() < 0.01
    np.testing.assert_array_equal(model.recognizer.corrected(images, noisy), learnt)
    drawn = model.draw_conditions(5000, seed=0)  # as the stages saw them
    assert (drawn[:, :2] == 1).all(1).mean() < 0.01
    model.fit(images, noisy, **QUICK, posteriors_path=path, correct_conditions=False)
    np.testing.assert_array_equal(tsvae.Posteriors.load(path).condition, noisy)


def test_an_untrained_recognizer_corrects_nothing(tmp_path):
    model, path = reused(toy.linear), tmp_path / "posteriors.h5"
    model.recognizer.head.bias.assign([9, 9, 9])  # would say that everything is there
    model.fit(IMAGES, ATTRIBUTES, 16, **QUICK, posteriors_path=path)
    np.testing.assert_array_equal(tsvae.Posteriors.load(path).condition, ATTRIBUTES)


def test_only_sure_classes_are_corrected():
    model = toy.linear(Classes(3))
    model.recognizer.reliable.assign([1, 1, 0])  # what cannot be told is left alone
    model.recognizer.head.set_weights([np.zeros((128, 3)), np.log([0.8, 0.15, 0.05])])
    codes = np.eye(3, dtype="float32")
    np.testing.assert_allclose(model.recognizer.corrected(IMAGES[:3], codes), codes[[0, 0, 2]])
    model.recognizer.head.set_weights([np.zeros((128, 3)), np.log([0.7, 0.2, 0.1])])
    np.testing.assert_allclose(model.recognizer.corrected(IMAGES[:3], codes), codes)
