"""Models from files and folders that nobody vouches for."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.backend.keras_internals import shapes_alone
from keras_tsvae.files import expanded
from keras_tsvae.reading.bounds import check_bytes
from keras_tsvae.reading.keras_files import described
from keras_tsvae.saving.addresses import FORMS, fetched, is_address
from keras_tsvae.saving.model_folder import check_version, newer_keras

_LAYERS = 1000  # that one number of a config may ask for
_COUNTS = ("block_per_scale", "depth", "depth_per_block", "num_scale")


def load_model(
    filepath: PathLike, custom_objects: Mapping[str, Any] | None = None, compile: bool = True
) -> keras.Model:
    """Returns the model that `save` or `save_to_preset` wrote, which may come from anywhere.

    As `keras.saving.load_model` with `safe_mode`, which refuses to run code that a file holds.
    Before Keras builds anything, it is found out how much memory that takes, and held against the
    size of the file.

    Args:
        filepath: Path of a `.keras` file or of a model's folder; `~` is expanded. Or an address:
            `"hf://user/model"` or `"hf://user/model@revision"` on Hugging Face's hub,
            `"kaggle://user/model/keras/variation"` on Kaggle's.
        custom_objects: Dict from names to classes and functions of yours that the model is made
            of, besides registered ones. Their code is run. Defaults to None.
        compile: Whether the model is compiled as it was. Defaults to True.

    Raises:
        ValueError: If there is no such file, folder or address, it is damaged, holds anything but
            a Keras model of known classes, was written by a later release of this package, or asks
            for more memory than 100 times its size, and than 64 MiB. The message names the file.
        ImportError: If the library that downloads is not installed.
        ConnectionError: If a download fails.

    Example:
        >>> model = keras_tsvae.load_model("downloaded.keras")
        >>> images = model.sample(64, seed=0)
    """
    return read_model(filepath, "filepath", custom_objects, compile)


def read_model(
    source: PathLike,
    argument: str,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
) -> keras.Model:
    """As `load_model`, whose errors call what is read `argument`."""
    path = fetched(source) if is_address(source) else None
    objects, note = dict(custom_objects or {}), ""
    try:
        path = path or expanded(source)
        found = described(path)
        note = newer_keras(found.metadata)
        check_version(found.metadata)
        _check(found.config, found.size, objects)
        model = keras.saving.load_model(path, objects, compile=compile, safe_mode=True)
        if not isinstance(model, keras.Model):
            raise ValueError(f"it holds a {type(model).__name__}")
        return model
    except Exception as error:  # there is hardly an error that a damaged file cannot cause
        raise ValueError(
            f"`{argument}` must be {', '.join(FORMS[:-1])} or {FORMS[-1]}, of a model whose "
            f"classes are known here. Received: {argument}={str(source)!r} ({_reason(error)}{note})"
        ) from error


def _reason(error):
    """Returns what went wrong, without the configs that Keras adds, which are pages long."""
    text = str(error) or type(error).__name__
    if isinstance(error, KeyError):
        return f"there is no {text} in it"
    return text.rpartition("Exception encountered: ")[2].partition(" Full object config: ")[0]


def _check(config, size, objects):
    """Raises unless a config is that of a model which asks for no more than it may."""
    config = _not_compiled(config)  # optimisers would make variables, and warn
    _check_objects({"registered_name": None, **config})
    for name, number in _numbers(config):
        if name in _COUNTS and number > _LAYERS:
            raise ValueError(f"it asks for {number:,} layers, as its {name!r}")
    with shapes_alone():
        model = keras.saving.deserialize_keras_object(config, objects, safe_mode=True)
        check_bytes((4 * math.prod(variable.shape) for variable in model.variables), size)


def _check_objects(config: Any) -> None:
    """Raises a `KeyError` if a config lacks what Keras makes an object from."""
    if isinstance(config, dict) and "registered_name" in config:
        for key in ("class_name", "config"):
            if key not in config:
                raise KeyError(key)
    for part in config.values() if isinstance(config, dict) else config:
        if isinstance(part, (dict, list)):
            _check_objects(part)


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
