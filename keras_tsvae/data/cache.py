"""Decoded pictures kept on the disk, so that a set of picture files is decoded once.

A cache is a folder of `train.npy`, `validation.npy`, `test.npy`, their labels, and `meta.json`. It
is good as long as its fingerprint, taken of the source files' names, sizes and times of change and
of the options, is that of the sources; otherwise, or if it is damaged, it is written anew. It is
written beside and then renamed, so that it is there whole or not at all; of several processes that
write one cache at once, the first one's is used by all.
"""

import contextlib
import dataclasses
import errno
import functools
import hashlib
import json
import os
import pathlib
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from keras_tsvae.arrays.inference import with_progress
from keras_tsvae.arrays.types import ImageShape, PathLike
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.pictures import chunk_rows, decoded
from keras_tsvae.data.split import Split
from keras_tsvae.files import cache_folder, expanded, written_beside
from keras_tsvae.reading.npz import read_npy

PARTS = ("train", "validation", "test")
_VERSION = 2  # of what is written; another one makes every older cache be written anew
_ATTEMPTS = 3


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a cache is written from.

    Args:
        pictures: Dict from each of `PARTS` to a list of whatever `decode` takes.
        labels: Dict from each of `PARTS` to an array of as many labels.
        decode: Function from one picture to a uint8 array of `image_shape`.
        image_shape: `(height, width, channels)`.
        label_names: Sequence of str.
    """

    pictures: Mapping[str, Sequence[typing.Any]]
    labels: Mapping[str, np.ndarray]
    decode: Callable[[typing.Any], np.ndarray]
    image_shape: ImageShape
    label_names: Sequence[str]


def place(name: str, data_dir: pathlib.Path, cache_dir: PathLike | None) -> pathlib.Path:
    """Returns the folder of the cache `name`: in `cache_dir`, or else in Keras's own folder.

    The name also tells caches of several data folders apart.
    """
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:8]
    parent = cache_folder("pictures") if cache_dir is None else expanded(cache_dir)
    return parent / f"{name}-{digest}"


def fingerprint(
    options: dict[str, typing.Any], stats: Iterable[tuple[PathLike, os.stat_result]]
) -> str:
    """Returns a digest of the options and of the files' names, sizes and times of change.

    Args:
        options: Dict of what JSON can hold.
        stats: Iterable of pairs of a file's name and its `os.stat`.
    """
    digest = hashlib.sha256(json.dumps([_VERSION, options]).encode())
    for name, stat in stats:
        # The time of modification can be set to anything, that of the last change cannot.
        numbers = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        digest.update(os.fsencode(f"{name}\0{numbers}\n"))
    return digest.hexdigest()


def image_data(
    name: str,
    folder: pathlib.Path,
    digest: str,
    make_recipe: Callable[[], Recipe],
    verbose: int,
    flip_in_training: bool = False,
) -> ImageData:
    """Returns `ImageData` of the cache in `folder`, which is written first if it is not good.

    Args:
        name: Name of the data set.
        folder: Path of the cache.
        digest: What `fingerprint` returns for the sources.
        make_recipe: Function without arguments to a `Recipe`; only called to write the cache.
        verbose: Whether a progress bar counts the chunks of pictures that are decoded.
        flip_in_training: As `Split` takes it. Defaults to False.

    Raises:
        OSError: If the cache cannot be written; the message names the folder.
    """
    found = _open(folder, digest)
    if found is None:
        found = _made(folder, digest, make_recipe(), verbose)
    arrays, label_names = found
    train, validation, test = (
        Split(images, labels, flip_in_training)
        for images, labels in (arrays[part] for part in PARTS)
    )
    return ImageData(name, train, validation, test, label_names)


def _made(folder, digest, recipe, verbose):
    """Writes the cache and returns what `_open` does."""
    with _clear_errors(folder):
        for _ in range(_ATTEMPTS):
            _write(folder, digest, recipe, verbose)
            found = _open(folder, digest)
            if found is not None:  # and no other process has just replaced it
                return found
        raise OSError(errno.EIO, "it cannot be read back")


def _open(
    folder: pathlib.Path, digest: str
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], tuple[str, ...]] | None:
    """Returns a dict of `(images, labels)` and the label names, or None if the cache is bad."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        if meta["fingerprint"] != digest:
            return None
        arrays = {
            part: (
                np.load(folder / f"{part}.npy", mmap_mode="r", allow_pickle=False),
                read_npy(folder / f"{part}_labels.npy"),
            )
            for part in PARTS
        }
        for part, (images, labels) in arrays.items():
            if [_kind(images), _kind(labels)] != meta["arrays"][part]:
                return None
            if (folder / f"{part}.npy").stat().st_size != images.offset + images.nbytes:
                return None
        return arrays, tuple(meta["label_names"])
    except Exception:  # there is hardly an error that a damaged file cannot cause
        return None


def _kind(array):
    return [array.dtype.str, list(array.shape)]


def _write(folder, digest, recipe, verbose):
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "there is a file in its place")
    counts = {part: len(recipe.pictures[part]) for part in PARTS}
    size = int(np.prod(recipe.image_shape))
    chunks = decoded(recipe.pictures, recipe.decode, size)
    if verbose:
        megabytes = sum(counts.values()) * size / 1e6
        print(f"Decoding pictures, to be kept in {str(folder)!r} ({megabytes:,.1f} MB)")
        total = sum(-(-count // chunk_rows(size)) for count in counts.values())
        chunks = with_progress(chunks, total)
    there = functools.partial(_open, folder, digest)
    with written_beside(folder, unless=there) as partial, contextlib.closing(chunks):
        partial.mkdir()
        with contextlib.ExitStack() as stack:
            files = {}
            for part, count in counts.items():
                files[part] = stack.enter_context(open(partial / f"{part}.npy", "wb"))
                _start_npy(files[part], (count, *recipe.image_shape))
            for part, images in chunks:
                _append(files[part], images)
        for part, labels in recipe.labels.items():
            np.save(partial / f"{part}_labels.npy", labels)
        meta = {
            "fingerprint": digest,
            "arrays": {
                part: [["|u1", [count, *recipe.image_shape]], _kind(recipe.labels[part])]
                for part, count in counts.items()
            },
            "label_names": list(recipe.label_names),
        }
        (partial / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


def _start_npy(file, shape):
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _append(file, images):
    # Not through a writable memory map: there a full disk would end the process.
    file.write(np.ascontiguousarray(images).data)


@contextlib.contextmanager
def _clear_errors(folder):
    """Turns errors of the file system into ones that name the cache and say what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"The cache {str(folder)!r} cannot be written ({error.strerror or error}); "
            "`cache_dir=` puts it into another folder",
        ) from error
