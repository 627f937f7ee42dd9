"""Whole models by a name: of an experiment, of a folder, or of an address."""

import pathlib
import typing
import warnings

import keras

from keras_tsvae import presets
from keras_tsvae.arrays.types import PathLike
from keras_tsvae.models.base import BaseModel
from keras_tsvae.models.preset_networks import make_stages
from keras_tsvae.reading.keras_files import is_model_folder
from keras_tsvae.saving.addresses import FORMS, is_source

if typing.TYPE_CHECKING:
    from typing_extensions import Self

_CLASSES = {True: "ConditionalTwoStageVAE", False: "TwoStageVAE"}  # whether there are conditions


class FromPreset(BaseModel):
    """A whole model that a preset makes, or that was shared.

    A subclass takes a first and a second stage, conditions if it `takes_conditions`, and `preset`.
    """

    takes_conditions = False

    @classmethod
    def from_preset(cls, name: PathLike, **overrides: typing.Any) -> "Self":
        """Returns the untrained model of a published experiment, or a trained one that was shared.

        Args:
            name: One of `keras_tsvae.presets.names()`; or the path of a folder that
                `save_to_preset` wrote; or the address of one: `"hf://user/model"` or
                `"hf://user/model@revision"` on Hugging Face's hub,
                `"kaggle://user/model/keras/variation"` on Kaggle's.
            **overrides: Of an experiment, fields of `keras_tsvae.presets.Preset` in place of the
                preset's own, such as `latent_dim=32`, `gamma="computed"`, `train_size=5000` or
                `condition_names`.

        Returns:
            A `TwoStageVAE`, or a `ConditionalTwoStageVAE` where there are conditions. `compile()`
            gives it the preset's optimisers and schedules; `model.preset` holds its batch size and
            epochs.

        Raises:
            ValueError: If there is no such preset, folder or field, a value does not fit, or the
                model is of another class than the one that is asked for it.
            ImportError: If the library that downloads is not installed.
            ConnectionError: If a download fails.

        Example:
            >>> model = keras_tsvae.TwoStageVAE.from_preset("cifar10")
            >>> model.compile()
            >>> model.fit(images)  # for as many epochs as published
        """
        if name not in presets.names():
            return cls._shared(name, overrides)
        if is_model_folder(pathlib.Path(name)):
            warnings.warn(
                f"{name!r} is taken for the experiment of that name. The folder of that name is "
                f"'./{name}'.",
                stacklevel=2,
            )
        preset = presets.get(str(name), **overrides)
        conditions = presets.conditions_of(preset)
        kind: typing.Any = cls
        if cls.takes_conditions != (conditions is not None):
            found = _CLASSES[conditions is not None]
            kind = keras.saving.get_registered_object(f"keras_tsvae>{found}")
            if not issubclass(kind, cls):
                raise ValueError(
                    f"`name` must be a preset of a {cls.__name__}: one of "
                    f"{presets.names(conditional=cls.takes_conditions)}. "
                    f"Received: name={name!r}, which makes a {found}"
                )
        return kind(*make_stages(preset), *([conditions] if conditions else []), preset=preset)

    @classmethod
    def _shared(cls, name, overrides):
        if not is_source(name):
            raise ValueError(
                f"`name` must be one of {presets.names()}, or {', or '.join(FORMS)}. "
                f"Received: name={name!r}"
            )
        if overrides:
            raise ValueError(
                "`overrides` are for presets of experiments: what is in a folder is as it is. "
                f"Received: {sorted(overrides)} for name={str(name)!r}"
            )
        return super().from_preset(name)
