"""Models from `.keras` files that nobody vouches for."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.backend.keras_internals import shapes_alone
from keras_tsvae.files import expanded
from keras_tsvae.reading.bounds import check_bytes, file_size
from keras_tsvae.reading.keras_files import checked_config

_LAYERS = 1000  # that one number of a config may ask for
_COUNTS = ("block_per_scale", "depth", "depth_per_block", "num_scale")


def load_model(
    filepath: PathLike, custom_objects: Mapping[str, Any] | None = None, compile: bool = True
) -> keras.Model:
    """Returns the model that `save` wrote, from a file that may come from anywhere.

    As `keras.saving.load_model` with `safe_mode`, which refuses to run code that a file holds.
    Before Keras builds anything, it is found out how much memory that takes, and held against the
    size of the file. All errors are `ValueError`s that name the file.

    Args:
        filepath: Path of a `.keras` file; `~` is expanded.
        custom_objects: Dict from names to classes and functions of yours that the model is made
            of, besides registered ones. Their code is run. Defaults to None.
        compile: Whether the model is compiled as it was. Defaults to True.

    Raises:
        ValueError: If the file is not there, is damaged, holds anything but a Keras model of
            known classes, or asks for more memory than 100 times its size, and than 64 MiB.

    Example:
        >>> model = keras_tsvae.load_model("downloaded.keras")
        >>> images = model.sample(64, seed=0)
    """
    filepath = expanded(filepath)
    objects = dict(custom_objects or {})
    try:
        _check(filepath, objects)
        model = keras.saving.load_model(filepath, objects, compile=compile, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise ValueError(f"it holds a {type(model).__name__}")
        return model
    except Exception as error:  # there is hardly an error that a damaged file cannot cause
        raise ValueError(
            "`filepath` must name a `.keras` file of a model whose classes are known here. "
            f"Received: filepath={str(filepath)!r} ({str(error) or type(error).__name__})"
        ) from error


def _check(filepath, objects):
    """Raises unless a file is a `.keras` file that asks for no more than it may."""
    config, size = checked_config(filepath), file_size(filepath)
    for name, number in _numbers(config):
        if name in _COUNTS and number > _LAYERS:
            raise ValueError(f"it asks for {number:,} layers, as its {name!r}")
    config = _not_compiled(config)  # optimisers would make variables, and warn
    with shapes_alone():
        model = keras.saving.deserialize_keras_object(config, objects, safe_mode=True)
        check_bytes((4 * math.prod(variable.shape) for variable in model.variables), size)


def _not_compiled(config: Any) -> Any:
    """Returns a config of which no part is to be compiled."""
    if isinstance(config, list):
        return [_not_compiled(part) for part in config]
    if not isinstance(config, dict):
        return config
    return {
        name: None if name == "compile_config" else _not_compiled(part)
        for name, part in config.items()
    }


def _numbers(config: Any) -> Iterator[tuple[str, float]]:
    """Yields all numbers in a config that have a name, with it."""
    parts = config.items() if isinstance(config, dict) else ()
    yield from ((name, part) for name, part in parts if isinstance(part, (int, float)))
    for part in config.values() if isinstance(config, dict) else config:
        if isinstance(part, (dict, list)):
            yield from _numbers(part)
