"""`keras-tsvae sample`: new pictures."""

from typing import Annotated, Any

import typer

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer

EXAMPLES = (
    "runs/digits_fast -n 64 --output grid.png",
    "model.keras --seed 0,1,4-6 --class 7 --output sevens",
    "faces.keras -n 1000 --with Smiling --without Male --strength 1.5 --output faces.npz",
    "clocks.keras --value hour=3 --value minute=30 --output half_past_three.png",
    "saved_model --stage 1 --output stage1.png",
)
_BATCH = 256


def run(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help=f"{options.MODEL}; or the folder of a SavedModel."),
    ],
    output: options.Output,
    n: Annotated[
        int | None, typer.Option("-n", min=1, help="Pictures of each seed. [default: see --seed]")
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(
            help="A number, or several such as 0,1,4-6: one picture of each. "
            "Without it 64 of seed 0."
        ),
    ] = None,
    class_name: options.ClassName = None,
    attributes: options.With = None,
    without: options.Without = None,
    values: options.Values = None,
    strength: options.Strength = 1.0,
    stage: options.Stage = "2",
    overwrite: options.Overwrite = False,
) -> Answer:
    """Draw new pictures; PNGs are named by their seed, which draws them again."""
    from keras_tsvae.cli import models, outputs
    from keras_tsvae.cli.conditions import asked, usage_errors
    from keras_tsvae.cli.seeds import parse_seeds

    seeds = [0] if seed is None else parse_seeds(seed)
    count = n or (64 if seed is None else 1)
    sampling: dict[str, Any] = {"stage": options.stage_of(stage), "batch_size": _BATCH}
    path = outputs.check_output(output, overwrite)
    source = models.sampler(model)
    condition = asked(source, class_name, attributes, without, values)
    if condition is not None:
        sampling |= {"condition": condition, "strength": strength}
    elif strength != 1:
        raise typer.BadParameter("there is nothing that is asked for", param_hint="'--strength'")
    with usage_errors("what is asked for"):
        source.sample_batches(1, seed=0, **sampling)
    images = _drawn(source, seeds, count, sampling)
    return Answer(outputs.write_pictures(path, images, _names(seeds, count)))


def _drawn(source, seeds, count, sampling):
    """Returns `count` images of each seed."""
    import numpy as np

    from keras_tsvae.cli.progress import counted

    batches = (
        batch for seed in seeds for batch in source.sample_batches(count, seed=seed, **sampling)
    )
    return np.concatenate(list(counted(batches, count * len(seeds), "Drawing")))


def _names(seeds, count):
    if count == 1:
        return [f"seed{seed}.png" for seed in seeds]
    width = len(str(count - 1))
    return [f"seed{seed}-{i:0{width}}.png" for seed in seeds for i in range(count)]
