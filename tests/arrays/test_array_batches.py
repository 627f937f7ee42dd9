import random
from unittest import mock

import keras
import numpy as np
import pytest

from keras_tsvae.arrays.array_batches import ArrayBatches
from keras_tsvae.arrays.noise import SEED_RANGE, noise_batches, resolve_seed
from keras_tsvae.files import written_beside

ROWS = np.arange(50)


def test_training_batches_are_full_and_shuffled_anew_every_epoch():
    batches = ArrayBatches((ROWS, ROWS * 2), 8, training=True)
    epochs = []
    for _ in range(3):
        batches.on_epoch_begin()
        parts = [batches[i] for i in range(len(batches))]
        assert len(parts) == 6 and all(len(a) == 8 and (b == 2 * a).all() for a, b in parts)
        epochs.append(np.concatenate([a for a, _ in parts]))
        assert len(set(epochs[-1])) == 48
    assert (epochs[0] != epochs[1]).any() and (epochs[1] != epochs[2]).any()
    assert set(np.concatenate(epochs)) == set(ROWS)  # what one epoch drops, another has


def test_the_order_of_an_epoch_depends_on_seed_and_number_alone():
    first, second = (ArrayBatches((ROWS,), 8, training=True) for _ in range(2))
    for _ in range(4):
        first.on_epoch_begin()
    second.begin_at(3, first.seed)
    second.on_epoch_begin()
    np.testing.assert_array_equal(first[2][0], second[2][0])


@pytest.mark.parametrize("steps", [4, 9])
def test_epochs_of_another_length_go_on_where_the_one_before_has_ended(steps):
    passes, epochs = (ArrayBatches((ROWS,), 8, training=True) for _ in range(2))
    epochs.begin_at(0, passes.seed, steps)
    expected, found = [], []
    for batches, read, times in ((passes, expected, 6), (epochs, found, 36 // steps)):
        for _ in range(times):
            batches.on_epoch_begin()
            read += [batches[i][0] for i in range(len(batches))]
    np.testing.assert_array_equal(expected, found)
    epochs.begin_at(2, steps=steps)
    epochs.on_epoch_begin()
    np.testing.assert_array_equal(epochs[1][0], expected[2 * steps + 1])


def test_evaluation_batches_are_all_rows_in_order():
    batches = ArrayBatches((ROWS,), 8, training=False)
    np.testing.assert_array_equal(np.concatenate([batches[i][0] for i in range(7)]), ROWS)
    assert [len(batches[i][0]) for i in range(7)] == [7] * 3 + [8] + [7] * 3


def test_without_shuffling_the_order_is_kept():
    batches = ArrayBatches((ROWS,), 8, training=True, shuffle=False)
    batches.on_epoch_begin()
    np.testing.assert_array_equal(batches[1][0], ROWS[8:16])


@pytest.mark.parametrize("training", [False, True])
def test_a_batch_can_be_changed_and_its_source_stays(training):
    rows = np.arange(50)
    batches = ArrayBatches((rows,), 8, training, shuffle=False)
    batches[0][0][:] = -1
    np.testing.assert_array_equal(rows, ROWS)


def test_large_seeds_are_seeds():
    for seed in (SEED_RANGE + 7, 5 * SEED_RANGE + 7):
        (rows,) = noise_batches(2, 3, seed, 2)
        np.testing.assert_array_equal(rows, *noise_batches(2, 3, 7, 2))


def test_without_a_seed_pythons_random_draws_one():
    drawn = []
    for _ in range(2):
        random.seed(1)
        drawn.append([resolve_seed(None) for _ in range(9)])
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 9
    assert all(0 <= seed < SEED_RANGE for seed in drawn[0])
    assert resolve_seed(2**40) == 2**40


@pytest.mark.parametrize("parts", [1, 2])
def test_noise_does_not_depend_on_the_batch_size(parts):
    whole = np.concatenate(list(noise_batches(1000, 3, 7, 1000, parts)), axis=1)
    for size in (1, 100, 256, 999):
        rows = np.concatenate(list(noise_batches(600, 3, 7, size, parts)), axis=1)
        np.testing.assert_array_equal(rows, whole[:, :600])
    assert whole.shape == (parts, 1000, 3)
    assert len(np.unique(whole)) > 0.99 * whole.size  # no block is drawn twice


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 3])
def test_noise_is_that_of_a_seed_generator_and_makes_no_variable(seed):
    generator = keras.random.SeedGenerator(seed)
    drawn = [keras.random.normal((256, 3), seed=generator) for _ in range(4)]
    parts = np.concatenate(list(noise_batches(512, 3, seed, 512, parts=2)), axis=1)
    blocks = [parts[0, :256], parts[1, :256], parts[0, 256:], parts[1, 256:]]
    for block, theirs in zip(blocks, drawn):
        np.testing.assert_array_equal(block, keras.ops.convert_to_numpy(theirs))
    with (
        mock.patch("keras.Variable", side_effect=AssertionError),
        mock.patch("keras.random.SeedGenerator", side_effect=AssertionError),
    ):
        list(noise_batches(4, 3, seed, 4))


def test_written_beside_replaces_files_and_folders_only_on_success(tmp_path):
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("old")
    with written_beside(file) as partial:
        partial.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    with pytest.raises(RuntimeError):
        with written_beside(folder) as partial:
            partial.mkdir()
            (partial / "half").write_text("")
            raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
