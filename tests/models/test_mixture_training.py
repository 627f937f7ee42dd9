import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.arrays.columns import Columns
from keras_tsvae.latents import expectation_maximisation
from keras_tsvae.models import mixture_training
from keras_tsvae.models.mixture_training import choose_components

CENTERS = np.array([[6.0, 0.0], [-6.0, 1.0], [0.0, 6.0]])


class Counted(Columns):
    """Notes how many rows are read at once."""

    most = 0

    def __getitem__(self, rows):
        part = super().__getitem__(rows)
        Counted.most = max(Counted.most, len(part))
        return part


def clusters(n, seed=0):
    rng = np.random.default_rng(seed)
    mean = CENTERS[rng.integers(3, size=n)] + 0.5 * rng.standard_normal((n, 2))
    return mean.astype("float32"), np.full((n, 2), 0.2, "float32")


def test_the_choice_reads_no_more_than_it_says(monkeypatch):
    monkeypatch.setattr(mixture_training, "ROWS_TO_CHOOSE", 600)
    chosen = choose_components(*map(Counted, clusters(5000)), np.random.default_rng(0))
    assert chosen in (5, 10)  # enough for three clusters
    assert Counted.most == 540


def test_points_drawn_again_gain_nothing():
    """Few examples of one Gaussian: components for a handful each would draw those again."""
    mean = np.random.default_rng(1).standard_normal((200, 2)).astype("float32")
    std = np.full_like(mean, 1e-3)
    assert choose_components(mean, std, np.random.default_rng(0)) <= 2
    assert choose_components(mean[:1], std[:1], np.random.default_rng(0)) == 1


def test_posteriors_of_a_file_are_read_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(expectation_maximisation, "ROWS_AT_ONCE", 100)
    monkeypatch.setattr(expectation_maximisation, "_ROWS_TO_START", 150)
    mean, std = clusters(1000)
    condition = (mean[:, :1] > 3).astype("float32")
    tsvae.Posteriors(mean, std, condition).save(tmp_path / "posteriors.h5")
    posteriors = tsvae.Posteriors.load(tmp_path / "posteriors.h5")
    mapped = mixture_training._joint(posteriors, conditioned=True)
    assert all(isinstance(array.arrays[1], np.memmap) for array in mapped)
    Counted.most = 0
    fitted = []
    for arrays in (mapped, [np.asarray(array[:]) for array in mapped]):
        arrays = [Counted(*getattr(array, "arrays", [array])) for array in arrays]
        rng = np.random.default_rng(0)
        rounds = expectation_maximisation.ExpectationMaximisation(*arrays, 3, rng)
        fitted.append([rounds.round() for _ in range(3)])
    assert Counted.most == 150
    np.testing.assert_allclose(*fitted)


def test_the_joint_fit_is_that_of_conditions_beside_z():
    mean, std = clusters(10)
    condition = np.eye(2, dtype="float32")[np.arange(10) % 2]
    posteriors = tsvae.Posteriors(mean, std, condition)
    joint_mean, joint_std = mixture_training._joint(posteriors, conditioned=True)
    np.testing.assert_array_equal(joint_mean[:], np.concatenate([condition, mean], 1))
    np.testing.assert_array_equal(joint_std[:][:, 2:], std)
    assert joint_std[:][:, :2] == pytest.approx(mixture_training.CONDITION_STD)
    assert mixture_training._joint(posteriors, conditioned=False)[0] is posteriors.mean


def test_two_numbers_that_gain_nothing_end_the_search(monkeypatch):
    bounds, tried = {1: 0.0, 2: -0.1, 5: 1.0, 10: 0.9, 20: 0.8, 50: 5.0}, []

    class Fitted:
        def __init__(self, mean, std, components, rng):
            self.components = components
            tried.append(components)

        def round(self):
            pass

        def bound(self, mean, std):
            return bounds[self.components]

    monkeypatch.setattr(mixture_training, "ExpectationMaximisation", Fitted)
    assert choose_components(*clusters(1000), np.random.default_rng(0)) == 5
    assert tried == [1, 2, 5, 10, 20]
