"""Pictures in a folder and its subfolders: the one search and the one way to read them.

Hidden files and folders are left out, and so are what systems put beside pictures (`__MACOSX`,
`$RECYCLE.BIN`, `@eaDir`) and this package's own caches. Linked folders are followed, each folder
once, in its own place rather than in a link's.
"""

import os
import pathlib
import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data import pictures
from keras_tsvae.files import expanded

CACHE = "keras_tsvae_cache"  # where decoded pictures were kept before they were in Keras's folder
_LEFT_OUT = (CACHE, "__MACOSX", "$RECYCLE.BIN", "@eaDir")
_BATCH_IMAGES = 256
_BATCH_BYTES = 2**26


def find_pictures(folder: PathLike, name: str) -> list[pathlib.Path]:
    """Returns the sorted paths of all pictures in a folder and its subfolders, relative to it.

    Subfolders that cannot be read are left out with a warning.

    Args:
        folder: Path; `~` is expanded.
        name: The argument that messages name.

    Raises:
        ValueError: If `folder` is not a folder that can be read, or has no pictures.
    """
    return search_pictures(folder, name)[0]


def search_pictures(folder: PathLike, name: str) -> tuple[list[pathlib.Path], int]:
    """Returns the paths of `find_pictures`, and how much else was met.

    That is the number of files of other kinds, and of hidden or other files and folders that are
    left out.
    """
    root = expanded(folder)
    if not root.is_dir():
        raise ValueError(f"`{name}` must be a folder of pictures. Received: {name}={str(folder)!r}")
    found, others = list[pathlib.Path](), 0
    visited: set[str] = set()
    waiting, links = [root], list[pathlib.Path]()
    while waiting or links:
        here = waiting.pop() if waiting else links.pop(0)
        real = os.path.realpath(here)
        if real in visited:
            continue
        visited.add(real)
        for entry in _entries(here, root, name):
            if entry.name.startswith(".") or entry.name in _LEFT_OUT:
                others += 1
            elif _is(entry.is_dir):
                (links if entry.is_symlink() else waiting).append(here / entry.name)
            elif entry.name.lower().endswith(pictures.SUFFIXES):
                if _is(entry.is_file) or entry.is_symlink():  # a broken link fails when it is read
                    found.append((here / entry.name).relative_to(root))
            else:
                others += 1
    if not found:
        raise ValueError(
            f"`{name}` must hold pictures ({', '.join(pictures.SUFFIXES)}). "
            f"Received: {str(folder)!r} with none"
        )
    return sorted(found), others


def picture_batches(
    folder: PathLike,
    name: str = "images",
    channels: int | None = None,
    size: Sequence[int] | None = None,
    resize: str = "crop",
    skip_broken: bool = False,
) -> Iterator[np.ndarray]:
    """Yields the pictures of a folder, in the order of their paths, in batches of bounded size.

    A batch has 256 pictures at the most, or as many as 64 MiB hold, and ends where the size of the
    pictures changes.

    Args:
        folder: As `find_pictures` takes it.
        name: The argument that messages name. Defaults to `"images"`.
        channels: 1 for grey, 3 for RGB. Defaults to None: grey if all pictures are stored as grey
            ones, otherwise RGB.
        size: `(height, width)` that they come to. Defaults to None: their own.
        resize: One of `keras_tsvae.data.pictures.RESIZES`, how. Defaults to `"crop"`.
        skip_broken: Whether pictures that cannot be decoded are left out, with a warning. Defaults
            to False.

    Yields:
        uint8 arrays `(n, height, width, channels)`.

    Raises:
        ValueError: As `find_pictures` does, or, at the end, if pictures cannot be decoded; all of
            them are named.
    """
    root = expanded(folder)
    files = [root / path for path in find_pictures(folder, name)]
    if channels is None:
        channels = 3 if any(map(pictures.is_colour, files)) else 1
    waiting: list[np.ndarray] = []
    broken: dict[pathlib.Path, str] = {}
    for file in files:
        try:
            picture = pictures.load(file, channels, size, resize)
        except ValueError as error:
            broken[file] = str(error)
            continue
        full = waiting and len(waiting) == batch_rows(waiting[0].nbytes)
        if full or (waiting and waiting[0].shape != picture.shape):
            yield np.stack(waiting)
            waiting = []
        waiting.append(picture)
    if broken and (not skip_broken or len(broken) == len(files)):
        raise pictures.BrokenPictures(broken)
    if broken:
        warnings.warn(f"Left out: {pictures.BrokenPictures(broken)}", stacklevel=2)
    yield np.stack(waiting)


def batch_rows(image_bytes: int) -> int:
    """Returns how many images of so many bytes make a batch."""
    return max(1, min(_BATCH_IMAGES, _BATCH_BYTES // max(1, image_bytes)))


def _entries(folder, root, name):
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if folder == root:
            raise ValueError(
                f"`{name}` must be a folder that can be read. Received: {error}"
            ) from error
        warnings.warn(f"A folder of `{name}` is left out: {error}", stacklevel=2)
        return []


def _is(kind):
    try:
        return kind()
    except OSError:  # a link that leads to itself
        return False
