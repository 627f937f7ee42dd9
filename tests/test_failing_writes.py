"""Files are whole or not there: each system call that writes them fails in turn."""

import errno
import functools
import itertools
import json

import numpy as np
import pytest

import keras_tsvae as tsvae
from keras_tsvae.data import cache
from keras_tsvae.files import written_beside
from keras_tsvae.metrics import ReferenceStatistics
from keras_tsvae.saving.backup_folder import BackupFolder
from tests import tiny
from tests.failing import FailingCalls, files_no_longer_than


def backend_free(name):
    return pytest.param(name, marks=pytest.mark.backend_free)


def write_backup(folder, number):
    arrays = {name: np.full((size,), number) for name, size in (("a", 3000), ("b", 2), ("c", 40))}
    BackupFolder(folder, 2).write({"number": number}, arrays)


def read_backup(folder):
    _, manifest, arrays = BackupFolder(folder, 2).newest()
    assert all((array == manifest["number"]).all() for array in arrays.values())
    return manifest["number"]


def write_file(folder, number):
    with written_beside(folder / "file", flushed=True) as partial:
        partial.write_text(f"{number}\n" * 5000)


def read_file(folder):
    numbers = (folder / "file").read_text().split()
    assert len(set(numbers)) == 1 and len(numbers) == 5000
    return int(numbers[0])


def write_folder(folder, number):
    with written_beside(folder / "made") as partial:
        partial.mkdir()
        for name in ("a", "b"):
            (partial / name).write_text(str(number))


def read_folder(folder):
    first, second = ((folder / "made" / name).read_text() for name in ("a", "b"))
    assert first == second
    return int(first)


def write_reference(folder, number):
    reference = ReferenceStatistics(lambda images: images.reshape(len(images), -1)[:, :5])
    last = np.full((1, *tiny.IMAGE_SHAPE), number, "uint8")
    reference.update(np.concatenate([tiny.images(20), last]))
    reference.save(folder / "reference.npz")


def read_reference(folder):
    return int(ReferenceStatistics.load(folder / "reference.npz").sample.features[-1, 0])


def write_posteriors(folder, number):
    values = np.full((300, 4), number, "float32")
    tsvae.Posteriors(values, values + 1).save(folder / "posteriors.h5")


def read_posteriors(folder):
    mean, std = tsvae.Posteriors.load(folder / "posteriors.h5").arrays
    assert (mean == std - 1).all()
    return int(mean[0, 0])


def cache_of(folder, number):
    def recipe():
        parts = {part: [number] * 3 for part in cache.PARTS}
        labels = {part: np.full(3, number) for part in cache.PARTS}
        return cache.Recipe(parts, labels, picture, (8, 8, 1), ("a",))

    return cache.image_data("made", folder / "cache", str(number), recipe, verbose=0)


def picture(number):
    return np.full((8, 8, 1), number, "uint8")


def read_cache(folder):
    number = int(json.loads((folder / "cache" / "meta.json").read_text())["fingerprint"])
    data = cache_of(folder, number)
    for split in (data.train, data.validation, data.test):
        assert (split.images == number).all() and (split.labels == number).all()
    return number


@functools.cache
def small_model():
    first = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 2))
    model = tsvae.TwoStageVAE(first, tsvae.SecondStageVAE(2, width=4, depth=1))
    model.build((None, *tiny.IMAGE_SHAPE))
    return model


def write_model(folder, number):
    small_model().set_weights([np.full(w.shape, number) for w in small_model().get_weights()])
    small_model().save(folder / "model.keras")


def read_model(folder):
    weights = tsvae.load_model(folder / "model.keras").get_weights()
    assert all((weight == weights[0].flat[0]).all() for weight in weights)
    return int(weights[0].flat[0])


KINDS = {
    "backup": (write_backup, read_backup),
    "file": (write_file, read_file),
    "folder": (write_folder, read_folder),
    "reference": (write_reference, read_reference),
    "posteriors": (write_posteriors, read_posteriors),
    "cache": (cache_of, read_cache),
    "model": (write_model, read_model),
}


@pytest.fixture(params=[name if name == "model" else backend_free(name) for name in KINDS])
def kind(request):
    """How a kind of file is written into a folder with a number in it, and how that is read."""
    return KINDS[request.param]


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(kind, folder, numbers):
    """Nothing is left over; what is there is whole, and of one of the numbers, which it returns."""
    assert not list(folder.rglob(".*"))
    number = kind[1](folder)
    assert number in numbers
    return number


@pytest.mark.parametrize("full", [False, True])
def test_each_call_may_fail(kind, full, tmp_path, monkeypatch):
    """Whether it alone fails, or later ones as well."""
    write, _ = kind
    write(tmp_path, 1)
    calls, there = FailingCalls(monkeypatch), 1
    for number in itertools.count():
        before = contents(tmp_path)
        try:
            with calls.fail(number, full):
                write(tmp_path, there + 1)
            failed = False
        except OSError as error:
            failed = error.errno == errno.ENOSPC
            assert failed
        made = calls.made
        if failed and contents(tmp_path) == before:
            continue
        there = check(kind, tmp_path, [there + 1])
        if made <= number:
            break
    assert number and not failed


def test_files_may_end_anywhere(kind, tmp_path):
    """The disk is full after any number of bytes."""
    write, _ = kind
    write(tmp_path, 1)
    before = contents(tmp_path)
    longest = max(map(len, before.values()))
    for size in {*np.linspace(0, longest - 1, 30, dtype=int), *range(0, 200, 20)}:
        if size < longest:
            with pytest.raises(OSError), files_no_longer_than(size):
                write(tmp_path, 2)
            assert contents(tmp_path) == before
    write(tmp_path, 2)
    check(kind, tmp_path, [2])
