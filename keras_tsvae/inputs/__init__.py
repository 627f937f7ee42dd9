"""Images as a user brings them: checked, and cut into the batches that a model takes."""

from keras_tsvae.inputs.batches import (
    array_batches,
    can_be_shuffled,
    example_batches,
    gathered,
    gathered_batch,
    image_batches,
    image_shape_of,
    images_for_fit,
    num_batches,
)
from keras_tsvae.inputs.images import Images, as_images
from keras_tsvae.inputs.streams import clear_errors

__all__ = [
    "Images",
    "array_batches",
    "as_images",
    "can_be_shuffled",
    "clear_errors",
    "example_batches",
    "gathered",
    "gathered_batch",
    "image_batches",
    "image_shape_of",
    "images_for_fit",
    "num_batches",
]
