"""`keras-tsvae evaluate`: how good the model of a run is."""

from typing import Annotated

import typer

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer
from keras_tsvae.cli.wording import as_typed

EXAMPLES = (
    "runs/mine",
    "runs/mine --features judge --samples 2000",
    "runs/faces --features pt_inception-2015-12-05-6726825d.pth --json",
)


def run(
    folder: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run.")],
    features: Annotated[
        str,
        typer.Option(
            metavar="inception|judge|WEIGHTS",
            help="What pictures are measured by: Inception (downloaded), a classifier trained on "
            "the run's own labels, or a file of either.",
        ),
    ] = "inception",
    protocol: options.Protocol = "standard",
    samples: Annotated[int, typer.Option(min=4, help="Pictures drawn of each stage.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples.")] = 0,
    as_json: options.Json = False,
) -> Answer:
    """Measure reconstructions and samples against the pictures that were held out.

    The table goes to the run's evaluation.json and report.html as well.
    """
    from keras_tsvae.cli.paths import existing
    from keras_tsvae.cli.progress import busy
    from keras_tsvae.experiments import RunFolder, evaluate

    options.check_protocol(protocol)
    if features not in ("inception", "judge"):
        existing(features, "--features")
    found = RunFolder(existing(folder, "RUN"))
    with busy("Measuring"), as_typed({"output": "RUN", "features": "--features"}):
        evaluation = evaluate(found.path, features, samples, protocol, seed, verbose=0)
    written = {"output": str(found.evaluation), "protocol": protocol, "features": features}
    text = f"{str(evaluation).rstrip()}\n{found.evaluation}"
    return Answer(text, {**written, **evaluation.to_dict()})
