"""`~` means the user's folder wherever a path is taken, and never a folder of that name."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_tsvae import Posteriors, SecondStage, data, load_official_checkpoint, metrics
from keras_tsvae.callbacks import SampleGrid
from keras_tsvae.metrics.inception.state_dict import read_state_dict
from keras_tsvae.metrics.sources import source_batches
from tests import tiny
from tests.metrics import toy

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="exporting needs TensorFlow"
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(elsewhere)
    yield home
    assert not list(elsewhere.iterdir())


def test_models(home, fitted):
    fitted.save("~/deep/model.keras")
    assert keras.saving.load_model(home / "deep" / "model.keras").built
    fitted.second_stage.save_to_preset("~/deep/second")
    assert SecondStage.from_preset("~/deep/second").built and (home / "deep" / "second").is_dir()
    with pytest.raises(ValueError, match="must not exist unless `overwrite`"):
        fitted.first_stage.save("~/deep/model.keras", overwrite=False)


def test_weights_of_models(home, fitted):
    fitted.save_weights("~/model.weights.h5")
    assert (home / "model.weights.h5").is_file()
    fitted.load_weights("~/model.weights.h5")
    for method in (fitted.save_weights, fitted.load_weights):
        with pytest.raises(ValueError, match="must be those of local files"):
            method("gs://bucket/model.weights.h5")


@tensorflow_only
def test_saved_models(home, fitted):
    fitted.export("~/saved_model")
    assert (home / "saved_model" / "saved_model.pb").exists()
    with pytest.raises(ValueError, match="`filepath` must not exist, or be an empty folder"):
        fitted.export("~/saved_model")


@pytest.mark.parametrize("memory_limit", [0, 2**30])
def test_posteriors(memory_limit, home, fitted):
    images = tiny.images(20)
    options = dict(memory_limit=memory_limit, path="~/deep/p.h5")
    posteriors = fitted.first_stage.posteriors(images, **options)
    for path in ("~/deep/p.h5", home / "deep" / "p.h5"):
        np.testing.assert_array_equal(Posteriors.load(path).mean, posteriors.mean)
    posteriors.save("~/again.h5")
    assert len(Posteriors.load("~/again.h5")) == 20
    with pytest.raises(ValueError, match="`path` must name a file"):
        fitted.first_stage.posteriors(images, path="~/deep")


@pytest.mark.filterwarnings("ignore:FID of")
def test_references(home):
    images = toy.images(40)
    metrics.ReferenceStatistics.from_images(images, toy.features).save("~/deep/a.npz")
    assert (home / "deep" / "a.npz").exists()
    assert metrics.ReferenceStatistics.load("~/deep/a.npz").num_samples == 40
    assert metrics.frechet_inception_distance(images, "~/deep/a.npz", toy.features) < 1e-6


def test_pictures(home):
    for number in range(4):
        (home / "pictures").mkdir(exist_ok=True)
        Image.fromarray(toy.images(4)[number]).save(home / "pictures" / f"{number}.png")
    (batch,) = source_batches("~/pictures")
    np.testing.assert_array_equal(batch, toy.images(4))
    options = dict(image_size=8, cache_dir="~/caches", verbose=0)
    assert len(data.load("image_folder", "~/pictures", **options).train) == 4
    assert len(list((home / "caches").iterdir())) == 1
    with pytest.raises(ValueError, match="without img_align_celeba, list_attr"):
        data.load("celeba", "~/pictures")


def test_arrays(home):
    images, labels = np.zeros((20, 28, 28), "uint8"), np.arange(20) % 10
    np.savez(home / "mnist.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert len(data.load("mnist", "~").test) == 20


def test_weights(home):
    np.savez(home / "weights.npz", a=np.zeros(3))
    assert list(read_state_dict("~/weights.npz")) == ["a"]
    with pytest.raises(ValueError, match=f"must have .*{home}/weights.npz"):
        metrics.InceptionV3Features("~/weights.npz")


def test_callbacks(home):
    pytest.importorskip("tensorflow")
    SampleGrid("~/deep/pictures", log_dir="~/deep/logs")
    assert {path.name for path in (home / "deep").iterdir()} == {"pictures", "logs"}


def test_checkpoints(home):
    pytest.importorskip("tensorflow")
    with pytest.raises(ValueError, match=f"there is no {home}/stage2.index"):
        load_official_checkpoint("~/stage2", "resnet", (8, 8, 2))
