"""`keras-tsvae edit`: pictures in which something else is to be seen."""

import typer

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer

EXAMPLES = (
    "faces.keras portrait.jpg --with Eyeglasses --output edited",
    "faces.keras folder --with Smiling --without Male --strength 1.5 --output edited.png",
    "digits.keras seven.png --class 1 --output edited",
)


def run(
    model: options.Model,
    pictures: options.Pictures,
    output: options.Output,
    class_name: options.ClassName = None,
    attributes: options.With = None,
    without: options.Without = None,
    values: options.Values = None,
    strength: options.Strength = 1.0,
    resize: options.Resize = None,
    skip_broken: options.SkipBroken = False,
    overwrite: options.Overwrite = False,
) -> Answer:
    """Change what pictures show, as asked, and keep the rest."""
    from keras_tsvae.cli import models, outputs
    from keras_tsvae.cli.conditions import asked
    from keras_tsvae.cli.pictures import read_pictures
    from keras_tsvae.cli.runs import resize_of

    path = outputs.check_output(output, overwrite)
    editor = models.conditional(model, "edit")
    change = asked(editor, class_name, attributes, without, values)
    if change is None:
        raise typer.BadParameter(
            "say what to change", param_hint="'--with', '--class' or '--value'"
        )
    names, images = read_pictures(
        pictures, editor.image_shape, resize_of(resize, model), skip_broken
    )
    edited = editor.edit(images, change, strength=strength)
    return Answer(outputs.write_pictures(path, edited, names))
