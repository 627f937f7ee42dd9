"""The stages of a preset."""

import inspect

from keras_tsvae import networks
from keras_tsvae.models.first_stage import FirstStageVAE
from keras_tsvae.models.second_stage import SecondStage
from keras_tsvae.models.second_stage_auto import SecondStageAuto
from keras_tsvae.models.second_stage_flow import SecondStageFlow
from keras_tsvae.models.second_stage_mixture import SecondStageMixture
from keras_tsvae.models.second_stage_vae import SecondStageVAE
from keras_tsvae.presets import Preset

NETWORKS = {
    "resnet": (networks.ResNetEncoder, networks.ResNetDecoder),
    "infogan": (networks.InfoGANEncoder, networks.InfoGANDecoder),
    "wae": (networks.WAEEncoder, networks.WAEDecoder),
}
_DENSITIES = {"mixture": SecondStageMixture, "flow": SecondStageFlow, "auto": SecondStageAuto}
_ARGUMENTS = (
    "base_dim",
    "num_scale",
    "block_per_scale",
    "depth_per_block",
    "kernel_size",
    "fc_dim",
)


def make_stages(preset: Preset) -> tuple[FirstStageVAE, SecondStage]:
    """Returns the untrained `FirstStageVAE` and second stage of a `presets.Preset`."""
    given = {name: getattr(preset, name) for name in _ARGUMENTS}
    given = {name: value for name, value in given.items() if value is not None}
    classes = NETWORKS[preset.network]
    taken = [inspect.signature(cls).parameters for cls in classes]
    unknown = [name for name in given if not any(name in parameters for parameters in taken)]
    if unknown:
        raise ValueError(
            f"`overrides` must be arguments that the {preset.network} network takes. "
            f"Received: {unknown}"
        )
    condition = _conditioning(preset, "first")
    encoder, decoder = (
        cls(
            preset.image_shape,
            preset.latent_dim,
            **{name: value for name, value in {**given, **condition}.items() if name in parameters},
        )
        for cls, parameters in zip(classes, taken)
    )
    first = FirstStageVAE(encoder, decoder, preset.gamma, preset.likelihood)
    return first, _second_stage(preset)


def _second_stage(preset):
    condition = _conditioning(preset, "second")
    if preset.second_stage in _DENSITIES:
        density = _DENSITIES[preset.second_stage]
        return density(preset.latent_dim, condition_dim=condition.get("condition_dim"))
    return SecondStageVAE(
        preset.latent_dim,
        preset.second_stage_width,
        preset.second_stage_depth,
        gamma=preset.gamma if preset.second_stage_gamma is None else preset.second_stage_gamma,
        **condition,
    )


def _conditioning(preset, stage):
    """Returns the networks' arguments for the condition of one stage."""
    if preset.conditions is None or preset.conditioned_stages not in ("both", stage):
        return {}
    return {"condition_dim": preset.condition_dim, "conditioning": preset.conditioning}
