"""`keras-tsvae traverse`: a picture under more and more of one condition."""

from typing import Annotated

import typer

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer

EXAMPLES = (
    "faces.keras portrait.jpg Smiling --steps 7 --output smiles.png",
    "digits.keras seven.png 1 --output seven_to_one",
)


def run(
    model: options.Model,
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help="A file.")],
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="An attribute or number, from its least to its greatest; a class.",
        ),
    ],
    output: options.Output,
    steps: options.Steps = 7,
    resize: options.Resize = None,
    overwrite: options.Overwrite = False,
) -> Answer:
    """Draw a picture as one thing it shows goes from one extreme to the other."""
    from keras_tsvae.cli import models, outputs
    from keras_tsvae.cli.conditions import class_label, usage_errors
    from keras_tsvae.cli.pictures import read_picture
    from keras_tsvae.cli.runs import resize_of

    path = outputs.check_output(output, overwrite)
    editor = models.conditional(model, "traverse")
    along = class_label(editor.conditions, name)
    image = read_picture(picture, editor.image_shape, resize_of(resize, model), "PICTURE")
    with usage_errors("'NAME'"):
        images = editor.traverse(image, along, steps)
    names = [f"step{step}.png" for step in range(steps)]
    return Answer(outputs.write_pictures(path, images, names, columns=steps))
