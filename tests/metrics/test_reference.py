"""Statistics of real images: kept, saved, loaded and merged."""

import numpy as np
import pytest
from PIL import Image

from keras_tsvae import metrics
from keras_tsvae.data import Split
from keras_tsvae.metrics import ReferenceStatistics
from keras_tsvae.metrics.extractors import FunctionFeatures
from tests.metrics import toy

pytestmark = [pytest.mark.backend_free, pytest.mark.filterwarnings("ignore:FID of")]


class Counting(FunctionFeatures):
    """Features that can be kept, and that count how many images they were taken of."""

    cacheable = True

    def __init__(self, identity="toy-1"):
        super().__init__(toy.features, identity)
        self.images = 0

    def __call__(self, images):
        self.images += len(images)
        return super().__call__(images)


def test_moments_are_those_of_the_features():
    images = toy.images(70)
    reference = ReferenceStatistics.from_images(images, toy.features)
    features = toy.features(images)
    np.testing.assert_allclose(reference.statistics.mean, features.mean(0), rtol=1e-5)
    np.testing.assert_allclose(reference.statistics.covariance, np.cov(features.T), rtol=1e-4)
    assert reference.image_shape == (8, 8, 3) and reference.num_samples == 70


def test_features_of_the_same_images_are_taken_once(tmp_path):
    images, features = toy.images(30), Counting()

    def reference(images, extractor=features, **kwargs):
        return ReferenceStatistics.from_images(images, extractor, cache_dir=tmp_path, **kwargs)

    first = reference(images)
    again = reference(Split(images.copy(), np.zeros(30)))
    assert features.images == 30
    np.testing.assert_array_equal(again.statistics.covariance, first.statistics.covariance)
    np.testing.assert_array_equal(again.sample.features, first.sample.features)
    assert again.image_shape == first.image_shape

    changed = images.copy()
    changed[0, 0, 0, 0] ^= 1
    reference(changed)
    reference(images, num_images=20)
    assert features.images == 30 + 30 + 20
    other = Counting("toy-2")
    reference(images, other)
    assert other.images == 30

    for file in tmp_path.iterdir():
        file.write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="Kept features are damaged, and are taken anew: .*npz"):
        reference(images)
    reference(images)
    assert features.images == 80 + 30


def test_any_flipped_bit_makes_kept_features_be_taken_anew(tmp_path):
    """Of the zip's headers, names and directory, whose errors are of many kinds."""
    images, features = toy.images(8), Counting()

    def covariance():
        reference = ReferenceStatistics.from_images(images, features, cache_dir=tmp_path)
        return reference.statistics.covariance

    expected = covariance()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    starts = [whole.index(mark) for mark in (b"PK\1\2", b"PK\3\4", b"PK\5\6")]
    for place in (start + offset for start in starts for offset in range(0, 40, 2)):
        damaged = bytearray(whole)
        damaged[place % len(whole)] ^= 1 << place % 8
        path.write_bytes(damaged)
        np.testing.assert_allclose(covariance(), expected)
    flags = bytearray(whole)
    flags[starts[0] + 10] = 99  # a compression that nobody knows
    path.write_bytes(flags)
    with pytest.raises(ValueError, match=f"`path` must be an .npz .*{path.name}.*packed in a way"):
        ReferenceStatistics.load(path)
    np.testing.assert_allclose(covariance(), expected)
    np.testing.assert_allclose(ReferenceStatistics.load(path).statistics.covariance, expected)


def test_what_is_kept_depends_on_all_that_was_asked_for(tmp_path):
    extractor, images = Counting(), np.tile(toy.images(300), (1, 1, 2, 1))
    extractor._function = lambda images: images.reshape(len(images), -1)[:, :9].astype("float64")
    late, other, resized = images.copy(), Counting("toy-2"), Counting()
    late[299, 7, 15, 2] ^= 1
    bright = np.full((9, 8, 8, 3), 0.5, "<f4")
    other._function = resized._function = extractor._function
    resized.resize = "other"
    cases = [
        (images, extractor, {}),
        (late, extractor, {}),  # differs in the second batch alone
        (images.reshape(300, 16, 8, 3), extractor, {}),  # the same bytes
        (images.reshape(600, 8, 8, 3), extractor, {}),
        (images, extractor, {"max_features": 50}),
        (images, extractor, {"num_images": 299}),
        (images, other, {}),
        (images, resized, {}),
        (bright, extractor, {}),
        (bright.view(">f4"), extractor, {}),  # the same bytes, as almost black
    ]
    for _ in range(2):
        for x, features, kwargs in cases:
            kept = ReferenceStatistics.from_images(x, features, cache_dir=tmp_path, **kwargs)
            assert len(kept.sample) == kwargs.get("max_features", kept.num_samples)
            assert kept.image_shape == x.shape[1:]
        assert extractor.images == 300 * 4 + 600 + 299 + 18
        assert other.images == resized.images == 300
    assert len(list(tmp_path.iterdir())) == len(cases)


