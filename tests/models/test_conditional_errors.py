"""What a user of a conditional model gets wrong, and what is said about it."""

import keras
import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.conditions import Attributes, Classes
from tests import tiny
from tests.conditions import toy
from tests.models.test_conditional_training import Batches, tf_data
from tests.reused import reused

pytestmark = pytest.mark.slow

IMAGES, ATTRIBUTES = toy.data(32)
CONDITIONS = Attributes(toy.NAMES)
SPOILT = ATTRIBUTES.astype("float32")
SPOILT[20, 1] = np.nan
LABELS = {
    "none": (None, "`y` must hold the condition of each image.*Received: images alone"),
    "too few": (ATTRIBUTES[:30], "`y` must hold one condition.*Received: 30 for 32 images"),
    "width": (ATTRIBUTES[:, :2], r"`(conditions|y)` must be rows of 3 .* Received: .*\(32, 2\)"),
    "value": (2 * ATTRIBUTES, "`(conditions|y)` must be .* Received: values such as -?2"),
    "NaN": (SPOILT, "`(conditions|y)` must be .* Received: NaN or infinity"),
}


def untouched(model):
    return int(keras.ops.convert_to_numpy(model.second_stage.optimizer.iterations)) == 0


@pytest.mark.parametrize("case", LABELS)
@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_bad_labels_are_named(case, method):
    labels, message = LABELS[case]
    model = reused(toy.linear)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(IMAGES, labels, batch_size=16)
    message = message.replace("`y`", "`validation_data`").replace("|y)", "|validation_data)")
    with pytest.raises(ValueError, match=message):
        model.fit(IMAGES, ATTRIBUTES, 16, validation_data=(IMAGES, labels), verbose=0)
    assert untouched(model)


@pytest.mark.parametrize("form", [Batches, tf_data])
@pytest.mark.parametrize("case", ["width", "value", "NaN"])
def test_bad_labels_in_a_stream_are_named(case, form):
    labels, message = LABELS[case]
    model = reused(toy.linear)
    message = message.replace("32, 2", "16, 2")
    with pytest.raises(ValueError, match=message):
        model.fit(form(IMAGES, labels), verbose=0)
    assert untouched(model)


def test_streams_without_labels_are_named():
    tf = pytest.importorskip("tensorflow")
    images = tf.data.Dataset.from_tensor_slices(IMAGES).batch(16)
    with pytest.raises(ValueError, match="`x` must .*pair.*Received: "):
        reused(toy.linear).fit(images)
    alone = Batches(IMAGES, ATTRIBUTES)
    alone.__class__ = type("Alone", (Batches,), {"__getitem__": lambda s, i: (IMAGES[:16],)})
    with pytest.raises(ValueError, match="`x` must .*pair.*Received: "):
        reused(toy.linear).fit(alone)


@pytest.mark.parametrize(
    "bad, message",
    [
        (IMAGES[:, :7], r"`x` must hold images of shape \(8, 8, 1\).*\(7, 8, 1\)"),
        (IMAGES / 1.0, r"`x` must hold finite values in \[0, 1\]"),
        (IMAGES[..., 0], "rank 4"),
    ],
)
def test_bad_images_are_named_also_by_a_trained_recognizer(bad, message):
    model = reused(toy.linear)
    model.recognizer.trained.assign(1.0)
    with pytest.raises(ValueError, match=message):
        model.fit(bad, ATTRIBUTES, 16, verbose=0)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"batch_size": 0}, ValueError, "`batch_size` must be a positive integer"),
        ({"second_stage_batch_size": 0.5}, ValueError, "`second_stage_batch_size` must be a pos"),
        ({"posteriors_memory_limit": -1}, ValueError, "memory_limit"),
        ({"epohs": 3}, TypeError, "epohs"),
        ({"callbacks": [keras.callbacks.BackupAndRestore("x")]}, ValueError, "BackupAndRestore"),
        ({"validation_data": (IMAGES[:, :7], ATTRIBUTES)}, ValueError, r"shape \(8, 8, 1\)"),
    ],
)
def test_bad_arguments_are_named_before_the_recognizer_is_trained(arguments, error, message):
    model = reused(toy.linear)
    with pytest.raises(error, match=message):
        model.fit(IMAGES, ATTRIBUTES, **arguments, verbose=0)
    assert not model.recognizer.is_trained


def test_a_missing_compile_is_named_before_the_recognizer_is_trained():
    model = toy.model()
    with pytest.raises(ValueError, match="compile"):
        model.fit(IMAGES, ATTRIBUTES, verbose=0)
    assert not model.recognizer.is_trained


