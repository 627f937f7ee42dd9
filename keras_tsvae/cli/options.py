"""Arguments and options that several commands take."""

from typing import Annotated

import typer

MODEL = "A .keras file, the folder of a run or of a model, or hf://user/model"  # in help
Model = Annotated[str, typer.Argument(metavar="MODEL", help=f"{MODEL}.")]
Pictures = Annotated[
    list[str], typer.Argument(metavar="PICTURES", help="Files, or folders of pictures.")
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is there by the same name.")
]
Output = Annotated[
    str,
    typer.Option(
        "--output", "-o", help="A folder for PNGs, or a file: grid.png, or arrays.npz of floats."
    ),
]
ClassName = Annotated[
    str | None, typer.Option("--class", help="Label or name of a class of the model's.")
]
With = Annotated[
    list[str] | None, typer.Option("--with", help="An attribute that shall be there; repeat.")
]
Without = Annotated[
    list[str] | None, typer.Option("--without", help="An attribute that shall not; repeat.")
]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--value",
        help="Of a model of numbers: 7, or all of a vector as 0.5,-1, or name=0.5; repeat.",
    ),
]
Strength = Annotated[
    float, typer.Option(min=0, help="Of what is asked for; more than 1 exaggerates it.")
]
Steps = Annotated[int, typer.Option(min=2, help="Pictures from one end to the other.")]
Stage = Annotated[str, typer.Option(metavar="1|2|mixture", help="What the model draws from.")]
Resize = Annotated[
    str | None,
    typer.Option(
        metavar="crop|pad|stretch",
        help="How pictures come to the model's shape. [default: as in the model's run, or crop]",
    ),
]
Protocol = Annotated[
    str, typer.Option(metavar="standard|dai-wipf", help="How pictures are prepared.")
]
SkipBroken = Annotated[
    bool, typer.Option("--skip-broken", help="Go on without pictures that cannot be read.")
]
Features = Annotated[
    str,
    typer.Option(
        metavar="inception|judge|WEIGHTS",
        help="What pictures are measured by: Inception (downloaded), the judge.keras of a run, "
        "or a file of Inception's weights or of a judge.",
    ),
]
DataDir = Annotated[
    str | None, typer.Option(help="Folder of a data set's files, where it is named.")
]


def check_protocol(protocol: str) -> None:
    """Raises a usage error unless it is a name of `keras_tsvae.metrics.PROTOCOLS`."""
    from keras_tsvae.metrics import PROTOCOLS

    if protocol not in PROTOCOLS:
        message = f"{protocol!r} is not {' or '.join(PROTOCOLS)}"
        raise typer.BadParameter(message, param_hint="'--protocol'")


def stage_of(stage: str) -> int | str:
    """Returns 1, 2 or `"mixture"`, or raises a usage error."""
    stages: dict[str, int | str] = {"1": 1, "2": 2, "mixture": "mixture"}
    if stage not in stages:
        raise typer.BadParameter(f"{stage!r} is not 1, 2 or mixture", param_hint="'--stage'")
    return stages[stage]
