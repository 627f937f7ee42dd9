import gc
import inspect
import pathlib

import h5py
import numpy as np
import pytest

from keras_tsvae import Posteriors

pytestmark = pytest.mark.backend_free

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


def test_a_gibibyte_is_kept_in_memory():
    assert inspect.signature(Posteriors.from_batches).parameters["memory_limit"].default == 2**30


@pytest.mark.parametrize("below", [0, 1])
def test_as_many_bytes_as_the_limit_are_kept_in_memory(below):
    limit = MEAN.nbytes + STD.nbytes - below
    posteriors = Posteriors.from_batches(iter(BATCHES), memory_limit=limit)
    assert isinstance(posteriors.mean, np.memmap) == bool(below)


def test_a_unit_at_the_threshold_is_inactive():
    posteriors = Posteriors(MEAN, np.full_like(STD, [0.5, 1.0, 2.0]))
    assert posteriors.active_units(1.0) == 1 and posteriors.active_units(4.0) == 2


def test_posteriors_may_be_points():
    assert Posteriors(MEAN, np.zeros_like(STD)).active_units() == 3


@pytest.mark.parametrize("name", ["mean", "std"])
def test_both_are_numbers(name):
    arrays = {"mean": MEAN, "std": STD}
    arrays[name] = arrays[name].astype(str)
    with pytest.raises(ValueError, match=f"must be numbers.*{name}.dtype=<U"):
        Posteriors(**arrays)


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
        assert list(tmp_path.iterdir())  # where there is room for the file, there is for rows
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


def write(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


def test_other_arrays_than_were_written_are_found(tmp_path):
    path = tmp_path / "p.h5"
    Posteriors(MEAN, STD, MEAN).save(path)
    whole = path.read_bytes()
    place = whole.index(STD.tobytes())
    path.write_bytes(whole[:place] + b"\0" + whole[place + 1 :])
    with pytest.raises(ValueError, match="p.h5.*'std' is not what was written"):
        Posteriors.load(path)
    loaded = Posteriors.load(write(path, mean=MEAN, std=STD))  # as before there were checksums
    np.testing.assert_array_equal(loaded.std, STD)
    for wrong in (STD.astype("float64"), STD.astype(">f4"), STD[0], h5py.SoftLink("/mean")):
        with pytest.raises(ValueError, match="p.h5.*(float32 rows|is a link)"):
            Posteriors.load(write(path, mean=MEAN, std=wrong))


def test_statistics_are_of_all_rows_in_any_number_of_chunks(monkeypatch, tmp_path):
    rng = np.random.default_rng(1)
    mean = (rng.normal(size=(1000, 4)) * [2, 1, 0.5, 0] + [0, 3, -50, 0]).astype("float32")
    std = (rng.random((1000, 4)) * [0.1, 0.5, 1, 0.1] + [0, 0.2, 0.45, 0.84]).astype("float32")
    std[:500, 2] = 0.1  # the halves differ, as to which units are active as well
    std[:500, 1] = 1.0
    variance = (std.astype("float64") ** 2).mean(0)
    expected = np.sqrt(np.mean(mean.astype("float64").var(0) + variance))
    assert ((variance > 0.5) & (variance < 0.8)).any() and (variance > 0.78).any()
    for rows in (10**6, 300):
        monkeypatch.setattr("keras_tsvae.latents.posteriors_file.ROWS_AT_ONCE", rows)
        posteriors = Posteriors(mean, std)
        np.testing.assert_allclose(posteriors.z_std(), expected, rtol=1e-6)
        assert posteriors.active_units() == (variance < 0.8).sum()
        for threshold in (0.05, 0.3, 0.6, 1.0):
            assert posteriors.active_units(threshold) == (variance < threshold).sum()
        posteriors.save(tmp_path / "p.h5")
        loaded = Posteriors.load(tmp_path / "p.h5")
        np.testing.assert_array_equal(loaded.mean, mean)
        np.testing.assert_array_equal(loaded.std, std)


@pytest.mark.parametrize("row", [0, 299, 300, 999])
@pytest.mark.parametrize("rows_at_once", [300, 65_536])
def test_every_row_is_checked(row, rows_at_once, monkeypatch):
    monkeypatch.setattr("keras_tsvae.latents.posteriors_file.ROWS_AT_ONCE", rows_at_once)
    for name, value, rule in (
        ("mean", np.inf, "`mean` and `std` must be finite"),
        ("std", np.nan, "`mean` and `std` must be finite"),
        ("std", -1e-7, "`std` must not be negative"),
        ("condition", np.nan, "`condition` must be finite"),
    ):
        arrays = {"mean": MEAN.copy(), "std": STD.copy(), "condition": CONDITION.copy()}
        arrays[name][row, -1] = value
        with pytest.raises(ValueError, match=rule):
            Posteriors(**arrays)


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
