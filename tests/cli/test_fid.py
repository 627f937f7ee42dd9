"""The figures of the commands are those of the functions, to the digit."""

import numpy as np
import pytest
from PIL import Image

from keras_tsvae import data, metrics
from keras_tsvae.cli import sources
from tests import tiny

pytestmark = pytest.mark.slow
FUNCTIONS = ("frechet_inception_distance", "kernel_inception_distance", "precision_recall")


def expected(images, reference, judge, **options):
    fid, kid, (precision, recall) = (
        getattr(metrics, name)(images, reference, judge, **options) for name in FUNCTIONS
    )
    names = ("fid", "kid", "precision", "recall")
    return dict(zip(names, map(float, (fid, kid, precision, recall)))), fid


@pytest.fixture
def sides(tmp_path):
    """A folder of pictures and a file of arrays."""
    images = tiny.images(40, seed=1)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for number, image in enumerate(images):
        folder = tmp_path / "deep" / ("er" if number >= 20 else "")
        Image.fromarray(image[..., 0]).save(folder / f"{number:02}.png")
    floats = (tiny.images(60, seed=2) / 255).astype("float32")
    np.savez(tmp_path / "arrays.npz", images=floats, names=np.array(["a"] * 60))
    return tmp_path / "deep", images, tmp_path / "arrays.npz", floats


def test_a_folder_and_arrays(keras_tsvae, files, read, sides):
    folder, images, arrays, floats = sides
    asked = ("--features", files["judge"], "--inception-score")
    code, answer, _ = keras_tsvae("fid", folder, arrays, *asked, "--json")
    judge = read("judge")
    figures, fid = expected(str(folder), floats, judge)
    assert code == 0 and {name: answer[name] for name in figures} == figures
    score = metrics.inception_score(str(folder), judge)
    assert answer["inception_score"] == float(score)
    assert answer["inception_score_std"] == score.std
    assert answer["kid_std"] == metrics.kernel_inception_distance(images, floats, judge).std
    assert [answer["num_samples"], answer["num_reference"]] == [40, 60]
    assert answer["protocol"] == "standard" and answer["resize"] == "none"
    assert answer["features"] == fid.features
    _, text, _ = keras_tsvae("fid", folder, arrays, *asked)
    assert text.splitlines()[0].split() == ["FID", f"{figures['fid']:.6g}"]
    assert "40 images against 60; standard protocol" in text and "resize none" in text
    code, answer, _ = keras_tsvae("fid", arrays, folder, *asked, "--json", "--protocol=dai-wipf")
    figures, _ = expected(floats, str(folder), judge, protocol="dai-wipf")
    assert {name: answer[name] for name in figures} == figures


def test_statistics_and_data_sets(keras_tsvae, files, read, sides, tmp_path):
    folder, images, _, _ = sides
    features = ("--features", files["judge"])
    ref = tmp_path / "ref.npz"
    code, answer, _ = keras_tsvae("statistics", folder, *features, "-o", ref, "--json")
    judge = read("judge")
    assert code == 0 and answer["num_samples"] == 40 and answer["output"] == str(ref)
    kept = metrics.ReferenceStatistics.load(ref, judge)
    again = metrics.ReferenceStatistics.from_images(images, judge)
    np.testing.assert_array_equal(kept.statistics.covariance, again.statistics.covariance)
    digits = data.load("digits")
    for name, split in (("digits", digits.test), ("digits:validation", digits.validation)):
        figures, _ = expected(split, ref, judge)
        answer = keras_tsvae("fid", name, ref, *features, "--json")[1]
        assert {name: answer[name] for name in figures} == figures
    figures, _ = expected(images, digits.test, judge)
    answer = keras_tsvae("fid", ref, "digits", *features, "--json")[1]
    assert {name: answer[name] for name in figures} == figures
    assert keras_tsvae("statistics", ref, *features, "-o", tmp_path / "x.npz")[0] == 1
    keras_tsvae("statistics", "digits:train", *features, "--limit", 30, "-o", ref, "--overwrite")
    limited = metrics.ReferenceStatistics.from_images(digits.train, judge, 30)
    np.testing.assert_array_equal(
        metrics.ReferenceStatistics.load(ref).statistics.mean, limited.statistics.mean
    )


