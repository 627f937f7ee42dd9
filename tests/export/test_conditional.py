"""The SavedModel of a conditional model gives what the model itself gives."""

import keras
import numpy as np
import pytest

from keras_tsvae.conditions import Attributes, Classes
from keras_tsvae.export.saved_sampler import SavedSampler
from tests.conditions import toy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow exports"),
]
IMAGES, ATTRIBUTES = toy.data(24, seed=3)
FLOATS = (IMAGES / 255).astype("float32")
CODES = ATTRIBUTES.astype("float32")


def exported(model, folder):
    import tensorflow as tf

    model.export(folder)
    return tf.saved_model.load(folder)


@pytest.fixture(scope="module")
def model():
    return toy.fitted("modulate")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("conditional") / "saved_model"


@pytest.fixture(scope="module")
def sampler(model, folder):
    return exported(model, str(folder))


def drawn(sampler, n, **options):
    (images,) = sampler.sample_batches(n, **options)
    return images


def assert_close(theirs, ours):
    np.testing.assert_allclose(np.asarray(theirs), ours, atol=1e-5)


def test_samples_are_those_of_the_model(model, sampler):
    assert_close(sampler.sample(300, seed=4), model.sample(300, seed=4))
    assert_close(sampler.sample_stage1(9, seed=4), model.sample(9, stage=1, seed=4))
    assert_close(
        sampler.sample_conditioned(CODES, seed=4), model.sample(24, seed=4, condition=CODES)
    )
    assert np.abs(sampler.sample(2) - sampler.sample(2)).max() > 0


def test_what_is_nan_is_drawn_from_the_training_conditions_that_agree(model, sampler):
    asked = np.tile(np.float32([1, np.nan, np.nan]), (300, 1))
    images = np.asarray(sampler.sample_conditioned(asked, seed=1))
    assert_close(images, model.sample(300, seed=1, condition={"north_west": 1}))
    asked = np.tile(np.float32([np.nan, 1, np.nan]), (24, 1))
    edited = model.edit(FLOATS, {"north_east": 1}, condition=CODES)
    assert_close(sampler.edit(FLOATS, CODES, asked), edited)


@pytest.mark.parametrize("row", [[1, 0, 1], [1, -1, 1], [0, 0, 0]])
def test_a_row_means_the_same_as_in_the_model(model, sampler, row):
    rows = np.tile(np.float32(row), (24, 1))
    assert_close(sampler.sample_conditioned(rows, seed=3), model.sample(24, seed=3, condition=rows))
    edited = model.edit(FLOATS, rows, condition=CODES)
    assert_close(sampler.edit(FLOATS, CODES, rows), edited)
    assert_close(model.edit(FLOATS, rows[0], condition=CODES), edited)


def test_integers_are_taken_as_conditions(model, sampler):
    rows = np.array([[1, 0, 1], [0, 1, 0]])
    expected = model.sample(2, seed=2**40 + 1, condition=rows)
    for dtype in ("int64", "int32", "float64"):
        assert_close(sampler.sample_conditioned(rows.astype(dtype), seed=2**40 + 1), expected)


def test_conditions_and_images_go_one_to_one(sampler):
    import tensorflow as tf

    doors = {
        "condition": [
            lambda: sampler.encode(FLOATS, CODES[:3]),
            lambda: sampler.reconstruct(FLOATS, CODES[:1]),
            lambda: sampler.decode(np.zeros((2, 4)), CODES),
            lambda: sampler.edit(FLOATS, CODES[:3], CODES),
        ],
        "new_condition": [lambda: sampler.edit(FLOATS, CODES, CODES[:3])],
    }
    for name, calls in doors.items():
        for call in calls:
            with pytest.raises(
                tf.errors.InvalidArgumentError, match=f"`{name}` must have one row for each image"
            ):
                call()


