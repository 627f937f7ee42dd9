"""`keras-tsvae presets`: the experiments that the package knows."""

from typing import Annotated

import typer

from keras_tsvae.cli.answer import Answer
from keras_tsvae.cli.options import Json
from keras_tsvae.presets.published import describe, get, names

EXAMPLES = ("", "mnist_fast", "cifar10 --json")
_COLUMNS = "{:30}{:15}{:12}{:>8}{:>14}"


def run(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="All settings of this one.")
    ] = None,
    as_json: Json = False,
) -> Answer:
    """List the presets, which are whole experiments, or show all settings of one."""
    if name is None:
        presets = [get(name) for name in names()]
        lines = [_COLUMNS.format("name", "data set", "network", "latents", "epochs")]
        lines += [
            _COLUMNS.format(p.name, p.dataset, p.network, p.latent_dim, _epochs(p)) for p in presets
        ]
        return Answer("\n".join(lines), [preset.to_dict() for preset in presets])
    if name not in names():
        raise typer.BadParameter(f"{name!r} is none of {', '.join(names())}", param_hint="'NAME'")
    return Answer(describe(name), get(name).to_dict())


def _epochs(preset):
    return f"{preset.epochs} + {preset.second_stage_epochs}"
