"""The published weights of the Inception network: found, checked, and converted once."""

import contextlib
import hashlib
import os
import typing
from collections.abc import Mapping

import keras
import numpy as np

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.files import cache_folder, expanded, written_beside
from keras_tsvae.metrics.inception.state_dict import read_state_dict
from keras_tsvae.reading.npz import read_npz

NAME = "pt_inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{NAME}"
_SHA256_START = "6726825d"  # as the name says
_EPSILON = 1e-3  # of the batch normalisations


def load_weights(
    weights: PathLike | None, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns `(kernel, bias)` by layer, batch normalisation folded into the convolutions.

    What is converted is kept in the cache folder, under the hash of the file it comes from.

    Args:
        weights: Path of a file that `read_state_dict` takes, with the names and shapes of the
            published one; or None: the published file is downloaded, or found where it was
            downloaded to before.
        shapes: Dict from the names of the layers wanted to the shapes of their kernels:
            `(height, width, inputs, filters)`, or `(inputs, units)` without batch normalisation.

    Returns:
        Dict from the names to pairs of float32 arrays.

    Raises:
        ValueError: If there is no such file, the download fails, or the file is damaged, is not
            the published one, lacks a weight or has it in another shape, or holds numbers that
            are not finite.
    """
    path = _downloaded() if weights is None else _existing(weights)
    digest = _sha256(path)
    if weights is None:
        _check_published(path, digest)
    cache = cache_folder("inception") / f"{digest[:16]}.npz"
    converted = _from_cache(cache, shapes)
    if converted is None:
        converted = _converted(path, shapes)
        with contextlib.suppress(OSError):  # without a cache it only takes longer
            _to_cache(cache, converted)
    return converted


def _existing(weights):
    try:
        path = expanded(weights)
    except TypeError:
        path = None
    if path is None or not path.is_file():
        raise ValueError(
            "`weights` must be None or the path of a file of weights (.pth, .npz or .h5). "
            f"Received: weights={weights!r}"
        )
    return path


def _downloaded():
    path = cache_folder("inception") / NAME
    if path.is_file():
        return path
    try:
        with written_beside(path) as partial:
            if not os.access(path.parent, os.W_OK):  # Keras would take another folder
                raise PermissionError(f"the folder {str(path.parent)!r} cannot be written to")
            keras.utils.get_file(partial.name, URL, cache_dir=str(path.parent), cache_subdir="")
            _check_published(URL, _sha256(partial))
    except Exception as error:  # Keras raises plain `Exception` where a download fails
        raise ValueError(
            f"The weights of the Inception network cannot be downloaded: download {URL} to "
            f"{str(path)!r}, or anywhere and pass its path as `weights`. Received: {error!r}"
        ) from error
    return path


def _check_published(source, digest):
    if not digest.startswith(_SHA256_START):
        raise ValueError(
            f"The weights must be the published file, whose SHA-256 starts with {_SHA256_START}; "
            f"delete a damaged file. Received: {str(source)!r}, of SHA-256 {digest}"
        )


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _from_cache(path, shapes):
    """Returns what `_to_cache` wrote, or None if it is damaged or does not have all layers."""
    try:
        arrays = read_npz(path)
        found = {name: (arrays[f"{name}/kernel"], arrays[f"{name}/bias"]) for name in shapes}
    except Exception:  # there is hardly an error that a damaged file cannot cause
        return None
    for name, (kernel, bias) in found.items():
        if kernel.shape != shapes[name] or bias.shape != shapes[name][-1:]:
            return None
    return found


def _to_cache(path, converted):
    arrays: dict[str, typing.Any] = {}
    for name, (kernel, bias) in converted.items():
        arrays |= {f"{name}/kernel": kernel, f"{name}/bias": bias}
    with written_beside(path) as partial:
        np.savez(partial, **arrays)


def _converted(path, shapes):
    state = read_state_dict(path)

    def take(key, shape):
        if key not in state or state[key].shape != shape:
            found = f"shape {state[key].shape}" if key in state else "no such key"
            raise ValueError(
                f"The file of weights must have {key!r} of shape {shape}. "
                f"Received: {str(path)!r}, {found}"
            )
        value = state[key].astype("float64")
        if not np.isfinite(value).all() or (key.endswith("running_var") and value.min() < 0):
            raise ValueError(
                "The file of weights must hold finite numbers, and variances of at least 0. "
                f"Received: {str(path)!r}, others in {key!r}"
            )
        return value

    return {
        name: _folded(name, shape, take) if len(shape) == 4 else _dense(name, shape, take)
        for name, shape in shapes.items()
    }


def _folded(name, shape, take):
    """Returns one convolution that is a convolution and its batch normalisation."""
    height, width, inputs, filters = shape
    kernel = take(f"{name}.conv.weight", (filters, inputs, height, width))
    scale, offset, mean, variance = (
        take(f"{name}.bn.{part}", (filters,))
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = scale / np.sqrt(variance + _EPSILON)
    kernel = kernel.transpose(2, 3, 1, 0) * factor
    return kernel.astype("float32"), (offset - mean * factor).astype("float32")


def _dense(name, shape, take):
    kernel, bias = take(f"{name}.weight", shape[::-1]), take(f"{name}.bias", shape[-1:])
    return kernel.T.astype("float32"), bias.astype("float32")
