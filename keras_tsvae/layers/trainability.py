"""Which layers inside a layer are trainable: kept where it is made anew from its arguments.

Keras keeps `trainable` in the config of every layer that has a config of its own. Layers that
others make are described by the arguments of those, which keep it for them in one further entry.
"""

ENTRY = "layers_trainable"  # in a config, and only where it is not empty


def with_trainability(config, layer):
    """Returns `config`, with the entry that keeps `trainable` of the layers inside `layer`."""
    by_path = trainability(layer)
    return {**config, ENTRY: by_path} if by_path else config


def trainability(layer) -> dict:
    """Returns `trainable`, by path, of all layers inside that differ in it from what they are in.

    Paths are names joined by slashes, such as `"scale_0/block_0/shortcut"`; a layer comes before
    those inside it.
    """
    by_path = {}
    for inner in _inside(layer):
        if inner.trainable != layer.trainable:
            by_path[inner.name] = inner.trainable
        for path, trainable in trainability(inner).items():
            by_path[f"{inner.name}/{path}"] = trainable
    return by_path


def set_trainability(layer, by_path, path=""):
    """Sets what `trainability` returned; all other layers inside follow what they are in."""
    for inner in _inside(layer):
        inner_path = f"{path}{inner.name}"
        # Not left to the setter of `layer`: on TensorFlow it does nothing where nothing changes.
        inner.trainable = by_path.get(inner_path, layer.trainable)
        set_trainability(inner, by_path, f"{inner_path}/")


def _inside(layer):
    return layer._flatten_layers(include_self=False, recursive=False)
