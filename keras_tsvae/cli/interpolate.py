"""`keras-tsvae interpolate`: from one picture to another."""

from typing import Annotated

import typer

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer

EXAMPLES = ("model.keras a.png b.png --steps 8 --output line.png",)


def run(
    model: options.Model,
    a: Annotated[str, typer.Argument(metavar="A", help="The picture to start from.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The picture to arrive at.")],
    output: options.Output,
    steps: options.Steps = 8,
    resize: options.Resize = None,
    overwrite: options.Overwrite = False,
) -> Answer:
    """Draw what lies between two pictures, both of them included."""
    from keras_tsvae.cli import models, outputs
    from keras_tsvae.cli.pictures import read_picture
    from keras_tsvae.cli.runs import resize_of

    path = outputs.check_output(output, overwrite)
    coder = models.two_stage(model)
    shape, resize = coder.image_shape, resize_of(resize, model)
    start, end = (read_picture(file, shape, resize, name) for file, name in ((a, "A"), (b, "B")))
    images = coder.interpolate(start, end, steps)
    names = [f"step{step}.png" for step in range(steps)]
    return Answer(outputs.write_pictures(path, images, names, columns=steps))
