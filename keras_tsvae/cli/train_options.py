"""Options of `keras-tsvae train`: what is chosen from the pictures unless it is given."""

from typing import Annotated

import typer

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A folder of pictures, an .npz, the name of a data set, or that of a preset.",
    ),
]
Run = Annotated[
    str,
    typer.Option("--output", "-o", help="Folder of the run; one that is there goes on."),
]
Budget = Annotated[
    str | None,
    typer.Option(
        metavar="10m|2h|N epochs",
        help="How long to train. [default: 10m; of a preset its own epochs]",
    ),
]
Preset = Annotated[str | None, typer.Option(help="Take the settings of this one; see `presets`.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, measured; write nothing.")
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Begin anew, whatever was trained in --output.")
]
Conditions = Annotated[
    str,
    typer.Option(
        metavar="auto|none|classes|attributes",
        help="What the model can be asked for; auto: what the pictures come with.",
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(
        metavar="crop|pad|stretch", help="How pictures come to one shape. [default: crop]"
    ),
]
Size = Annotated[int | None, typer.Option(min=4, help="Height and width of a folder's pictures.")]
Channels = Annotated[int | None, typer.Option(min=1, max=3, help="1 for grey, 3 for colour.")]
TestFraction = Annotated[
    float | None, typer.Option(help="Share of pictures that are held out. [default: 0.1]")
]
Limit = Annotated[int | None, typer.Option(min=2, help="No more pictures of each part.")]
Network = Annotated[str | None, typer.Option(metavar="infogan|resnet|wae")]
LatentDim = Annotated[int | None, typer.Option(min=1, help="Width of the latent vectors.")]
BaseDim = Annotated[int | None, typer.Option(min=1, help="Width of the networks.")]
SecondStage = Annotated[str | None, typer.Option(metavar="mixture|flow|auto|vae")]
Gamma = Annotated[str | None, typer.Option(metavar="optimal|learned|computed|NUMBER")]
LearningRate = Annotated[float | None, typer.Option(help="At first; it falls along a cosine.")]
BatchSize = Annotated[int | None, typer.Option(min=1)]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Of the first stage, in place of --budget.")
]
SecondEpochs = Annotated[int | None, typer.Option("--second-stage-epochs", min=1)]
DtypePolicy = Annotated[str | None, typer.Option(help="Such as mixed_bfloat16.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Of all random numbers. [default: 0]")]
