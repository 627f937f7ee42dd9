"""Pictures that a command is given, in the shape that a model takes."""

import contextlib
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import typer

from keras_tsvae.arrays.types import ImageShape
from keras_tsvae.cli.messages import say
from keras_tsvae.cli.paths import existing
from keras_tsvae.data import pictures
from keras_tsvae.data.picture_folder import find_pictures


def read_pictures(
    paths: Sequence[str],
    image_shape: ImageShape,
    resize: str,
    skip_broken: bool = False,
    argument: str = "PICTURES",
) -> tuple[list[str], np.ndarray]:
    """Returns the pictures of files and folders, and a name for each.

    Args:
        paths: Paths of pictures, and of folders of them.
        image_shape: `(height, width, channels)` that they come to.
        resize: One of `keras_tsvae.data.pictures.RESIZES`.
        skip_broken: Whether pictures that cannot be read are left out, with a warning. Defaults
            to False.
        argument: What errors call them. Defaults to `"PICTURES"`.

    Returns:
        Names with the ending `.png`, no two of them alike, and a uint8 array
        `(n, height, width, channels)`.

    Raises:
        typer.BadParameter: If a path is not there, or `resize` is another word.
        ValueError: If there is no picture, or some cannot be read; all of them are named.
    """
    check_resize(resize)
    files: dict[str, pathlib.Path] = {}
    for path in paths:
        root = existing(path, argument)
        inside = find_pictures(root, argument) if root.is_dir() else [pathlib.Path()]
        for name in inside:
            file = root / name
            files[_fresh_name(name if root.is_dir() else pathlib.Path(file.name), files)] = file
    decoded, broken = _decoded(files, image_shape, resize)
    if broken:
        message = f"{len(broken)} of {len(files)} pictures cannot be read: {'; '.join(broken)}"
        if not skip_broken or not decoded:
            raise ValueError(f"{message}. --skip-broken goes on without them")
        say("Warning", message)
    return list(decoded), np.stack(list(decoded.values()))


@contextlib.contextmanager
def naming_skip_broken(given: bool) -> Iterator[None]:
    """Lets errors of pictures that cannot be read name `--skip-broken`, unless it is `given`."""
    try:
        yield
    except pictures.BrokenPictures as error:
        if given:
            raise
        raise ValueError(f"{error}. --skip-broken goes on without them") from error


def check_resize(resize: str) -> None:
    """Raises a usage error unless it is one of `keras_tsvae.data.pictures.RESIZES`."""
    if resize not in pictures.RESIZES:
        raise typer.BadParameter(
            f"{resize!r} is not {', '.join(pictures.RESIZES)}", param_hint="'--resize'"
        )


def read_picture(path: str, image_shape: ImageShape, resize: str, argument: str) -> np.ndarray:
    """Returns the one picture of a file, as `read_pictures` does."""
    if existing(path, argument).is_dir():
        raise typer.BadParameter(f"{path!r} is a folder, not a picture", param_hint=f"'{argument}'")
    return read_pictures([path], image_shape, resize, argument=argument)[1][0]


def _decoded(files, image_shape, resize):
    """Returns arrays by name, and what is wrong with the files that cannot be read."""
    decoded, broken = {}, []
    for name, file in files.items():
        try:
            decoded[name] = pictures.load(file, image_shape[2], image_shape[:2], resize)
        except ValueError as error:
            broken.append(str(error))
    return decoded, broken


def _fresh_name(path: pathlib.Path, taken: Iterable[str]) -> str:
    """Returns a name for what becomes of a picture: its own, as far as it is free."""
    name = path.with_suffix(".png").as_posix()
    name = f"{path.as_posix()}.png" if name in taken else name
    number = 2
    while name in taken:
        name, number = f"{path.as_posix()}-{number}.png", number + 1
    return name
