"""Grey images among colour ones, and grey ones stored as RGB: metrics take both."""

import numpy as np
import pytest
from PIL import Image

from keras_tsvae import metrics
from keras_tsvae.evaluation.generation import evaluate_generation
from keras_tsvae.metrics import ReferenceStatistics
from keras_tsvae.metrics.extractors import FunctionFeatures, as_extractor
from keras_tsvae.metrics.protocols import with_channels
from keras_tsvae.metrics.sources import source_batches
from tests import tiny
from tests.callbacks import linear
from tests.metrics import toy

pytestmark = pytest.mark.filterwarnings("ignore:FID of")

GREY, COLOUR = tiny.images(40), toy.images(40)
RGB = np.repeat(GREY, 3, axis=-1)
METRICS = [
    metrics.FrechetInceptionDistance,
    metrics.KernelInceptionDistance,
    metrics.PrecisionRecall,
]


def features(images):
    """Pixels of every eighth place: four of every channel."""
    return np.asarray(images, "float64")[:, ::4, ::4].reshape(len(images), -1)


class Repeating(FunctionFeatures):
    """Takes grey images as RGB ones, as Inception does."""

    converts_channels = True

    def __init__(self):
        super().__init__(lambda images: features(with_channels(images, 3)), "repeating")


def write(folder, images):
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image.squeeze()).save(folder / f"{number:03}.png")
    return folder


def test_channels_are_repeated_or_cut():
    np.testing.assert_array_equal(with_channels(GREY, 3), RGB)
    np.testing.assert_array_equal(with_channels(RGB, 1), GREY)
    np.testing.assert_array_equal(with_channels(RGB / np.float32(255), 1), GREY / np.float32(255))
    for images, channels in ((GREY, 1), (RGB, 3), (RGB, 4), (GREY, 2)):
        assert with_channels(images, channels) is images
    almost = RGB.copy()
    almost[-1, -1, -1, 2] ^= 1
    with pytest.raises(ValueError, match=r"`real` must be grey.* of shape \(8, 8, 3\), in colour"):
        with_channels(almost, 1, "real")


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x / np.float32(255)])
@pytest.mark.parametrize("metric", METRICS)
def test_grey_and_rgb_give_the_same(metric, make):
    def figure(generated, real, extractor=features):
        it = metric(make(real), extractor)
        it.update(make(generated))
        return it.result()

    fake = tiny.images(30, seed=1)
    fake_rgb = np.repeat(fake, 3, axis=-1)
    expected = figure(fake, GREY)
    assert figure(fake_rgb, GREY) == expected
    expected = figure(fake_rgb, RGB)
    assert figure(fake, RGB) == expected
    for generated in (fake, fake_rgb):
        for real in (GREY, RGB):
            assert figure(generated, real, Repeating()) == expected
    with pytest.raises(ValueError, match="`images` must be grey"):
        figure(COLOUR, GREY)
    figure(COLOUR, GREY, Repeating())


def test_one_grey_picture_in_a_colour_folder(tmp_path):
    folder = write(tmp_path, COLOUR)
    Image.fromarray(GREY[0].squeeze()).save(folder / "005.png")
    (images,) = source_batches(folder)
    expected = COLOUR.copy()
    expected[5] = RGB[0]
    np.testing.assert_array_equal(images, expected)
    reference = ReferenceStatistics.from_images(folder, toy.features)
    assert reference.image_shape == (8, 8, 3)
    assert metrics.frechet_inception_distance(folder, expected, toy.features) < 1e-6


def test_folders_of_grey_pictures_in_either_form(tmp_path):
    folders = [write(tmp_path / "grey", GREY), write(tmp_path / "rgb", RGB)]
    for generated in (*folders, GREY, RGB):
        for real in (*folders, GREY, RGB):
            assert metrics.frechet_inception_distance(generated, real, features) < 1e-6


def test_references_that_grow():
    grey, rgb = ReferenceStatistics(features), ReferenceStatistics(features)
    for batch in (GREY[:20], RGB[20:]):
        grey.update(batch)
    for batch in (RGB[:20], GREY[20:]):
        rgb.update(batch)
    assert (grey.image_shape, rgb.image_shape) == ((8, 8, 1), (8, 8, 3))
    np.testing.assert_allclose(grey.statistics.mean, features(GREY).mean(0), rtol=1e-6)
    np.testing.assert_allclose(rgb.statistics.mean, features(RGB).mean(0), rtol=1e-6)
    with pytest.raises(ValueError, match="`images` must be grey"):
        grey.update(COLOUR)


def test_judges_take_both():
    for shape, ours, others in (((8, 8, 1), GREY, RGB), ((8, 8, 3), RGB, GREY)):
        judge = metrics.ClassifierFeatures(shape, num_outputs=3)
        extractor = as_extractor(judge)
        np.testing.assert_array_equal(extractor(others), extractor(ours))
        accuracy = metrics.ConditionAccuracy(judge)
        accuracy.update(others, np.zeros(40, int))
        assert accuracy.num_samples == 40
    with pytest.raises(ValueError, match=r"was trained on images of shape \(8, 8, 1\)"):
        as_extractor(metrics.ClassifierFeatures((8, 8, 1), num_outputs=3))(COLOUR)
    with pytest.raises(ValueError, match="was trained on images of shape"):
        extractor(np.zeros((2, 4, 4, 1), "uint8"))


def test_models_are_evaluated_with_either(tmp_path):
    model = linear.two_stage()
    options = dict(features=features, protocol="standard", num_samples=16, verbose=0)
    grey = evaluate_generation(model, GREY, **options)
    rgb = evaluate_generation(model, write(tmp_path / "rgb", RGB), **options)
    assert rgb["stage1"]["precision"] == grey["stage1"]["precision"]
    with pytest.raises(ValueError, match="`test` must be grey"):
        evaluate_generation(model, COLOUR, **options)
