"""The models: one `keras.Model` for each stage, and the two together."""

from keras_tsvae.models.conditional_two_stage import ConditionalTwoStageVAE
from keras_tsvae.models.first_stage import FirstStageVAE
from keras_tsvae.models.second_stage import SecondStage
from keras_tsvae.models.second_stage_auto import SecondStageAuto
from keras_tsvae.models.second_stage_flow import SecondStageFlow
from keras_tsvae.models.second_stage_mixture import SecondStageMixture
from keras_tsvae.models.second_stage_vae import SecondStageVAE
from keras_tsvae.models.two_stage import TwoStageVAE

__all__ = [
    "ConditionalTwoStageVAE",
    "FirstStageVAE",
    "SecondStage",
    "SecondStageAuto",
    "SecondStageFlow",
    "SecondStageMixture",
    "SecondStageVAE",
    "TwoStageVAE",
]
