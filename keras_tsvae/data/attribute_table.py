"""The attributes of one's own pictures, from a table beside them."""

import pathlib
from collections.abc import Sequence

import numpy as np

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data import celeba_lists
from keras_tsvae.files import expanded

TABLES = ("attributes.csv", *celeba_lists.ATTRIBUTES)
_SHOWN = 5


def table_beside(folder: PathLike) -> pathlib.Path | None:
    """Returns the table of attributes in a folder of pictures, None if there is none.

    That is `attributes.csv`, or CelebA's `list_attr_celeba.txt` or `.csv`.
    """
    paths = (expanded(folder) / name for name in TABLES)
    return next((path for path in paths if path.is_file()), None)


def attributes_of(
    path: pathlib.Path, pictures: Sequence[pathlib.Path]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the names of attributes, and an int8 row of +1 and -1 for each picture.

    Args:
        path: Path of a table as `celeba_lists.read_attributes` reads a user's own. It names a
            picture by its path within the folder, or by the name of its file. Rows of other
            pictures are left out.
        pictures: Paths relative to the folder.

    Raises:
        ValueError: If the table is anything else, or has no row for a picture.
    """
    names, index, values = celeba_lists.read_attributes(path, own=True)
    rows = [index.get(picture.as_posix(), index.get(picture.name)) for picture in pictures]
    missing = [picture.as_posix() for picture, row in zip(pictures, rows) if row is None]
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
        raise ValueError(
            f"{str(path)!r} must have a row for each picture. "
            f"Received: none for {len(missing):,} of {len(pictures):,}: {shown}"
        )
    return names, values[np.array(rows, int)]
