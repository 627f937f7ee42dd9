"""Any folder of pictures, with its subfolders as classes."""

import math
import warnings
from collections.abc import Sequence

import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data import cache, pictures
from keras_tsvae.data.attribute_table import attributes_of
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.labelled import check_limit
from keras_tsvae.data.picture_folder import search_pictures
from keras_tsvae.files import expanded

NAME = "image_folder"


def load(
    data_dir: PathLike | None = None,
    image_size: int | Sequence[int] = 64,
    channels: int = 3,
    validation_fraction: float = 0.1,
    test_fraction: float = 0.1,
    cache_dir: PathLike | None = None,
    limit: int | None = None,
    verbose: int = 1,
    resize: str = "crop",
    skip_broken: bool = False,
    attributes: PathLike | None = None,
) -> ImageData:
    """Returns the pictures of a folder and its subfolders, cut to one size.

    The first call decodes the pictures into a cache on the disk, and later ones open it: the
    images are `np.memmap`s. A picture is turned as its EXIF tag says, converted to `channels`
    (16-bit grey to 8 bits, transparency is dropped), brought to the shape asked for (see `resize`)
    and resized bilinearly. Its class is the first subfolder on its path; pictures that lie in
    `data_dir` itself have a class named after it. The splits are cut from a fixed random order.

    Args:
        data_dir: Folder of `.jpg`, `.jpeg`, `.png`, `.bmp`, `.gif`, `.webp`, `.tif` or `.tiff`
            files, in upper or lower case, at any depth. Hidden files and folders are left out,
            linked folders are followed, and folders that cannot be read are left out with a
            warning.
        image_size: Positive int, or `(height, width)`. Defaults to 64.
        channels: 1 for grey or 3 for RGB. Defaults to 3.
        validation_fraction: Float of at least 0: the share of pictures held out for validation,
            rounded down. Defaults to 0.1.
        test_fraction: Float of at least 0: the share held out for testing. Both together must be
            less than 1. Defaults to 0.1.
        cache_dir: Folder for the cache. Defaults to None: `keras_tsvae/pictures` in Keras's own
            folder, which is `~/.keras` or what `KERAS_HOME` names.
        limit: Positive int, to read the first so many of every split, or None for all. Defaults
            to None.
        verbose: 1 to print, when pictures are decoded, how many there are, how much else was left
            out, where they are kept, how large that is and a progress bar; 0 not to. Defaults to 1.
        resize: How pictures come to the shape asked for: `"crop"` cuts them about their centre,
            `"pad"` keeps all of them, with black around, `"stretch"` changes their shape. Defaults
            to `"crop"`.
        skip_broken: Whether pictures that cannot be used are left out, with a warning that names
            them. Defaults to False.
        attributes: Path of a table of the pictures' attributes: a CSV file with a header, of each
            picture's path or name and values of 1 and 0 (or -1), or one of CelebA's lists. Then
            labels are int8 rows of +1 and -1. Defaults to None: they are classes.

    Raises:
        ValueError: If there is no picture, some are broken (the message names all of them), the
            table lacks a picture, or an argument is out of range.
        OSError: If the cache cannot be written.
    """
    height, width = _check_size(image_size)
    limit = check_limit(limit)
    if positive_int("channels", channels) not in (1, 3):
        raise ValueError(f"`channels` must be 1 or 3. Received: channels={channels!r}")
    fractions = _check_fractions(validation_fraction, test_fraction)
    if data_dir is None:
        raise ValueError("`data_dir` must be a folder of pictures. Received: data_dir=None")
    data_dir = expanded(data_dir)
    names, others = search_pictures(data_dir, "data_dir")
    shape = (height, width, channels)
    options = {"set": NAME, "shape": shape, "fractions": fractions, "limit": limit}
    if pictures.check_resize(resize) != "crop":
        options["resize"] = resize
    if skip_broken:
        options["skip_broken"] = True
    stats = [(name, pictures.stat(data_dir / name)) for name in names]
    table = None if attributes is None else expanded(attributes)
    if table is not None:
        if not table.is_file():
            raise ValueError(f"`attributes` must be a file. Received: attributes={str(table)!r}")
        options["attributes"] = str(table)
        stats.append((table, table.stat()))
    folder = f"{NAME}-{height}x{width}x{channels}-{'-'.join(map(str, fractions))}"
    folder += f"-limit{limit}" if limit else ""
    folder += "" if resize == "crop" else f"-{resize}"
    folder += "" if table is None else "-attributes"
    digest = cache.fingerprint(options, stats)
    good = list(names)

    def recipe():
        if verbose:
            print(f"{len(good):,} pictures; {others:,} others, which are none, are left out")
        label_names, labels = _labels(data_dir, good, table)
        return _recipe(data_dir, good, label_names, labels, shape, fractions, limit, resize)

    while True:
        try:
            place = cache.place(folder, data_dir, cache_dir)
            return cache.image_data(NAME, place, digest, recipe, verbose)
        except pictures.BrokenPictures as error:
            if not skip_broken or not set(good) - error.broken.keys():
                raise
            warnings.warn(f"Left out: {error}", stacklevel=3)
            good = [name for name in good if name not in error.broken]


def _check_size(image_size):
    sides = image_size if isinstance(image_size, (tuple, list)) else (image_size, image_size)
    if len(sides) != 2:
        raise ValueError(
            "`image_size` must be a positive integer or (height, width). "
            f"Received: image_size={image_size!r}"
        )
    return [positive_int("image_size", side) for side in sides]


def _check_fractions(validation_fraction, test_fraction):
    given = {"validation_fraction": validation_fraction, "test_fraction": test_fraction}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
            raise ValueError(f"`{name}` must be in [0, 1). Received: {name}={value!r}")
    if sum(given.values()) >= 1:
        raise ValueError(
            "`validation_fraction` and `test_fraction` must leave pictures to train on. "
            f"Received: {', '.join(f'{name}={value}' for name, value in given.items())}"
        )
    return [float(value) for value in given.values()]


def _labels(data_dir, names, table):
    """Returns the names of classes, or of attributes, and the pictures' labels."""
    if table is not None:
        return attributes_of(table, names)
    own = data_dir.resolve().name
    classes = [name.parts[0] if len(name.parts) > 1 else own for name in names]
    label_names = sorted(set(classes))
    numbers = {label: number for number, label in enumerate(label_names)}
    return label_names, np.array([numbers[label] for label in classes], "int64")


def _recipe(data_dir, names, label_names, labels, shape, fractions, limit, resize):
    order = np.random.default_rng(0).permutation(len(names))
    validation, test = (math.floor(len(names) * fraction + 1e-9) for fraction in fractions)
    cuts = np.split(order, [len(names) - validation - test, len(names) - test])
    rows = dict(zip(cache.PARTS, (cut[:limit] for cut in cuts)))

    def transform(image, convert):
        return pictures.resized(convert(image), shape[:2], resize)

    def decode(name):
        path = data_dir / name
        return pictures.decode(pictures.read(path), str(path), transform, shape[2])

    return cache.Recipe(
        pictures={part: [names[row] for row in rows[part]] for part in rows},
        labels={part: labels[rows[part]] for part in rows},
        decode=decode,
        image_shape=shape,
        label_names=label_names,
    )
