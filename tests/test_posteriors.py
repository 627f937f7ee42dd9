import gc
import pathlib

import h5py
import numpy as np
import pytest

from keras_tsvae import Posteriors

RNG = np.random.default_rng(0)
MEAN = RNG.normal(size=(1000, 3)).astype("float32")
STD = RNG.random((1000, 3)).astype("float32")
CONDITION = RNG.choice([-1, 1], (1000, 2)).astype("float32")
BATCHES = [(MEAN[i : i + 130], STD[i : i + 130]) for i in range(0, 1000, 130)]


def test_a_file_holds_what_was_saved_and_is_plain_hdf5(tmp_path):
    Posteriors(MEAN, STD).save(tmp_path / "p.h5")
    loaded = Posteriors.load(tmp_path / "p.h5")
    np.testing.assert_array_equal(loaded.mean, MEAN)
    np.testing.assert_array_equal(loaded.std, STD)
    assert isinstance(loaded.mean, np.memmap)  # on disk, not in memory
    with h5py.File(tmp_path / "p.h5") as file:
        np.testing.assert_array_equal(file["mean"][:], MEAN)
    assert len(loaded) == 1000 and loaded.latent_dim == 3


@pytest.mark.parametrize("limit", [0, 5000, 2**30])
@pytest.mark.parametrize("named", [True, False])
def test_gathering_gives_the_same_in_memory_and_on_disk(limit, named, tmp_path):
    path = tmp_path / "deep" / "p.h5" if named else None
    posteriors = Posteriors.from_batches(iter(BATCHES), memory_limit=limit, path=path)
    np.testing.assert_array_equal(posteriors.mean, MEAN)
    np.testing.assert_array_equal(posteriors.std, STD)
    assert isinstance(posteriors.mean, np.memmap) == (limit < 2**30)
    if named:
        np.testing.assert_array_equal(Posteriors.load(path).std, STD)
        assert [p.name for p in path.parent.iterdir()] == ["p.h5"]


def test_a_temporary_file_goes_with_its_posteriors():
    posteriors = Posteriors.from_batches(iter(BATCHES), memory_limit=0)
    file = pathlib.Path(posteriors.mean.filename)
    assert file.exists()
    del posteriors
    gc.collect()
    assert not file.exists()


def test_a_failure_while_gathering_leaves_nothing(tmp_path):
    def batches():
        yield BATCHES[0]
        raise RuntimeError("encoder failed")

    with pytest.raises(RuntimeError, match="encoder failed"):
        Posteriors.from_batches(batches(), memory_limit=0, path=tmp_path / "p.h5")
    assert not list(tmp_path.iterdir())


def test_broken_files_are_named(tmp_path):
    whole = tmp_path / "whole.h5"
    Posteriors(MEAN, STD).save(whole)
    truncated = tmp_path / "truncated.h5"
    truncated.write_bytes(whole.read_bytes()[:-500])
    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["mean"] = MEAN
    for path in (truncated, text, other, tmp_path / "missing.h5"):
        with pytest.raises(ValueError, match=f"HDF5 file written by .*{path.name}"):
            Posteriors.load(path)


def test_no_batches():
    with pytest.raises(ValueError, match="`batches` must not be empty"):
        Posteriors.from_batches(iter(()))


@pytest.mark.parametrize("limit", [0, 5000, 2**30])
def test_conditions_stay_beside_their_posteriors(limit, tmp_path):
    arrays = (MEAN, STD, CONDITION)
    batches = [tuple(a[i : i + 130] for a in arrays) for i in range(0, 1000, 130)]
    gathered = Posteriors.from_batches(iter(batches), limit, tmp_path / "p.h5")
    for posteriors in (gathered, Posteriors.load(tmp_path / "p.h5")):
        assert posteriors.condition_dim == 2 and "condition_dim=2" in repr(posteriors)
        for ours, expected in zip(posteriors.arrays, arrays, strict=True):
            np.testing.assert_array_equal(ours, expected)
    assert isinstance(gathered.condition, np.memmap) == (limit < 2**30)
    assert Posteriors(MEAN, STD).condition is None and len(Posteriors(MEAN, STD).arrays) == 2


@pytest.mark.parametrize(
    "condition, message",
    [
        (CONDITION[:9], r"one row for each of the n posteriors. Received: .*\(9, 2\), n=1000"),
        (CONDITION[:, 0], r"Received: .*shape=\(1000,\)"),
        (np.full((1000, 2), "a"), "Received: dtype=<U1"),
        (np.where(CONDITION > 0, np.nan, 1), "`condition` must be finite. Received: NaN"),
    ],
)
def test_bad_conditions_are_named(condition, message):
    with pytest.raises(ValueError, match=message):
        Posteriors(MEAN, STD, condition)
