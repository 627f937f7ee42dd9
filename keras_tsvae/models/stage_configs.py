"""How the stages of a whole model are written into its config, and read from it."""

import typing
import warnings

import keras


def serialized(stage: keras.Model) -> dict[str, typing.Any]:
    """Returns the config of a stage as part of a whole model's, which says how it is compiled."""
    config = keras.saving.serialize_keras_object(stage)
    config.pop("compile_config", None)
    return config


def deserialized(
    config: dict[str, typing.Any], custom_objects: dict[str, typing.Any] | None = None
) -> typing.Any:
    """Returns the stage of a config that `serialized` returned.

    In older files the stage's config holds how it was compiled. A stage of such a file is compiled
    if it can be.
    """
    compile_config = config.get("compile_config")
    without = {key: value for key, value in config.items() if key != "compile_config"}
    stage = keras.saving.deserialize_keras_object(without, custom_objects)
    if compile_config:
        try:
            with keras.saving.custom_object_scope(custom_objects or {}):
                stage.compile_from_config(compile_config)
        except (TypeError, ValueError, AttributeError) as error:
            warnings.warn(
                f"{stage.name!r} was not compiled as part of model loading: {error} Call "
                "`compile()` to train it.",
                stacklevel=2,
            )
    return stage


def compile_configs(stages: dict[str, keras.Model]) -> dict[str, typing.Any] | None:
    """Returns the compile configs of those of a dict of stages that are compiled, by their names.

    It is None if none is compiled.
    """
    configs = {name: stage.get_compile_config() for name, stage in stages.items()}
    return {name: config for name, config in configs.items() if config} or None


def compile_stages(stages: dict[str, keras.Model], configs: dict[str, typing.Any]) -> None:
    """Compiles a dict of stages with what `compile_configs` returned."""
    for name, config in configs.items():
        stages[name].compile_from_config(config)
