"""`keras-tsvae reconstruct`: what a model keeps of pictures."""

from keras_tsvae.cli import options
from keras_tsvae.cli.answer import Answer

EXAMPLES = (
    "runs/digits_fast folder --output reconstructed",
    "model.keras a.png b.jpg --resize pad --output reconstructed.png",
)


def run(
    model: options.Model,
    pictures: options.Pictures,
    output: options.Output,
    resize: options.Resize = None,
    skip_broken: options.SkipBroken = False,
    overwrite: options.Overwrite = False,
) -> Answer:
    """Encode pictures and decode them again."""
    from keras_tsvae.cli import models, outputs
    from keras_tsvae.cli.pictures import read_pictures
    from keras_tsvae.cli.runs import resize_of

    path = outputs.check_output(output, overwrite)
    coder = models.two_stage(model)
    names, images = read_pictures(
        pictures, coder.image_shape, resize_of(resize, model), skip_broken
    )
    return Answer(outputs.write_pictures(path, coder.reconstruct(images), names))
