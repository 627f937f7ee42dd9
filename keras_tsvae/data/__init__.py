"""Data sets of images: `load` one by its name, and feed its splits to a model.

Nothing is read before `load` is called; MNIST, Fashion-MNIST and CIFAR-10 are downloaded by
Keras, or read from files that you bring, as CelebA and your own folder of pictures are. Pictures of
the latter two are decoded once, into `keras_tsvae/pictures` in Keras's own folder (`~/.keras`, or
what `KERAS_HOME` names) or into `cache_dir`, one uint8 array for each set of options. Such folders,
and any `keras_tsvae_cache` among pictures, where they were before, can be deleted at any time.
"""

import inspect
import typing

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.data import celeba, cifar10, digits, fashion_mnist, image_folder, mnist
from keras_tsvae.data.image_data import ImageData
from keras_tsvae.data.split import Split

__all__ = ["ImageData", "Split", "load", "names"]

_SETS = {module.NAME: module for module in (digits, mnist, fashion_mnist, cifar10, celeba)}
_SETS[image_folder.NAME] = image_folder


def names() -> tuple[str, ...]:
    """Returns the names that `load` knows."""
    return tuple(_SETS)


def load(
    name: str,
    data_dir: PathLike | None = None,
    *,
    limit: int | None = None,
    **options: typing.Any,
) -> ImageData:
    """Returns the data set of that name.

    Args:
        name: One of `names()`.
        data_dir: Folder that holds the data set's files: a must for `"celeba"` and
            `"image_folder"`, not for `"digits"`. Defaults to None: downloaded by Keras or found in
            its cache. A folder that is given is never replaced by a download.
        limit: Positive int, to keep the first so many of every split, or None for all. Defaults
            to None.
        **options: What the `load` function of the set's module takes, such as `validation_size` or
            `image_size`.

    Raises:
        ValueError: If the name or an option is unknown, the data set is not there (the message
            says what to download from where, and where to put it), or a file is broken (the
            message names it).

    Example:
        >>> data = keras_tsvae.data.load("celeba", "celeba_folder", image_size=64, crop="128")
        >>> model.fit(data.train.tf_dataset(64, training=True))
    """
    if name not in names():
        raise ValueError(f"`name` must be one of {', '.join(names())}. Received: name={name!r}")
    module = _SETS[name]
    known = [p for p in inspect.signature(module.load).parameters if p not in ("data_dir", "limit")]
    for option in options:
        if option not in known:
            raise ValueError(
                f"`{option}` must be an option of the data set {name!r}: "
                f"{', '.join(known) or 'it has none'}. Received: {option}={options[option]!r}"
            )
    return module.load(data_dir, limit=limit, **options)
