"""Two-Stage VAE (Dai & Wipf 2019) for Keras 3."""

import sys
import typing

from keras_tsvae.version import __version__ as __version__


def _is_command_line() -> bool:
    """Whether this process is `keras-tsvae` or `python -m keras_tsvae`.

    Its modules import what they need, so that `--help` need not wait for Keras. A process that is
    not recognised is only slower.
    """
    started = (getattr(sys, "argv", None) or [""])[0].replace("\\", "/").rpartition("/")[2]
    if started == "-m":  # what Python puts there while it looks for the module to run
        return "keras_tsvae" in sys.orig_argv
    return started in ("keras-tsvae", "keras-tsvae.exe")


if typing.TYPE_CHECKING or not _is_command_line():
    from keras_tsvae import (
        callbacks,
        conditions,
        data,
        hub,
        layers,
        losses,
        metrics,
        networks,
        optimizers,
        presets,
    )
    from keras_tsvae.evaluation import generation_report, obedience, obedience_report
    from keras_tsvae.evaluation.obedience import evaluate_obedience
    from keras_tsvae.latents import mixture, posteriors
    from keras_tsvae.latents.posteriors import Posteriors
    from keras_tsvae.models import (
        ConditionalTwoStageVAE,
        FirstStageVAE,
        SecondStage,
        SecondStageAuto,
        SecondStageFlow,
        SecondStageMixture,
        SecondStageVAE,
        TwoStageVAE,
    )
    from keras_tsvae.official import load_official_checkpoint
    from keras_tsvae.presets import preset
    from keras_tsvae.saving.load_model import load_model

    # Places from before there were rooms for these, which pickled objects and imports may name.
    for _place, _module in {
        "metrics.generation_report": generation_report,
        "metrics.obedience_report": obedience_report,
        "mixture": mixture,
        "obedience": obedience,
        "posteriors": posteriors,
        "preset": preset,
    }.items():
        sys.modules[f"{__name__}.{_place}"] = _module

__all__ = [
    "ConditionalTwoStageVAE",
    "FirstStageVAE",
    "Posteriors",
    "SecondStage",
    "SecondStageAuto",
    "SecondStageFlow",
    "SecondStageMixture",
    "SecondStageVAE",
    "TwoStageVAE",
    "callbacks",
    "conditions",
    "data",
    "evaluate_obedience",
    "hub",
    "layers",
    "load_model",
    "load_official_checkpoint",
    "losses",
    "metrics",
    "networks",
    "optimizers",
    "presets",
]
