"""Which layers inside a layer are trainable: kept where it is made anew from its arguments.

Keras keeps `trainable` in the config of every layer that has a config of its own. Layers that
others make are described by the arguments of those, which keep it for them in one further entry.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras

from keras_tsvae.backend.keras_internals import all_layers, layers_inside

ENTRY = "layers_trainable"  # in a config, and only where it is not empty


def with_trainability(config: dict[str, Any], layer: keras.Layer) -> dict[str, Any]:
    """Returns `config`, with the entry that keeps `trainable` of the layers inside `layer`."""
    by_path = trainability(layer)
    return {**config, ENTRY: by_path} if by_path else config


def trainability(layer: keras.Layer) -> dict[str, bool]:
    """Returns `trainable`, by path, of all layers inside that differ in it from what they are in.

    Paths are names joined by slashes, such as `"scale_0/block_0/shortcut"`; a layer comes before
    those inside it.
    """
    by_path = {}
    for inner in layers_inside(layer):
        if inner.trainable != layer.trainable:
            by_path[inner.name] = inner.trainable
        for path, trainable in trainability(inner).items():
            by_path[f"{inner.name}/{path}"] = trainable
    return by_path


def set_trainability(layer: keras.Layer, by_path: dict[str, bool], path: str = "") -> None:
    """Sets what `trainability` returned; all other layers inside follow what they are in."""
    for inner in layers_inside(layer):
        inner_path = f"{path}{inner.name}"
        # Not left to the setter of `layer`: on TensorFlow it does nothing where nothing changes.
        inner.trainable = by_path.get(inner_path, layer.trainable)
        set_trainability(inner, by_path, f"{inner_path}/")


def from_arguments(cls: type[keras.Layer], config: dict[str, Any]) -> keras.Layer:
    """Makes a layer, which makes those inside itself, of what `with_trainability` returned."""
    layer = cls(**{key: value for key, value in config.items() if key != ENTRY})
    restore_trainability(layer, config)
    return layer


def restore_trainability(layer: keras.Layer, config: dict[str, Any]) -> None:
    """Sets what `with_trainability` kept in a config, and the layer's own `trainable`."""
    layer.trainable = config.get("trainable", True)
    set_trainability(layer, config.get(ENTRY, {}))


@contextlib.contextmanager
def trainability_kept(layers: Iterable[keras.Layer]) -> Iterator[None]:
    """Leaves `trainable` of `layers`, and of all inside them, as it is before."""
    kept = [(inner, inner.trainable) for layer in layers for inner in all_layers(layer)]
    yield
    for inner, trainable in kept:
        inner.trainable = trainable
