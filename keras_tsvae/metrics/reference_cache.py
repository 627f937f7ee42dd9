"""Where features of real images are kept, by a digest of all they depend on."""

import hashlib
import pathlib
import warnings
from collections.abc import Callable

import numpy as np

from keras_tsvae.arrays.types import ImagesLike, PathLike
from keras_tsvae.files import cache_folder, expanded
from keras_tsvae.metrics.extractors import Extractor
from keras_tsvae.metrics.sources import is_array, source_batches

_VERSION = 1  # of what is kept; another one makes every older file be left alone


def place(
    images: ImagesLike,
    num_images: int | None,
    extractor: Extractor,
    max_features: int,
    cache_dir: PathLike | None = None,
) -> pathlib.Path | None:
    """Returns the path of the file for these images and features, or None if none is kept.

    Args:
        images: What `source_batches` takes.
        num_images: How many of them, or None for all.
        extractor: What `as_extractor` returns.
        max_features: How many features are kept.
        cache_dir: Folder, or None for `keras_tsvae/references` in Keras's own.
    """
    again = is_array(images) or isinstance(images, (str, pathlib.Path))
    if not again or not extractor.cacheable:
        return None
    settings = (_VERSION, extractor.features_identity, extractor.resize, max_features)
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=12)
    for batch in source_batches(images, num_images, "reference"):
        digest.update(f"{batch.dtype}{batch.shape}".encode())
        digest.update(np.ascontiguousarray(batch).data)
    folder = cache_folder("references") if cache_dir is None else expanded(cache_dir)
    return folder / f"{digest.hexdigest()}.npz"


def try_to_save(save: Callable[[pathlib.Path], None], path: pathlib.Path) -> None:
    """Calls the `save` of a `ReferenceStatistics`, or warns where the folder cannot be written."""
    try:
        save(path)
    except OSError as error:
        warnings.warn(f"The features cannot be kept in {str(path.parent)!r}: {error}", stacklevel=4)
