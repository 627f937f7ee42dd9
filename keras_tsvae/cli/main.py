"""The program `keras-tsvae`: its commands, one module each."""

import typer

from keras_tsvae.cli import (
    edit,
    evaluate,
    explore,
    export,
    fid,
    info,
    interpolate,
    presets,
    push,
    reconstruct,
    sample,
    statistics,
    train,
    traverse,
)
from keras_tsvae.cli.answer import answered
from keras_tsvae.cli.command_line import CommandLine

HELP = """Two-Stage VAE: draw, change and measure pictures.

A MODEL is a .keras file, the folder of a run that holds one, the folder of a model, an address such
as hf://user/model, or, to sample, a SavedModel. Results go to stdout, progress and errors to
stderr. The exit code is 0 for success; 2 where the command itself is wrong: an option, a path that
is not there, a class that the model does not know; and 1 for anything else.

With --debug, anywhere, errors come with their traceback.
"""

COMMANDS = {
    "train": train,
    "presets": presets,
    "info": info,
    "sample": sample,
    "edit": edit,
    "reconstruct": reconstruct,
    "interpolate": interpolate,
    "traverse": traverse,
    "evaluate": evaluate,
    "fid": fid,
    "statistics": statistics,
    "export": export,
    "push": push,
    "explore": explore,
}

app = typer.Typer(
    name="keras-tsvae",
    cls=CommandLine,
    help=HELP,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _name, _module in COMMANDS.items():
    _examples = "\n".join(f"  keras-tsvae {_name} {line}" for line in _module.EXAMPLES)
    app.command(_name, epilog=f"\b\nExamples:\n{_examples}")(
        answered(_module.run, needs_keras=_module is not presets)
    )


@app.callback(help=HELP)
def program() -> None:
    """Holds what all commands have in common."""