def test_edits_reconstructions_and_codes_are_those_of_the_model(model, sampler):
    changed = CODES * np.float32([1, 1, -1])
    assert_close(sampler.edit(FLOATS, CODES, changed), model.edit(FLOATS, changed, condition=CODES))
    assert_close(sampler.reconstruct(FLOATS, CODES), model.reconstruct(FLOATS, condition=CODES))
    for ours, theirs in zip(model.encode(FLOATS, condition=CODES), sampler.encode(FLOATS, CODES)):
        assert_close(theirs, ours)
    inferred = np.asarray(sampler.infer_condition(IMAGES))
    np.testing.assert_array_equal(inferred, model.infer_condition(IMAGES))
    names = [name.decode() for name in sampler.condition_names().numpy()]
    assert tuple(names) == toy.NAMES


@pytest.mark.parametrize("images", [IMAGES, IMAGES / 255.0, FLOATS])
@pytest.mark.parametrize("codes", [CODES, CODES.astype("float64")])
def test_numpys_own_types_are_taken(sampler, images, codes):
    expected = np.asarray(sampler.edit(FLOATS, CODES, -CODES))
    assert_close(sampler.edit(images, codes, -codes), expected)
    assert_close(sampler.reconstruct(images, codes), np.asarray(sampler.reconstruct(FLOATS, CODES)))
    z = np.asarray(sampler.encode(images, codes)[0], codes.dtype)
    assert_close(sampler.decode(z, codes), np.asarray(sampler.reconstruct(FLOATS, CODES)))


def test_signatures_name_what_they_take_and_give(model, sampler):
    signature = sampler.signatures["sample_conditioned"]
    import tensorflow as tf

    images = signature(condition=tf.constant(CODES), seed=tf.constant(4))["images"]
    assert_close(images, model.sample(24, seed=4, condition=CODES))


@pytest.mark.parametrize(
    "use, message",
    [
        (lambda s: s.sample_conditioned(2 * CODES), "`condition` must hold attributes"),
        (lambda s: s.reconstruct(FLOATS, np.nan * CODES), "`condition` must hold attributes"),
        (lambda s: s.sample_conditioned([[-1.0, 0.0, 1.0]]), "`condition` must hold attributes"),
        (lambda s: s.edit(FLOATS, CODES, 2 * CODES), "`new_condition` must hold attributes"),
        (lambda s: s.infer_condition(FLOATS * 255), "`images` must hold finite values in"),
        (
            lambda s: s.sample_conditioned(np.float32([[1, 1, np.nan]])),
            "at least one training example",
        ),
    ],
)
def test_bad_conditions_are_refused(sampler, use, message):
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        use(sampler)


def test_what_is_asked_for_by_name(model, sampler, folder):
    saved = SavedSampler(folder)
    assert saved.image_shape == model.image_shape
    assert isinstance(saved.conditions, Attributes)
    assert saved.conditions.names == model.conditions.names
    condition = {model.conditions.names[0]: 1}
    assert_close(drawn(saved, 9, seed=4), model.sample(9, seed=4))
    ours = model.sample(9, seed=4, condition=condition)
    assert_close(drawn(saved, 9, seed=4, condition=condition), ours)
    for wrong in ({"strength": 2}, {"stage": 1}, {"condition": {"south": 1}}):
        with pytest.raises(ValueError, match="`(strength|stage|condition)`"):
            saved.sample_batches(1, **{"condition": condition, **wrong})


def test_classes_are_one_hot(tmp_path):
    model = toy.linear(Classes(3), seen=np.eye(3))
    sampler = exported(model, str(tmp_path / "classes"))
    asked = np.eye(3, dtype="float32")[[2, 0]]
    assert_close(
        sampler.sample_conditioned(asked, seed=0), model.sample(2, seed=0, condition=[2, 0])
    )
    saved = SavedSampler(tmp_path / "classes")
    assert isinstance(saved.conditions, Classes) and saved.conditions.size == 3
    ours = model.sample(2, seed=3, condition=2)
    assert_close(drawn(saved, 2, seed=3, condition=2), ours)
    import tensorflow as tf

    with pytest.raises(tf.errors.InvalidArgumentError, match="must hold one-hot rows"):
        sampler.sample_conditioned(0.5 * asked)
