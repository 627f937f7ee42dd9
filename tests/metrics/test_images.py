"""Images from arrays, data sets, folders and models, and what the protocols do to them."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_tsvae import metrics
from keras_tsvae.data import Split
from keras_tsvae.metrics.protocols import check_images, prepare_generated
from keras_tsvae.metrics.sources import first_or_random, require_rereadable, source_batches
from tests.metrics import formulas, toy

pytestmark = [pytest.mark.backend_free, pytest.mark.filterwarnings("ignore:FID of")]


def gathered(source, *args, **kwargs):
    return np.concatenate(list(source_batches(source, *args, **kwargs)))


class Batches(keras.utils.PyDataset):
    def __init__(self, images):
        super().__init__()
        self.images = images

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return self.images[index * 10 : index * 10 + 10], np.zeros(10)


class Classes(metrics.extractors.FunctionFeatures):
    has_classes = True

    def __init__(self):
        super().__init__(toy.features)

    def class_logits(self, features):
        return features[:, :3]


class Model:
    """All that the metrics know of a model."""

    image_shape = (8, 8, 3)

    def sample_batches(self, n, seed=None):
        images = np.random.default_rng(seed).random((n, 8, 8, 3), "float32")
        return iter(np.array_split(images, 3))


def test_images_come_from_anywhere(tmp_path):
    images = toy.images(30)
    for index, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{index:03}.png")
    sources = [
        images,
        list(images),
        Split(images, np.zeros(30)),
        Batches(images),
        [images[:10], images[10:]],
        (part for part in np.split(images, 3)),
        tmp_path,
        str(tmp_path),
    ]
    for source in sources:
        np.testing.assert_array_equal(gathered(source), images)
    np.testing.assert_array_equal(gathered(tmp_path, 7), images[:7])


def test_images_come_from_tensorflow_data():
    tf = pytest.importorskip("tensorflow")
    images = toy.images(30)
    pairs = tf.data.Dataset.from_tensor_slices((images, np.arange(30))).batch(8)
    np.testing.assert_array_equal(gathered(pairs), images)
    with pytest.raises(ValueError, match="must be finite"):
        gathered(pairs.repeat())


def test_models_draw_as_many_as_asked_for():
    drawn = gathered(Model(), 20, seed=5)
    np.testing.assert_array_equal(drawn, np.random.default_rng(5).random((20, 8, 8, 3), "float32"))
    fid = metrics.frechet_inception_distance(Model(), toy.images(40), toy.features, num_samples=30)
    assert fid.num_samples == 30
    with pytest.raises(ValueError, match="how many images a model is to draw"):
        gathered(Model())


def test_models_of_two_stages_draw_from_the_stage_asked_for():
    class Whole(Model):
        second_stage = "there"
        calls = []

        def sample_batches(self, n, stage, seed):
            self.calls.append((n, stage, seed))
            return super().sample_batches(n, seed)

    model, real = Whole(), toy.images(40)
    counts = {"num_samples": 30, "seed": 4, "stage": 1}
    metrics.frechet_inception_distance(model, real, toy.features, **counts)
    metrics.kernel_inception_distance(model, real, toy.features, **counts)
    metrics.precision_recall(model, real, toy.features, **counts)
    metrics.inception_score(model, Classes(), **counts)
    assert model.calls == [(30, 1, 4)] * 4
    fid = metrics.frechet_inception_distance(model, real, toy.features)
    assert fid.num_samples == 10_000 and model.calls[4:] == [(10_000, 2, 0)]


def test_the_inception_score_of_images_has_its_own_settings():
    fake = toy.images(50)
    for splits in (None, 3):
        settings = {} if splits is None else {"splits": splits}
        score = metrics.inception_score(fake, Classes(), **settings)
        expected = formulas.inception_score(toy.features(fake)[:, :3], splits or 10)
        np.testing.assert_allclose([score, score.std], expected, rtol=1e-6)


def test_grey_pictures_stay_grey_and_broken_ones_are_named(tmp_path):
    Image.fromarray(toy.images(1)[0, ..., 0]).save(tmp_path / "a.png")
    assert gathered(tmp_path).shape == (1, 8, 8, 1)
    (tmp_path / "b.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="b.png"):
        gathered(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="`images` must hold pictures"):
        gathered(tmp_path / "empty")


@pytest.mark.parametrize("number", [1, 29, 30, 31, 50, 90])
def test_the_first_images_are_taken_of_batches(number):
    images, taken = toy.images(90), []

    def batches():
        for start in range(0, 90, 30):
            taken.append(start)
            yield images[start : start + 30]

    found = np.concatenate(list(source_batches(batches(), number)))
    np.testing.assert_array_equal(found, images[:number])
    assert len(taken) == -(-number // 30)  # and no more are asked for


@pytest.mark.parametrize("number", [None, 3])
def test_no_images_are_too_few(number):
    with pytest.raises(ValueError, match="`test` must not be empty. Received: no image"):
        list(source_batches(iter(()), number, "test"))


def test_what_is_read_once_is_not_read_again(tmp_path):
    class Model:
        def sample_batches(self, n):
            raise AssertionError

    for source in (tmp_path / "a.npz", Model()):
        with pytest.raises(ValueError, match="`test` must be images that can be read more than"):
            require_rereadable(source, "test")
    require_rereadable(toy.images(2), "test")


def test_random_rows_are_taken_of_arrays():
    images = toy.images(50)
    rows, count = first_or_random(images, 20)
    expected = images[np.sort(np.random.default_rng(0).permutation(50)[:20])]
    np.testing.assert_array_equal(rows, expected)
    assert rows.shape == (20, 8, 8, 3) and count is None
    assert len(np.unique(rows.reshape(20, -1), axis=0)) == 20
    assert not np.array_equal(rows, images[:20])
    for count in (50, 60):
        assert first_or_random(images, count)[0] is images


def test_standard_protocol_rounds_to_uint8():
    images = np.array([0.0, 0.4 / 255, 0.6 / 255, 1.0], "float32").reshape(4, 1, 1, 1)
    np.testing.assert_array_equal(prepare_generated(images, "standard").ravel(), [0, 0, 1, 255])
    assert prepare_generated(images, "standard").dtype == "uint8"


def test_dai_wipf_protocol_stretches_each_image_and_does_not_round():
    image = np.array([0.25, 0.3, 0.5, 0.75], "float32").reshape(1, 1, 2, 2)
    images = np.concatenate([image, np.full_like(image, 0.4)])
    got = prepare_generated(images, "dai-wipf")
    np.testing.assert_allclose(got[0].ravel(), [0, 0.1, 0.5, 1], atol=1e-6)
    np.testing.assert_array_equal(got[1], images[1])  # nothing to stretch
    whole = prepare_generated((100 * image).astype("uint8"), "dai-wipf")
    np.testing.assert_allclose(whole.ravel(), [0, 0.1, 0.5, 1], atol=1e-6)


def test_dai_wipf_protocol_stretches_over_all_channels_of_one_image():
    rng = np.random.default_rng(0)
    images = 0.2 + 0.5 * rng.random((5, 4, 3, 3)) * rng.random((5, 1, 1, 3))
    got = prepare_generated(images, "dai-wipf")
    for image, stretched in zip(images, got):
        expected = (image - image.min()) / (image.max() - image.min())
        np.testing.assert_allclose(stretched, expected, atol=1e-6)


def test_dai_wipf_protocol_takes_ten_thousand_real_images():
    real = np.random.default_rng(0).integers(0, 256, (10_011, 2, 2, 1)).astype("uint8")

    def features(images):
        return np.asarray(images, "float64").reshape(len(images), -1)

    for protocol, count in (("dai-wipf", 10_000), ("standard", 10_011)):
        fid = metrics.FrechetInceptionDistance(real, features, protocol)
        assert fid.reference.num_samples == count
    rows = real[np.sort(np.random.default_rng(0).permutation(10_011)[:10_000])]
    fid = metrics.FrechetInceptionDistance(real, features, "dai-wipf")
    np.testing.assert_allclose(fid.reference.statistics.mean, features(rows).mean(0))


def test_what_is_wrong_is_found_in_the_last_of_many_images():
    images = np.zeros((2_051, 2, 2, 1), "float32")
    images[-1, 1, 1] = 1.5
    with pytest.raises(ValueError, match=r"`x` must hold finite values in \[0, 1\].* max=1.5"):
        check_images(images, "x")


def test_dai_wipf_protocol_leaves_real_images_alone():
    real = toy.images(40, high=100)  # none of full range
    seen = []

    def features(images):
        seen.append((images.dtype.name, float(images.min()), float(images.max())))
        return toy.features(images)

    fid = metrics.FrechetInceptionDistance(real, features, "dai-wipf")
    fid.update(toy.images(30, seed=1, high=100))
    assert seen == [("uint8", 0.0, 99.0), ("float32", 0.0, 255.0)]


@pytest.mark.parametrize(
    "images, rule",
    [
        (np.full((4, 8, 8, 3), np.nan, "float32"), "finite values"),
        (np.full((4, 8, 8, 3), 1.5, "float32"), r"\[0, 1\]"),
        (np.zeros((4, 8, 8, 3), "int32"), "uint8"),
        (np.zeros((8, 8, 3), "uint8"), "must have shape"),
        (np.zeros((0, 8, 8, 3), "uint8"), "must not be empty"),
        (np.zeros((4, 16, 16, 3), "uint8"), "shape of the reference's images"),
        (np.zeros((1, 8, 8, 3), "uint8"), "at least 2 images"),
        (7, "must be an array of images"),
        ("no/such/folder", "folder of pictures"),
    ],
)
def test_bad_images_are_refused(images, rule):
    with pytest.raises(ValueError, match=rule):
        metrics.frechet_inception_distance(images, toy.images(20), toy.features)
