"""Any model or function as an extractor, and the classifier of one's own."""

import keras
import numpy as np
import pytest

from keras_tsvae import metrics
from keras_tsvae.metrics import ClassifierFeatures, as_extractor
from tests import tiny
from tests.metrics import toy

SHAPE = (8, 8, 1)


def striped(n, seed=0):
    """Images of three classes: horizontal stripes, vertical stripes, neither."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 60, (n, *SHAPE))
    images[labels == 0, ::2] += 150
    images[labels == 1, :, ::2] += 150
    return images.astype("uint8"), labels


@pytest.fixture(scope="module")
def judge():
    keras.utils.set_random_seed(0)
    return ClassifierFeatures.fit(*striped(300), epochs=6, batch_size=32)


def test_a_function_sees_0_to_255_whatever_the_images_are():
    extractor = as_extractor(lambda images: images.reshape(len(images), -1).astype("float64"))
    whole = tiny.images(5)
    for images in (whole, whole / np.float32(255)):
        features = extractor(images)
        assert features.dtype == "float64"  # as the function gives it
        np.testing.assert_allclose(features, whole.reshape(5, -1), rtol=1e-5)


def test_a_keras_model_is_run_as_it_is():
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
    extractor = as_extractor(model)
    pictures = toy.images(6)
    np.testing.assert_allclose(extractor(pictures), pictures.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(
        extractor(pictures / np.float32(255)), pictures.mean((1, 2)), rtol=1e-5
    )
    assert not extractor.has_classes and not extractor.cacheable  # its code may change


def test_identity_depends_on_the_weights():
    """On all of them, those that are not trained and their shapes as well."""

    def identity(number=None):
        layers = [keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
        made = keras.Sequential([keras.Input((3,)), *layers])
        for index, weight in enumerate(made.weights):
            value = np.full(weight.shape, 0.5)
            value.flat[-1] += index == number
            weight.assign(value)
        return as_extractor(made).identity

    assert identity() == identity()
    assert len({identity(number) for number in (None, *range(8))}) == 9

    def of_shape(rows, columns):
        layer = keras.layers.Dense(columns, use_bias=False, kernel_initializer="ones")
        return as_extractor(keras.Sequential([keras.Input((rows,)), layer])).identity

    assert of_shape(2, 6) != of_shape(4, 3)


def test_a_keras_model_is_in_inference():
    images = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(images)
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization(epsilon=0.0)(x))
    pictures = toy.images(6)
    np.testing.assert_allclose(
        as_extractor(keras.Model(images, x))(pictures), pictures.mean((1, 2)), rtol=1e-5
    )


def test_bad_extractors_are_refused():
    with pytest.raises(ValueError, match="`features` must be None"):
        as_extractor("inception")
    with pytest.raises(ValueError, match="`features` must return one row for each image"):
        as_extractor(lambda images: np.zeros((1, 3)))(toy.images(2))
    with pytest.raises(ValueError, match=r"must have shape \(n, d\)"):
        as_extractor(lambda images: images)(toy.images(2))
    with pytest.raises(ValueError, match="finite"):
        as_extractor(lambda images: np.full((len(images), 3), np.nan))(toy.images(2))


def test_the_classifier_learns_its_classes(judge):
    images, labels = striped(200, seed=1)
    extractor = as_extractor(judge)
    features = extractor(images)
    assert features.shape == (200, 64) and extractor.has_classes
    assert np.mean(extractor.class_logits(features).argmax(1) == labels) > 0.95
    kernel, bias = judge.head.get_weights()
    np.testing.assert_allclose(
        extractor.class_logits(features), features @ kernel + bias, rtol=1e-5
    )
    assert np.abs(bias).max() > 0.001
    np.testing.assert_allclose(extractor(images / np.float32(255)), features, atol=1e-4)


def test_the_classifier_tells_more_and_less_alike_apart(judge):
    test, train, noise = striped(200, 1)[0], striped(200, 2)[0], toy.images(200)[..., :1]
    with pytest.warns(UserWarning, match="200 images"):
        near = metrics.frechet_inception_distance(train, test, judge)
    far = metrics.frechet_inception_distance(noise, test, judge)
    assert 20 * near < far
    assert metrics.inception_score(test, judge, splits=1) > 2.5


def test_the_classifier_is_saved_like_any_model(judge, tmp_path):
    judge.save(tmp_path / "judge.keras")
    loaded = keras.saving.load_model(tmp_path / "judge.keras")
    images, _ = striped(10, seed=3)
    ours, theirs = as_extractor(judge), as_extractor(loaded)
    assert ours.identity == theirs.identity
    np.testing.assert_array_equal(ours(images), theirs(images))
    np.testing.assert_array_equal(
        ours.class_logits(ours(images)), theirs.class_logits(theirs(images))
    )


def test_a_saved_classifier_keeps_its_precision_under_any_policy(judge, tmp_path):
    judge.save(tmp_path / "judge.keras")
    images = striped(20)[0]
    keras.config.set_dtype_policy("mixed_bfloat16")
    again = as_extractor(keras.saving.load_model(tmp_path / "judge.keras"))
    np.testing.assert_allclose(again(images), as_extractor(judge)(images), rtol=1e-6)
    coarse = ClassifierFeatures(images.shape[1:], 3)
    assert coarse.trunk.layers[-1].compute_dtype == "bfloat16"
    assert np.isfinite(as_extractor(coarse)(images)).all()


def test_the_classifier_learns_attributes_as_well():
    images, labels = striped(300)
    attributes = np.stack([labels == 0, labels != 1], 1) * 2 - 1
    judge = ClassifierFeatures.fit(images, attributes, epochs=6, batch_size=32)
    extractor = as_extractor(judge)
    test_images, test_labels = striped(200, seed=1)
    signs = np.sign(extractor.class_logits(extractor(test_images)))
    expected = np.stack([test_labels == 0, test_labels != 1], 1) * 2 - 1
    assert np.mean(signs == expected) > 0.95
    assert not extractor.has_classes  # an image has more than one of them


@pytest.mark.parametrize(
    "labels, outputs, has_classes",
    [
        (np.array([[0], [1]] * 5), 2, True),
        (np.arange(10, dtype="uint8")[:, None], 10, True),
        (np.array([[-1], [1]] * 5), 1, False),
        (np.array([[False], [True]] * 5), 1, False),
        (2 * np.eye(10) - 1, 10, False),
        (np.tril(np.ones((10, 10))), 10, False),
    ],
)
def test_classes_are_told_from_attributes(labels, outputs, has_classes, monkeypatch):
    monkeypatch.setattr(ClassifierFeatures, "_train", lambda *args: None)
    judge = ClassifierFeatures.fit(tiny.images(10), labels)
    assert (judge.num_outputs, judge.has_classes) == (outputs, has_classes)


def test_the_classifier_of_another_precision_is_another_judge(judge):
    coarse = ClassifierFeatures(SHAPE, 3, dtype="mixed_bfloat16")
    coarse.set_weights(judge.get_weights())
    assert as_extractor(coarse).identity == as_extractor(judge).identity + "-bfloat16"


def test_the_classifier_is_trained_for_as_many_epochs_as_it_says(capsys, monkeypatch):
    images, labels = striped(100)
    ClassifierFeatures.fit(images, labels, epochs=3, verbose=2)
    assert "Epoch 3/3" in capsys.readouterr().out
    epochs = []
    monkeypatch.setattr(ClassifierFeatures, "_train", lambda self, batches, n, _: epochs.append(n))
    for n in (100, 2_500, 7_000, 70_000):
        few = np.zeros((n, 2, 2, 1), "uint8")
        ClassifierFeatures.fit(few, np.arange(n) % 2, dimensions=2)
    assert epochs == [30, 24, 8, 1]


def test_the_classifier_is_trained_with_the_loss_of_its_logits(monkeypatch):
    def fit(classifier, batches, **kwargs):
        logits, labels = np.array([[-3.0, 0.5]] * 10, "float32"), batches.arrays[1]
        losses.append(float(np.mean(classifier.loss(labels, logits))))

    losses = []
    monkeypatch.setattr(keras.Model, "fit", fit)
    few, classes = tiny.images(10), np.arange(10) % 2
    ClassifierFeatures.fit(few, classes)
    ClassifierFeatures.fit(few, np.eye(2)[classes] * [1, -1] + [0, 1])  # both 1, or both 0
    of_classes = np.log(np.exp([-3, 0.5]).sum()) - np.mean([-3, 0.5])
    of_attributes = np.log1p(np.exp([-3, 0.5])).mean() - np.mean([-3, 0.5]) / 2
    np.testing.assert_allclose(losses, [of_classes, of_attributes], rtol=1e-5)


def test_images_of_another_shape_are_refused(judge):
    with pytest.raises(ValueError, match=r"trained on images of shape \(8, 8, 1\)"):
        as_extractor(judge)(toy.images(3))


@pytest.mark.parametrize(
    "labels, rule",
    [
        (np.zeros(10, int), "of two classes at least"),
        (np.arange(9), "for 10 images"),
        (np.arange(10.0), "must be integers"),
        (np.arange(10) - 1, "integers from 0"),
        (np.full((10, 2), 3), r"\+1 and -1, or 1 and 0"),
        (np.arange(10) * 10**6, "integers from 0 to 9999"),
        (None, r"`images` must be a Split or a pair \(images, labels\)"),
        (np.array(list("abcdefghij")), "`labels` must be numbers"),
        (np.eye(10)[:, [1, 0, *range(2, 10)]], "`labels` must be class indices, as"),
        (np.eye(2, dtype=bool)[[0, 1] * 5], "`labels` must be class indices, as"),
        (np.array([[0.0], [1.0]] * 5), "`labels` must be class indices, as"),
    ],
)
def test_bad_labels_are_refused(labels, rule):
    with pytest.raises(ValueError, match=rule):
        ClassifierFeatures.fit(tiny.images(10), labels)


def test_evaluations_in_a_loop_compile_once(judge):
    """What they keep of a judge is its compiled form, which goes where the judge goes."""
    images, _ = striped(8)
    first, second = as_extractor(judge), as_extractor(judge)
    assert first._function is second._function
    np.testing.assert_array_equal(first(images), second(images))
    other = ClassifierFeatures(SHAPE, 3)
    assert as_extractor(other)._function is not first._function
    weights = [weight + 0.1 for weight in other.get_weights()]
    before = as_extractor(other)(images)
    other.set_weights(weights)
    assert np.abs(as_extractor(other)(images) - before).max() > 1e-3  # not those of old weights
    assert as_extractor(keras.models.clone_model(judge))._function is not first._function
