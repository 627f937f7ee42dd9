"""What is known of pictures before a model is chosen for them."""

import dataclasses
import pathlib
import typing

import numpy as np

from keras_tsvae.data import celeba_lists, pictures
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.picture_folder import search_pictures

_LOOKED_AT = 1000  # headers of pictures
_DECODED = 100  # of those that say that they have colours
_FEWEST_TO_TEST = 2
_SEEN_AT = 64  # pixels of height and width
_GREY = 16  # levels between the colours of a pixel, which lossy formats make of grey
SIDES = (16, 32, 64)  # that pictures come to by default: the greatest that most of them have


@dataclasses.dataclass(frozen=True)
class FolderFacts:
    """What can be seen of a folder of pictures without decoding them.

    Args:
        count: How many pictures there are.
        others: How many files and folders are left out, as they are none.
        side: Height and width that suits most of them, one of `SIDES`.
        channels: 1 if all are grey, else 3.
    """

    count: int
    others: int
    side: int
    channels: int


def look_at(folder: pathlib.Path) -> FolderFacts:
    """Returns the facts of a folder; of more than 1,000 pictures, as many are looked at.

    Raises:
        ValueError: If there is no picture.
    """
    names, others = search_pictures(folder, "DATA")
    step = -(-len(names) // _LOOKED_AT)
    seen = [folder / name for name in names[::step]]
    headers = [header for header in map(pictures.header, seen) if header is not None]
    sides = [min(size) for _, size in headers]
    middle = float(np.median(sides)) if sides else 0.0
    side = max((side for side in SIDES if side <= middle), default=SIDES[0])
    coloured = [path for path in seen if pictures.is_colour(path)]
    coloured = coloured[:: -(-len(coloured) // _DECODED) or 1]
    channels = 3 if any(map(_shows_colour, coloured)) else 1
    return FolderFacts(len(names), others, side, channels)


def facts_of(data: ImageData) -> dict[str, typing.Any]:
    """Returns what a run's `config.json` tells of its pictures.

    `labels` is `"classes"`, `"attributes"`, or None where all pictures have the same.
    """
    kind = label_kind(data)
    return {
        "image_shape": list(data.image_shape),
        "num_train": len(data.train),
        "num_test": len(data.test),
        "labels": kind,
        "label_names": None if kind is None else list(data.label_names),
    }


def label_kind(data: ImageData) -> str | None:
    """Returns `"classes"`, `"attributes"`, or None where there is nothing to tell apart."""
    if np.ndim(data.train.labels) == 2:
        return "attributes"
    return "classes" if len(data.label_names) > 1 else None


def check_enough(num_train: int, num_test: int, batch_size: int) -> None:
    """Raises a `ValueError` unless there are pictures for a batch, and some to test with."""
    if num_test < _FEWEST_TO_TEST or num_train < max(2, batch_size):
        raise ValueError(
            f"There must be {max(2, batch_size)} pictures to train on, no fewer than "
            f"`batch_size`={batch_size}, and {_FEWEST_TO_TEST} to test with. "
            f"Received: {num_train} and {num_test}"
        )


def listed_in_celeba(folder: pathlib.Path) -> int:
    """Returns how many pictures CelebA's list of parts has to train on."""
    paths = (folder / name for name in celeba_lists.PARTITION)
    path = next(path for path in paths if path.is_file())
    return len(celeba_lists.read_partition(path, ("train", "validation", "test"))["train"])


def _shows_colour(path):
    """Whether a picture is not grey as it is seen: also grey ones may be stored as colours."""
    try:
        pixels = pictures.load(path, 3, (_SEEN_AT, _SEEN_AT), "stretch").astype(int)
    except ValueError:
        return False
    return np.ptp(pixels, axis=-1).max() > _GREY