def test_mean_and_covariance_alone(keras_tsvae, files, read, sides, tmp_path):
    _, images, arrays, floats = sides
    judge = read("judge")
    statistics = metrics.ReferenceStatistics.from_images(images, judge).statistics
    ref = tmp_path / "pytorch_fid.npz"
    np.savez(ref, mu=statistics.mean, sigma=statistics.covariance)
    features = ("--features", files["judge"], "--json")
    figure = float(metrics.frechet_inception_distance(floats, ref, judge))
    answer = keras_tsvae("fid", arrays, ref, *features)[1]
    assert answer["fid"] == figure and answer["num_reference"] is None and "kid" not in answer
    answer = keras_tsvae("fid", ref, arrays, *features)[1]
    assert answer["fid"] == pytest.approx(figure, rel=1e-9) and "recall" not in answer


def test_models(keras_tsvae, files, read, run_folder, sides):
    folder, _, _, _ = sides
    figures, _ = expected(
        read("plain"), str(folder), read("judge"), num_samples=30, seed=3, stage=1
    )
    drawn = ("--samples", 30, "--seed", 3, "--stage", 1, "--features", "judge", "--json")
    answer = keras_tsvae("fid", run_folder, folder, *drawn)[1]
    assert {name: answer[name] for name in figures} == figures
    swapped = keras_tsvae("fid", folder, run_folder, "--features", "judge", *drawn)[1]
    assert [swapped["precision"], swapped["recall"]] == [answer["recall"], answer["precision"]]


def test_features(keras_tsvae, files, read, sides, tmp_path, monkeypatch):
    folder, _, arrays, _ = sides
    asked = []

    def inception(weights=None):
        asked.append(weights)
        return metrics.as_extractor(read("judge"))

    monkeypatch.setattr(sources, "InceptionV3Features", inception)
    weights = tmp_path / "weights.pth"
    weights.touch()
    assert keras_tsvae("fid", folder, arrays)[0] == 0
    assert keras_tsvae("fid", folder, arrays, "--features", weights)[0] == 0
    assert asked == [None, weights]


def test_pictures_of_other_sizes(keras_tsvae, files, read, sides, tmp_path):
    folder, images, arrays, floats = sides
    large = tmp_path / "large"
    large.mkdir()
    for number, image in enumerate(images):  # within black borders left and right
        wide = np.pad(np.kron(image[..., 0], np.ones((2, 2), "uint8")), ((0, 0), (4, 4)))
        Image.fromarray(wide).save(large / f"{number:02}.png")
    asked = ("--features", files["judge"], "--json")
    cut = np.stack(
        [
            np.asarray(Image.open(path).resize((8, 8), Image.Resampling.BILINEAR, (4, 0, 20, 16)))
            for path in sorted(large.iterdir())
        ]
    )[..., None]
    figures, _ = expected(cut, floats, read("judge"))
    answer = keras_tsvae("fid", large, arrays, *asked)[1]
    assert {name: answer[name] for name in figures} == figures
    assert answer["pictures"] == "crop to 8x8"
    stretched = keras_tsvae("fid", large, arrays, *asked, "--resize", "stretch")[1]
    assert stretched["fid"] != answer["fid"] and stretched["pictures"] == "stretch to 8x8"
    for name in ("40.png", "41.png"):
        (large / name).write_bytes(b"broken")
    code, _, errors = keras_tsvae("fid", large, arrays, *asked)
    assert code == 1 and "40.png" in errors and "41.png" in errors
    code, skipped, _ = keras_tsvae("fid", large, arrays, *asked, "--skip-broken")
    assert code == 0 and skipped == answer
