"""What is known of an experiment before anything is trained."""

import json

import numpy as np
import pytest

from keras_tsvae import experiments, presets
from keras_tsvae.experiments.arrays_file import load_arrays
from keras_tsvae.experiments.budget import parse_budget
from keras_tsvae.experiments.estimate import Estimate
from keras_tsvae.experiments.facts import look_at
from keras_tsvae.experiments.recipe import recipe
from tests import tiny
from tests.experiments import folders

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize(
    "text, found",
    [
        ("90s", (90.0, None)),
        ("10m", (600.0, None)),
        ("1.5 h", (5400.0, None)),
        ("2d", (172_800.0, None)),
        ("30 epochs", (None, 30)),
        ("1 epoch", (None, 1)),
        (" 30 ", (None, 30)),
    ],
)
def test_budgets(text, found):
    assert parse_budget(text) == found


@pytest.mark.parametrize(
    "text", ["", "0m", "m", "-3m", "1.5 epochs", "5q", "1e3s", "nan", "10 m m"]
)
def test_what_is_no_budget(text):
    with pytest.raises(ValueError, match="`budget` must be a time such as"):
        parse_budget(text)
    with pytest.raises(ValueError, match="`budget`"):
        experiments.FitSettings(budget=text)


def test_epochs_that_fit_into_a_time():
    known = {"parameters": 1, "setup": 10.0, "epoch": 2.0, "between": 5.0}
    estimate = Estimate(**known, second_stage_epoch=1.0, memory=None, images=8)
    assert estimate.seconds(3, 4) == 10 + 6 + 5 + 4
    epochs = estimate.epochs_within(100, second_stage_epochs=20)
    assert estimate.seconds(epochs, 20) <= 90 < estimate.seconds(epochs + 1, 20)
    epochs = estimate.epochs_within(100)
    assert estimate.seconds(epochs, 2 * epochs) <= 90 < estimate.seconds(epochs + 1, 2 * epochs + 2)
    assert estimate.epochs_within(1) == 1


@pytest.mark.parametrize(
    "shape, network", [((64, 64, 3), "infogan"), ((30, 30, 1), "resnet"), ((8, 8, 1), "resnet")]
)
def test_what_is_chosen_fits(shape, network):
    for size in (5, 500, 50_000):
        preset = recipe("folder", shape, size)
        assert preset.network == network and preset.batch_size <= size
        assert preset.image_shape == shape and preset.steps_per_epoch[0] >= 1
    chosen = recipe("folder", shape, 500, latent_dim=3, second_stage="flow", epochs=7)
    assert (chosen.latent_dim, chosen.epochs, chosen.second_stage_epochs) == (3, 7, 14)


def test_an_experiment_is_what_json_can_hold():
    experiment = experiments.Experiment(
        experiments.DataSettings("digits", "set", limit=100),
        presets.get("celeba_conditional", epochs=3),
        experiments.FitSettings("10m", seed=4),
        experiments.EvaluationSettings("judge", 50),
    )
    stored = json.loads(json.dumps(experiment.to_dict()))
    assert experiments.Experiment.from_dict(stored) == experiment
    stored["data"]["num_train"] = 3  # what a run's config.json says besides
    assert experiments.Experiment.from_dict(stored) == experiment
    with pytest.raises(ValueError, match="`num_samples` must be at least 4"):
        experiments.EvaluationSettings(num_samples=3)
    with pytest.raises(ValueError, match="`protocol`"):
        experiments.EvaluationSettings(protocol="mine")


def test_a_folder_is_seen_without_decoding_it(tmp_path):
    folder = folders.write(tmp_path / "things", sides=(40, 50, 70, 90))
    seen = look_at(folder)
    assert (seen.count, seen.others, seen.side, seen.channels) == (12, 2, 32, 1)
    folders.save(folder / "a" / "red.png", np.full((9, 9, 3), (200, 10, 10), "uint8"))
    assert look_at(folder).channels == 3  # and those above are grey ones, stored as colours


def test_arrays_in_a_file(tmp_path):
    images, path = tiny.images(20), tmp_path / "x.npz"
    labels = np.arange(20) % 3
    np.savez(path, images=images, labels=labels, label_names=["a", "b", "c"])
    data = load_arrays(path, test_fraction=0.2)
    assert (len(data.train), len(data.validation), len(data.test)) == (16, 0, 4)
    assert data.label_names == ("a", "b", "c")
    both = np.concatenate([data.train.images, data.test.images])
    order = np.random.default_rng(0).permutation(20)
    np.testing.assert_array_equal(both, images[order])
    np.testing.assert_array_equal(data.train.labels, labels[order][:16])
    np.savez(path, x_train=images[..., 0] / 255, x_test=images[:4, ..., 0] / 255)
    data = load_arrays(path, limit=5)
    np.testing.assert_array_equal(data.train.images, images[:5])
    assert len(data.test) == 4 and data.label_names == ("0",)
    np.savez(path, images=images, labels=np.stack([labels, 1 - labels % 2], 1) > 0)
    assert set(load_arrays(path).train.labels.ravel().tolist()) == {-1, 1}


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"pictures": tiny.images(4)}, "of `images`, or of `x_train` and `x_test`"),
        (
            {"images": tiny.images(4)[0, :, :, 0]},
            r"must be of shape \(n, height, width, channels\)",
        ),
        ({"images": 300 * np.ones((4, 8, 8, 1))}, "must be uint8, or floats in"),
        ({"images": tiny.images(4), "labels": np.arange(3)}, "an integer, or a row of attributes"),
        ({"images": tiny.images(4), "labels": -np.arange(4)}, "must be classes from 0"),
        (
            {"images": tiny.images(4), "labels": np.arange(4), "label_names": ["a"]},
            "must be 4 names",
        ),
        ({"x_train": tiny.images(4), "x_test": tiny.images(4, (4, 4, 1))}, "must be of one shape"),
    ],
)
def test_files_of_other_arrays(arrays, message, tmp_path):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_arrays(tmp_path / "x.npz")


def test_a_broken_file_of_arrays(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"broken")
    with pytest.raises(ValueError, match="must be an .npz that can be read"):
        load_arrays(tmp_path / "x.npz")