def test_a_model_that_has_not_been_fitted_says_so():
    model = reused(toy.linear)
    for use in (
        lambda: model.sample(2),
        lambda: model.sample(2, condition=[1, 1, 1]),
        lambda: model.sample_batches(2, condition={"north_west": 1}),
        lambda: model.draw_conditions(2),
        lambda: model.infer_condition(IMAGES),
        lambda: model.edit(IMAGES, {"north_west": 1}),
        lambda: model.traverse(IMAGES[0], "north_west"),
    ):
        with pytest.raises(ValueError, match="must be fitted .* Received: an untrained Cond"):
            use()


def test_stages_and_conditions_that_do_not_fit():
    def first(**kwargs):
        return tsvae.FirstStageVAE(tiny.encoder(**kwargs), tiny.decoder(**kwargs))

    def second(**kwargs):
        return tsvae.SecondStageVAE(4, 8, 1, **kwargs)

    three = {"condition_dim": 3}
    for stages in ((first(**three), second()), (first(), second(**three))):
        with pytest.raises(ValueError, match="without conditions: .*Received: condition_dim=3"):
            tsvae.TwoStageVAE(*stages)
    make = tsvae.ConditionalTwoStageVAE
    with pytest.raises(ValueError, match="must be conditioned.*Received: .*None and None"):
        make(first(), second(), CONDITIONS)
    with pytest.raises(ValueError, match="`conditions`, 3. Received: condition_dim=3 and 2"):
        make(first(**three), second(condition_dim=2), CONDITIONS)
    with pytest.raises(ValueError, match="`(conditions|y)` must be one of .*Received: .*=list"):
        make(first(**three), second(), list(toy.NAMES))


def test_what_cannot_be_wrapped():
    wrap = tsvae.ConditionalTwoStageVAE.wrap
    for model in (reused(toy.linear).second_stage, None, "mnist.keras"):
        with pytest.raises(ValueError, match="`model` must be a trained TwoStageVAE"):
            wrap(model, CONDITIONS)
    with pytest.raises(ValueError, match="`model` must be .* without conditions. Received"):
        wrap(reused(toy.linear), CONDITIONS)  # whose second stage is told
    told = tsvae.FirstStageVAE(tiny.encoder(condition_dim=3), tiny.decoder(condition_dim=3))
    with pytest.raises(ValueError, match="`model` must be .* without conditions. Received"):
        wrap(told, CONDITIONS)
    with pytest.raises(ValueError, match="`(conditions|y)` must be one of .*Received: .*=list"):
        wrap(reused(tiny.two_stage), list(toy.NAMES))
    with pytest.raises(ValueError, match="`conditioning` must be one of"):
        wrap(reused(tiny.two_stage), CONDITIONS, conditioning="film")


def test_the_class_of_one_image_can_be_given_by_its_name():
    model = toy.linear(Classes(names=["a", "b"]), seen=np.eye(2))
    expected = model.traverse(IMAGES[0], "b", 3, condition=0)
    assert np.abs(expected[0] - expected[-1]).max() > 0
    np.testing.assert_array_equal(
        model.edit(IMAGES[:1], 1, condition="a"), model.edit(IMAGES[:1], 1, condition=0)
    )
    np.testing.assert_array_equal(model.traverse(IMAGES[0], "b", 3, condition="a"), expected)


def test_unknown_classes_are_named():
    model = toy.linear(Classes(names=["cat", "dog"]), seen=np.eye(2))
    with pytest.raises(ValueError, match="labels from 0 to 1. Received: 2"):
        model.sample(2, condition=2)
    with pytest.raises(ValueError, match="nearest: dog. Received: 'dig'"):
        model.sample(2, condition="dig")


@pytest.mark.parametrize("form", [lambda x, y: x, Batches, tf_data])
def test_conditions_given_with_images_are_taken(form):
    """Not overruled by those that the recognizer infers."""
    model, x = toy.linear(seen=np.ones((1, 3))), form(IMAGES, ATTRIBUTES)
    model.recognizer.head.set_weights([np.zeros((128, 3)), np.full(3, 9.0)])
    shown = np.ones((32, 3)) if x is IMAGES else ATTRIBUTES  # a stream has its own
    np.testing.assert_array_equal(model.posteriors(x).condition, shown)
    given = model.posteriors(x, condition=ATTRIBUTES).condition
    np.testing.assert_array_equal(given, ATTRIBUTES)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports with TensorFlow alone")
def test_a_conditional_model_says_that_it_cannot_be_exported(tmp_path):
    with pytest.raises(ValueError, match="condition"):
        reused(toy.linear).export(tmp_path / "model")
    assert not list(tmp_path.iterdir())
