"""Models of other precisions, as runtimes take them: in float32."""

from typing import Any

import keras

_OTHERS = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "float64")


def in_float32(model: keras.Model) -> keras.Model:
    """Returns `model`, or a copy of it that computes in float32 if a layer of it does not.

    Args:
        model: A built `TwoStageVAE`.
    """
    if all(layer.compute_dtype == "float32" for layer in model._flatten_layers()):
        return model
    copy = type(model).from_config(_float32(model.get_config()))
    if not copy.built:
        copy.build((None, *model.image_shape))
    for stage, wide in ((s, getattr(copy, s)) for s in ("first_stage", "second_stage")):
        wide.set_weights(getattr(model, stage).get_weights())
    copy.mixture = model.mixture
    if model.condition_dim is not None:
        copy.joint = model.joint
        copy.recognizer.set_weights(model.recognizer.get_weights())
    return copy


def _float32(config: Any) -> Any:
    """Returns a config with every other dtype and policy in it replaced."""
    if isinstance(config, dict):
        return {key: _float32(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(map(_float32, config))
    return "float32" if isinstance(config, str) and config in _OTHERS else config
