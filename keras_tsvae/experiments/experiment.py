"""An experiment as data."""

import dataclasses
import typing

import keras

from keras_tsvae import presets
from keras_tsvae.experiments.data_settings import DataSettings
from keras_tsvae.experiments.evaluation_settings import EvaluationSettings
from keras_tsvae.experiments.fit_settings import FitSettings
from keras_tsvae.models import ConditionalTwoStageVAE, TwoStageVAE
from keras_tsvae.models.preset_networks import make_stages


@dataclasses.dataclass(frozen=True)
class Experiment:
    """An experiment: its pictures, its model, how that is fitted, and how it is measured.

    Args:
        data: `DataSettings`.
        model: A `keras_tsvae.presets.Preset`, a published one or one's own: networks, stages,
            conditions, epochs, batch sizes, learning rates.
        fit: `FitSettings`.
        evaluation: `EvaluationSettings`.
    """

    data: DataSettings
    model: presets.Preset
    fit: FitSettings = FitSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @classmethod
    def from_dict(cls, config: dict[str, typing.Any]) -> "Experiment":
        """Returns the experiment of `to_dict`; what else there is in its parts is left out."""
        kinds: dict[str, typing.Any] = {
            "data": DataSettings,
            "model": presets.Preset,
            "fit": FitSettings,
            "evaluation": EvaluationSettings,
        }
        return cls(**{name: _from_dict(kind, config[name]) for name, kind in kinds.items()})

    def to_dict(self) -> dict[str, dict[str, typing.Any]]:
        """Returns all settings, of what JSON can hold, in `data`, `model`, `fit`, `evaluation`."""
        return dataclasses.asdict(self)

    def make_model(self) -> TwoStageVAE:
        """Returns the untrained model, compiled."""
        former = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.fit.dtype_policy)
        try:
            model = _model(self.model)
        finally:
            keras.config.set_dtype_policy(former)
        model.compile(**self.fit.compiling)
        return model


def _model(preset):
    stages, conditions = make_stages(preset), presets.conditions_of(preset)
    if conditions is None:
        return TwoStageVAE(*stages, preset=preset)
    return ConditionalTwoStageVAE(*stages, conditions, preset=preset)


def _from_dict(kind, values):
    fields = {field.name for field in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in fields})
