"""CelebA: 202,599 faces with 40 attributes, read as its authors or Kaggle lay it out."""

import contextlib
import itertools
import os
import pathlib

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data import cache, celeba_lists, pictures
from keras_tsvae.data.celeba_sources import FolderSource, ZipSource
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.labelled import check_limit
from keras_tsvae.files import expanded

NAME = "celeba"
SIZE = (178, 218)  # width, height
CROPS = {"128": (25, 45, 153, 173), "140": (19, 39, 159, 179)}  # left, upper, right, lower
_PICTURES = "img_align_celeba"
_ZIP = f"{_PICTURES}.zip"


def load(
    data_dir: PathLike | None = None,
    image_size: int = 64,
    crop: str = "128",
    cache_dir: PathLike | None = None,
    limit: int | None = None,
    verbose: int = 1,
) -> ImageData:
    """Returns CelebA, cropped and resized: 162,770 faces to train on, 19,867 and 19,962 others.

    The first call decodes the pictures into a cache on the disk, and later ones open it: the
    images are `np.memmap`s. Labels are int8 vectors of 40 attributes, +1 or -1. The parts are
    those of `list_eval_partition.txt`, in its order; pictures it does not list are not used.
    Grey, palette, CMYK and transparent pictures are converted to RGB, 16-bit grey to 8 bits.

    Args:
        data_dir: Folder of `img_align_celeba/` (or `img_align_celeba.zip`; the folder wins),
            `list_attr_celeba.txt` and `list_eval_partition.txt`; or as Kaggle packs them: lists
            that end in `.csv`, and the pictures in `img_align_celeba/img_align_celeba/`.
        image_size: Positive int, height and width of the images, resized bilinearly. Defaults to
            64.
        crop: `"128"`, the inner 128x128 of rows 45:173 and columns 25:153, or `"140"`, the 140x140
            of rows 39:179 and columns 19:159. Defaults to `"128"`.
        cache_dir: Folder for the cache. Defaults to None: `keras_tsvae/pictures` in Keras's own
            folder, which is `~/.keras` or what `KERAS_HOME` names.
        limit: Positive int, to read the first so many of every split, or None for all. Defaults
            to None.
        verbose: 1 to print, when pictures are decoded, where they are kept, how large that is and
            a progress bar; 0 not to. Defaults to 1.

    Raises:
        ValueError: If the data set is not there (the message says what to download), a file is
            broken or does not fit the others (the message names it), or an argument is out of
            range.
        OSError: If the cache cannot be written.

    Source:
        Liu et al. (2015), https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html.
    """
    image_size, limit = positive_int("image_size", image_size), check_limit(limit)
    if crop not in tuple(CROPS):
        raise ValueError(f"`crop` must be one of {list(CROPS)}. Received: crop={crop!r}")
    pictures_at, attributes, partition = _check_layout(data_dir)
    lines = {
        part: dict(itertools.islice(names.items(), limit))
        for part, names in celeba_lists.read_partition(partition, cache.PARTS).items()
    }
    options = {"set": NAME, "image_size": image_size, "crop": crop, "limit": limit}
    name = f"{NAME}-{image_size}-{crop}" + (f"-limit{limit}" if limit else "")
    with contextlib.closing(_source(pictures_at)) as source:
        lists = ((path.name, os.stat(path)) for path in (attributes, partition))
        stats = source.stats(partition, _listed(lines))
        return cache.image_data(
            NAME,
            cache.place(name, partition.parent, cache_dir),
            cache.fingerprint(options, itertools.chain(lists, stats)),
            lambda: _recipe(attributes, partition, source, lines, image_size, CROPS[crop]),
            verbose,
            flip_in_training=True,
        )


def _check_layout(data_dir):
    """Returns the paths of pictures, attributes and partition, or says what to download."""
    folder = None if data_dir is None else expanded(data_dir)
    pictures_at = (f"{_PICTURES}/{_PICTURES}", _PICTURES, _ZIP)
    found = [_first(folder, pictures_at, lambda path: path.is_dir() or path.suffix == ".zip")]
    for names in (celeba_lists.ATTRIBUTES, celeba_lists.PARTITION):
        found.append(_first(folder, names, pathlib.Path.is_file))
    wanted = (_PICTURES, celeba_lists.ATTRIBUTES[0], celeba_lists.PARTITION[0])
    missing = [name for name, path in zip(wanted, found) if path is None]
    if missing:
        raise ValueError(
            "`data_dir` must be a folder of CelebA: download img_align_celeba.zip, "
            "list_attr_celeba.txt and list_eval_partition.txt from "
            "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html into it (the zip may stay packed), "
            "or unpack Kaggle's celeba-dataset there. "
            f"Received: data_dir={data_dir if data_dir is None else str(data_dir)!r}, without "
            f"{', '.join(missing)}"
        )
    return found


def _first(folder, names, accept):
    """Returns the first path in `folder` that is there and accepted, or None."""
    paths = [] if folder is None else [folder / name for name in names]
    return next((path for path in paths if path.exists() and accept(path)), None)


def _source(path):
    return FolderSource(path) if path.is_dir() else ZipSource(path, _PICTURES)


def _listed(lines):
    """Returns the pictures of all parts as one dict."""
    return {name: line for part in lines.values() for name, line in part.items()}


def _recipe(attributes, partition, source, lines, image_size, box):
    from PIL import Image

    label_names, index, values = celeba_lists.read_attributes(attributes)
    source.check(partition, _listed(lines))
    for name in _listed(lines):
        if name not in index:
            raise ValueError(f"{str(attributes)!r} must have a row for {name!r}. Received: none")

    def transform(image, convert):
        if image.size != SIZE:
            raise ValueError(f"its size must be 178x218, but is {image.width}x{image.height}")
        image = convert(image).crop(box)
        return image.resize((image_size, image_size), Image.Resampling.BILINEAR)

    rows = {part: np.array([index[name] for name in names], int) for part, names in lines.items()}
    return cache.Recipe(
        pictures={part: list(names) for part, names in lines.items()},
        labels={part: values[rows[part]] for part in rows},
        decode=lambda name: pictures.decode(source.read(name), source.label(name), transform),
        image_shape=(image_size, image_size, 3),
        label_names=label_names,
    )
