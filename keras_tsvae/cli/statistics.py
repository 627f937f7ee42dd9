"""`keras-tsvae statistics`: what is kept of real pictures, to measure others against."""

from typing import Annotated

import typer

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer

EXAMPLES = (
    "folder --output ref.npz",
    "cifar10:train --limit 10000 --output cifar10.npz",
    "mnist --data-dir folder --features judge.keras --output mnist.npz --json",
)


def run(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A folder, an .npz of images, a data set's name, or a model."
        ),
    ],
    output: Annotated[str, typer.Option("--output", "-o", help="The .npz to write.")],
    features: options.Features = "inception",
    limit: Annotated[
        int | None, typer.Option(min=2, help="Pictures at the most; of a model 10,000 by default.")
    ] = None,
    resize: Annotated[
        str, typer.Option(metavar="crop|pad|stretch", help="How pictures come to that.")
    ] = "crop",
    size: Annotated[
        int | None, typer.Option(min=1, help="Side of a folder's pictures. [default: their own]")
    ] = None,
    skip_broken: options.SkipBroken = False,
    data_dir: options.DataDir = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> Answer:
    """Keep what pictures look like on the whole, for `fid`; pytorch-fid reads it, too."""
    from keras_tsvae.cli.outputs import check_output
    from keras_tsvae.cli.pictures import check_resize, naming_skip_broken
    from keras_tsvae.cli.progress import busy
    from keras_tsvae.cli.sources import find_features, find_source, reference_of

    if not output.endswith(".npz"):
        raise typer.BadParameter(f"{output!r} does not end in .npz", param_hint="'--output'")
    check_resize(resize)
    path = check_output(output, overwrite)
    source = find_source(data, "DATA", data_dir)
    if source.statistics is not None:
        raise ValueError(f"DATA must hold pictures. Received: {data!r}, a file of statistics")
    extractor = find_features(features, data)
    shape = extractor.image_shape or (None if size is None else (size, size))
    source = source.sized(shape, resize, skip_broken)
    limit = 10_000 if limit is None and source.is_model else limit
    with busy("Measuring"), naming_skip_broken(skip_broken):
        reference = reference_of(source, extractor, {"seed": 0}, limit)
    reference.save(path)
    known = {
        "output": str(path),
        "num_samples": reference.num_samples,
        "features": reference.identity,
        "resize": extractor.resize,
    }
    text = f"{path}: {reference.num_samples:,} images; features {reference.identity}, "
    return Answer(f"{text}resize {extractor.resize}", known)
