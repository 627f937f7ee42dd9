"""Pictures that a conditional model changes as asked: edits and traversals."""

import typing

import numpy as np

from keras_tsvae import inputs
from keras_tsvae.arguments import naming_argument, positive_int
from keras_tsvae.arrays.inference import require_finite
from keras_tsvae.arrays.types import ImagesLike
from keras_tsvae.conditions.requests import strengthened
from keras_tsvae.models.conditional_generator import ConditionalGenerator


class ConditionalEditor(ConditionalGenerator):
    """Changes what given images show, and keeps the rest."""

    def edit(
        self,
        images: ImagesLike,
        change: typing.Any,
        *,
        condition: typing.Any = None,
        batch_size: int = 256,
        strength: float = 1.0,
    ) -> np.ndarray:
        """Changes what `change` names, and keeps the rest.

        Both latent vectors are inferred under the images' own condition c and decoded under the
        changed one c': `u = E q(u|z, c)`, `z' = z + decoder_2(u, c') - decoder_2(u, c)`,
        `x' = decoder_1(z', c')`. What the second stage does not explain of z stays as it is.

        Args:
            images: One image `(height, width, channels)`, or several in the forms that `fit` takes.
            change: As the `condition` of `sample`; what a dict leaves out stays as it is.
            condition: The images' own conditions, one vector or label each. Defaults to None:
                inferred.
            batch_size: Images per step. Defaults to 256.
            strength: As in `sample`, of what `change` names; the rest stays as it is. Defaults to
                1.

        Returns:
            A float32 array of the images' shape. It holds reconstructions: compare it with
            `reconstruct(images)`.

        Raises:
            ValueError: If an argument is not as described.

        Example:
            >>> with_glasses = model.edit(images, {"Eyeglasses": 1})
        """
        joint = self._require_trained()
        batch, single = inputs.gathered_batch(images, self.image_shape)
        codes = self._own(batch, condition, batch_size)
        strengthen = strengthened(self.conditions, joint, strength)
        with naming_argument("change"):
            new = self.conditions.changed(codes, change, strengthen)
        edited = self._moved(batch, codes, new, batch_size)
        return edited[0] if single else edited

    def traverse(
        self, image: ImagesLike, name: str | int, steps: int = 7, *, condition: typing.Any = None
    ) -> np.ndarray:
        """Draws an image as what is called `name` goes from one extreme to the other.

        Args:
            image: One image `(height, width, channels)`, or several in the forms that `fit` takes.
            name: A name of the conditions, which goes from its least to its greatest training
                value (attributes from -1 to 1); of classes, a name or label to go to.
            steps: Int of at least 2. Defaults to 7.
            condition: The image's own condition. Defaults to None: inferred.

        Returns:
            A float32 array `(steps, height, width, channels)`, or `(n, steps, ...)` for a batch.

        Raises:
            ValueError: If an argument is not as described.
        """
        if positive_int("steps", steps) < 2:
            raise ValueError(f"`steps` must be at least 2. Received: steps={steps}")
        joint = self._require_trained()
        images, single = inputs.gathered_batch(image, self.image_shape, "image")
        codes = self._own(images, condition, 256)
        rows = joint.rows
        with naming_argument("name"):
            paths = self.conditions.path(codes, name, steps, rows.min(0), rows.max(0))
        repeated = np.repeat(images, steps, axis=0), np.repeat(codes, steps, axis=0)
        moved = self._moved(*repeated, paths.reshape(-1, self.conditions.size), 256)
        return moved if single else moved.reshape(len(images), steps, *self.image_shape)

    def _moved(self, images, codes, new, batch_size):
        """Returns images inferred under `codes` and decoded under `new`."""
        first, second = self.first_stage, self.second_stage
        x = images if first.condition_dim is None else (images, codes)
        z = require_finite(first.encode(x, batch_size)[0], "latent vectors")
        if second.condition_dim is not None:
            u = require_finite(second.encode(z, batch_size, codes)[0], "latent vectors")
            z = z + second.decode(u, batch_size, new) - second.decode(u, batch_size, codes)
        return first.decode(z, batch_size, *self._for(first, new))
