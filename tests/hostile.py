"""Every kind of file that is read, how it is damaged, and what may come of that.

Used by the tests, a few times for each kind, and by `benchmarks/hostile_files.py`, thousands of
times, in processes of little memory.
"""

import dataclasses
import functools
import hashlib
import io
import pathlib
import shutil
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from PIL import Image

import keras_tsvae as tsvae
from keras_tsvae import data
from keras_tsvae.data.picture_folder import picture_batches
from keras_tsvae.metrics import ReferenceStatistics
from keras_tsvae.metrics.inception.state_dict import read_state_dict
from keras_tsvae.official.checkpoint import Checkpoint
from keras_tsvae.saving import backup_folder
from tests import tiny
from tests.damage import mutated
from tests.data import faces
from tests.data.test_celeba import as_zip
from tests.metrics.inception import state_dicts

RNG = np.random.default_rng(0)
STATE = {"a": RNG.normal(size=(3, 4)).astype("float32"), "b": RNG.normal(size=9), "n": np.arange(5)}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of file.

    Args:
        write: Function that writes files into a folder.
        read: Function from the folder to arrays.
        damaged: Pattern of the names of the files that are damaged.
        checked: Whether all numbers have checksums, so that none may be read that was damaged.
        sealed: As `mutated` takes it.
    """

    write: Callable[[pathlib.Path], Any]
    read: Callable[[pathlib.Path], Any]
    damaged: str = "*"
    checked: bool = False
    sealed: Callable[[bytes], bytes] | None = None


def small_model():
    first = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 2))
    model = tsvae.TwoStageVAE(first, tsvae.SecondStageVAE(2, width=4, depth=1))
    model.build((None, *tiny.IMAGE_SHAPE))
    return model


def loaded_weights(folder):
    model = small_model()
    model.load_weights(folder / "a.weights.h5")
    return model.get_weights()


@functools.cache
def stage():
    model = tsvae.FirstStageVAE(*tiny.linear_networks(tiny.IMAGE_SHAPE, 2))
    model.compile("adam")
    model.build_optimizers()
    return model, model.get_weights()


def backup(folder):
    """Trains for an epoch, or goes on, with callbacks that remember something."""
    model, start = stage()
    model.set_weights(start)
    watching = [
        tsvae.callbacks.BackupAndRestore(folder, keep=1),
        keras.callbacks.EarlyStopping("loss", mode="min", restore_best_weights=True),
        keras.callbacks.CSVLogger(folder.parent / "log.csv"),
    ]
    history = model.fit(tiny.images(40), batch_size=20, epochs=1, callbacks=watching, verbose=0)
    return model.get_weights(), history.epoch, list(history.history.values())


def sealed(content):
    return backup_folder._MAGIC + backup_folder._digest(io.BytesIO(content)) + content


def write_reference(folder):
    reference = ReferenceStatistics(lambda images: images.reshape(len(images), -1)[:, :5])
    reference.update(tiny.images(40))
    reference.save(folder / "a.npz")


def read_reference(folder):
    loaded = ReferenceStatistics.load(folder / "a.npz")
    moments = loaded.statistics
    return loaded.sample.features, moments.mean, moments.covariance, [loaded.num_samples]


def write_mnist(folder):
    images, labels = tiny.images(30, (28, 28, 1)), np.arange(30) % 10
    arrays = dict(x_train=images, y_train=labels, x_test=images[:9], y_test=labels[:9])
    np.savez_compressed(folder / "mnist.npz", **arrays)


def all_splits(loaded):
    return [(part.images, part.labels) for part in (loaded.train, loaded.validation, loaded.test)]


def write_hdf5(folder):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        for name, array in STATE.items():
            file.create_dataset(name, data=array, compression="gzip", fletcher32=True)


def posteriors(folder):
    loaded = tsvae.Posteriors.load(folder / "a.h5")
    return loaded.arrays


def write_cache(folder):
    for number in range(12):
        (folder / "pictures").mkdir(exist_ok=True)
        Image.fromarray(tiny.images(12)[number, ..., 0]).save(folder / f"pictures/{number}.png")
    cached(folder)


def cached(folder):
    options = dict(image_size=8, cache_dir=folder / "caches", verbose=0)
    return all_splits(data.load("image_folder", folder / "pictures", **options))


def write_celeba(folder):
    as_zip(faces.write(folder))


def celeba(folder):
    caches = folder / "caches"
    try:
        return all_splits(faces.load(folder, cache_dir=caches))
    finally:
        shutil.rmtree(caches, ignore_errors=True)


def write_checkpoint(folder):
    import tensorflow as tf

    tf.raw_ops.SaveV2(
        prefix=str(folder / "a"), tensor_names=list(STATE), shape_and_slices=[""] * len(STATE),
        tensors=list(STATE.values()),
    )  # fmt: skip


def picture(kind, **options):
    def write(folder):
        faces.picture(0, (40, 30)).save(folder / f"a.{kind}", **options)

    return Kind(write, lambda folder: list(picture_batches(folder)))


KINDS = {
    "keras": Kind(
        lambda folder: small_model().save(folder / "a.keras"),
        lambda folder: tsvae.load_model(folder / "a.keras").get_weights(),
        checked=True,
    ),
    "model folder": Kind(
        lambda folder: small_model().save_to_preset(folder / "a"),
        lambda folder: tsvae.load_model(folder / "a").get_weights(),
        "a/*",
    ),
    "weights.h5": Kind(
        lambda folder: small_model().save_weights(folder / "a.weights.h5"), loaded_weights
    ),
    "backup": Kind(backup, backup, checked=True, sealed=sealed),
    "reference.npz": Kind(write_reference, read_reference, checked=True),
    "mnist.npz": Kind(
        write_mnist,
        lambda folder: all_splits(data.load("mnist", folder, validation_size=5)),
        checked=True,
    ),
    "pth": Kind(
        lambda folder: state_dicts.write_zip(folder / "a.pth", STATE),
        lambda folder: read_state_dict(folder / "a.pth"),
        checked=True,
    ),
    "old pth": Kind(
        lambda folder: state_dicts.write_legacy(folder / "a.pth", STATE),
        lambda folder: read_state_dict(folder / "a.pth"),
    ),
    "hdf5": Kind(write_hdf5, lambda folder: read_state_dict(folder / "a.h5")),
    "posteriors.h5": Kind(
        lambda folder: tsvae.Posteriors(STATE["a"], np.abs(STATE["a"])).save(folder / "a.h5"),
        posteriors,
    ),
    "cache": Kind(write_cache, cached, "caches/*/*"),
    "celeba lists": Kind(write_celeba, celeba, "*.txt"),
    "celeba zip": Kind(write_celeba, celeba, "*.zip"),
    "checkpoint": Kind(
        write_checkpoint, lambda folder: Checkpoint(folder / "a").variables, checked=True
    ),
    "png": picture("png"),
    "jpeg": picture("jpg"),
    "gif": picture("gif"),
    "webp": picture("webp"),
    "tiff": picture("tiff", compression="tiff_lzw"),
    "bmp": picture("bmp"),
}


def digest(arrays):
    """Returns a text that two results share if they are equal to the bit."""
    result = hashlib.sha256()
    waiting = [arrays]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            part = sorted(part.items())
        if isinstance(part, (list, tuple)) and not all(np.isscalar(item) for item in part):
            waiting.extend(part)
            continue
        array = np.asarray(part)
        result.update(f"{array.dtype.kind}{array.shape}".encode() + array.tobytes())
    return result.hexdigest()


@dataclasses.dataclass
class Attempt:
    """What came of reading a damaged file.

    Args:
        outcome: `"right"`, `"other"` arrays or `"refused"` if that is all right, and otherwise
            what is wrong.
        error: The error, if there was one.
    """

    outcome: str
    error: BaseException | None = None


class Files:
    """Files of one kind in a folder, to be damaged again and again."""

    def __init__(self, kind: Kind, folder: pathlib.Path):
        self.kind, self.folder = kind, folder
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            kind.write(folder)
        self.whole = {path: path.read_bytes() for path in _files(folder)}
        damaged = sorted(path for path in folder.glob(kind.damaged) if path.is_file())
        self.damaged = [path.relative_to(folder) for path in damaged]
        self.right = digest(kind.read(folder))

    def attempt(self, seed: int) -> Attempt:
        """Reads the files, one of them damaged, and puts it right again."""
        rng = np.random.default_rng(seed)
        path = self.folder / self.damaged[int(rng.integers(len(self.damaged)))]
        damaged, repacked = mutated(self.whole[path], rng, self.kind.sealed)
        path.write_bytes(damaged)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = digest(self.kind.read(self.folder))
            right, unseen = found == self.right, self.kind.checked and not repacked
            attempt = Attempt("right" if right else "wrong" if unseen else "other")
        except ValueError as error:
            named = any(name in str(error) for name in (path.name, path.stem, str(self.folder)))
            attempt = Attempt("refused" if named else "not named", error)
        except Exception as error:
            attempt = Attempt("another error", error)
        if _files(self.folder).keys() != self.whole.keys():
            attempt.outcome = "left files"
        for place in _files(self.folder).keys() - self.whole.keys():
            place.unlink()
        for place, content in self.whole.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        return attempt


def _files(folder):
    return {path: path for path in sorted(folder.rglob("*")) if path.is_file()}