def test_functions_are_not_kept(tmp_path):
    ReferenceStatistics.from_images(toy.images(10), toy.features, cache_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_files_are_those_of_pytorch_fid(tmp_path):
    images = toy.images(40)
    reference = ReferenceStatistics.from_images(images, toy.features)
    reference.save(tmp_path / "ours.npz")
    with np.load(tmp_path / "ours.npz") as file:
        np.testing.assert_array_equal(file["mu"], reference.statistics.mean)
        np.testing.assert_allclose(file["sigma"], reference.statistics.covariance, rtol=1e-12)

    moments = {"mu": reference.statistics.mean, "sigma": reference.statistics.covariance}
    np.savez(tmp_path / "theirs.npz", **moments)
    fake = toy.images(30, seed=1, high=200)
    expected = metrics.frechet_inception_distance(fake, images, toy.features)
    for name, count in (("ours", 40), ("theirs", None)):
        score = metrics.frechet_inception_distance(fake, tmp_path / f"{name}.npz", toy.features)
        np.testing.assert_allclose(score, expected, rtol=1e-9)
        assert score.num_reference == count
    with pytest.raises(ValueError, match="not statistics alone"):
        metrics.precision_recall(fake, str(tmp_path / "theirs.npz"), toy.features)


def test_float_images_of_a_reference_are_rounded():
    floats = np.random.default_rng(0).random((40, 8, 8, 3), "float32")
    expected = toy.features(np.rint(255 * floats.astype("float64")))
    assert np.abs(toy.features(255 * floats) - expected).max() > 0.01
    whole, parts = ReferenceStatistics(toy.features), ReferenceStatistics(toy.features)
    whole.update(floats)
    parts.update(floats[:25].astype("float64"))
    parts.update(floats[25:])
    for reference in (whole, parts, ReferenceStatistics.from_images(floats, toy.features)):
        np.testing.assert_allclose(reference.sample.features, expected, rtol=1e-6)
    score = metrics.frechet_inception_distance(
        floats, np.rint(255 * floats).astype("uint8"), toy.features
    )
    assert score < 1e-6


def test_other_features_than_the_file_holds_are_refused(tmp_path):
    ReferenceStatistics.from_images(toy.images(10), Counting()).save(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="must hold the features 'toy-2'. Received: 'toy-1'"):
        metrics.FrechetInceptionDistance(tmp_path / "a.npz", Counting("toy-2"))


def test_broken_files_are_named(tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"PK nothing")
    np.savez(tmp_path / "other.npz", mu=np.zeros(3))
    np.savez(tmp_path / "shapes.npz", mu=np.zeros(3), sigma=np.zeros((2, 2)))
    np.savez(tmp_path / "nan.npz", mu=np.zeros(2), sigma=np.full((2, 2), np.nan))
    np.savez(tmp_path / "negative.npz", mu=np.zeros(2), sigma=-np.eye(2))
    moments = {"mu": np.zeros(2), "sigma": np.eye(2)}
    np.savez(tmp_path / "width.npz", **moments, features=np.zeros((4, 3)), num_samples=4)
    np.savez(tmp_path / "count.npz", **moments, features=np.zeros((4, 2)), num_samples=-4)
    for name in ("broken", "other", "shapes", "nan", "negative", "width", "count", "missing"):
        with pytest.raises(ValueError, match=f"`path` must .*{name}.npz"):
            ReferenceStatistics.load(tmp_path / f"{name}.npz")


def test_processes_can_be_merged():
    images, features = toy.images(50), Counting()
    parts = [ReferenceStatistics(features) for _ in range(2)]
    parts[0].update(images[:20])
    parts[1].update(images[20:])
    parts[0].merge(parts[1])
    whole = ReferenceStatistics.from_images(images, features)
    np.testing.assert_allclose(
        parts[0].statistics.covariance, whole.statistics.covariance, rtol=1e-9
    )
    np.testing.assert_array_equal(parts[0].sample.features, whole.sample.features)
    with pytest.raises(ValueError, match="must hold the features"):
        parts[0].merge(ReferenceStatistics(Counting("toy-2")))


def test_loaded_references_go_on_like_fresh_ones(tmp_path):
    images = toy.images(50)
    fresh, features = ReferenceStatistics(Counting()), Counting()
    fresh.update(images[:20])
    fresh.save(tmp_path / "first.npz")
    loaded = ReferenceStatistics.load(tmp_path / "first.npz", features)
    for reference in (fresh, loaded):
        reference.update(images[20:])
    np.testing.assert_array_equal(loaded.sample.features, fresh.sample.features)
    np.testing.assert_allclose(loaded.statistics.covariance, fresh.statistics.covariance, rtol=1e-9)


def test_a_loaded_sample_stands_for_all_that_was_seen(tmp_path):
    images = toy.images(60)
    ReferenceStatistics.from_images(images, toy.features, max_features=20).save(tmp_path / "a.npz")
    loaded = ReferenceStatistics.load(tmp_path / "a.npz", toy.features, 5)  # holds more
    assert loaded.num_samples == loaded.sample.num_seen == 60
    assert len(loaded.sample) == loaded.sample.max_features == 20
    covariance = np.cov(toy.features(images).T)
    np.testing.assert_allclose(loaded.statistics.covariance, covariance, rtol=1e-9)
    loaded.update(toy.images(9, seed=1))
    assert len(loaded.sample) == 20 and loaded.num_samples == 69
    both = np.concatenate([toy.features(images), toy.features(toy.images(9, seed=1))])
    np.testing.assert_allclose(loaded.statistics.covariance, np.cov(both.T), rtol=1e-9)
    assert len(ReferenceStatistics.load(tmp_path / "a.npz").sample) == 20
    assert ReferenceStatistics(toy.features).sample.max_features == 10_000


def test_merging_with_an_empty_reference_keeps_the_shape_of_images():
    full, empty = (ReferenceStatistics(Counting()) for _ in range(2))
    full.update(toy.images(9))
    empty.merge(full)
    assert empty.image_shape == (8, 8, 3) and empty.num_samples == 9
    full.merge(ReferenceStatistics(Counting()))
    assert full.num_samples == 9


def test_features_that_are_given_are_used_with_statistics_of_unknown_ones(tmp_path):
    images, features = toy.images(40), Counting()
    reference = ReferenceStatistics.from_images(images, features)
    moments = {"mu": reference.statistics.mean, "sigma": reference.statistics.covariance}
    np.savez(tmp_path / "theirs.npz", **moments)
    loaded = ReferenceStatistics.load(tmp_path / "theirs.npz")
    assert metrics.frechet_inception_distance(images, loaded, features) < 1e-6


def test_pictures_of_several_sizes_need_features_of_any_size(tmp_path):
    for side in (8, 12):
        Image.new("RGB", (side, side)).save(tmp_path / f"{side}.png")
    mean = FunctionFeatures(lambda images: images.mean((1, 2)), "mean")
    reference = ReferenceStatistics.from_images(tmp_path, mean)
    assert reference.num_samples == 2 and reference.image_shape is None


def test_an_empty_reference_is_refused():
    with pytest.raises(ValueError, match="`reference` must hold at least 2 images"):
        metrics.FrechetInceptionDistance(ReferenceStatistics(toy.features)).result()
    with pytest.raises(ValueError, match="`reference` must be real images"):
        metrics.FrechetInceptionDistance(None, toy.features)
    with pytest.raises(ValueError, match="`reference` must hold images"):
        ReferenceStatistics(toy.features).save("never_written.npz")


def test_images_that_come_later_are_like_the_first():
    reference = ReferenceStatistics(toy.features)
    reference.update(toy.images(5))
    grey = toy.images(5)[..., :1]
    reference.update(grey)  # as RGB images
    expected = toy.features(np.repeat(grey, 3, axis=-1))
    np.testing.assert_allclose(reference.sample.features[5:], expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"shape of the reference's images, \(8, 8, 3\)"):
        reference.update(toy.images(5)[:, :4])
