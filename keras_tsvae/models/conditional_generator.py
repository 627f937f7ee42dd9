"""What a conditional model does once it is trained: encode, sample, infer conditions."""

import math
import typing
from collections.abc import Iterator

import numpy as np
from keras import ops

from keras_tsvae import inputs
from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.inference import collect, require_finite, with_progress
from keras_tsvae.arrays.noise import noise_batches, resolve_seed
from keras_tsvae.arrays.types import ArrayLike, ImagesLike, PathLike
from keras_tsvae.conditions import JointConditions
from keras_tsvae.conditions.requests import for_each, requested, strengthened, whole
from keras_tsvae.inputs.labelled import LabelledImages, yields_labels
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.models.generator import Generator, check_stage
from keras_tsvae.models.image_coder import check_ends, line


class ConditionalGenerator(Generator):
    """Encodes, decodes and samples images under conditions.

    It has `conditions`, a `keras_tsvae.conditions.Condition` that says what they are, `joint`, the
    `JointConditions` seen in training, and a `recognizer` of them in images.
    """

    def infer_condition(self, images: ImagesLike, batch_size: int = 256) -> np.ndarray:
        """Returns the most probable condition of each image, by the model's own q(c|x).

        Args:
            images: Images in the forms that `fit` takes.
            batch_size: Images per step. Defaults to 256.

        Returns:
            What a user would have written: attributes as int8 `(n, size)` of +1 and -1, classes as
            integer labels `(n,)`, numbers as float32 `(n,)`, vectors as float32 `(n, size)`.

        Raises:
            ValueError: If the images are not as described, or the model has not been trained.
        """
        return self.conditions.decode(self._inferred(images, batch_size))

    def encode(
        self, x: ImagesLike, batch_size: int = 256, condition: typing.Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `FirstStageVAE.encode`, under conditions; None for those that x has, or shows."""
        if self.first_stage.condition_dim is None:
            return self.first_stage.encode(x, batch_size)
        mean, std, _ = zip(*self._encoded(x, batch_size, condition))
        return np.concatenate(mean), np.concatenate(std)

    def posteriors(
        self,
        x: ImagesLike,
        *,
        batch_size: int = 256,
        memory_limit: int = 2**30,
        path: PathLike | None = None,
        verbose: int | str = 0,
        condition: typing.Any = None,
    ) -> Posteriors:
        """As `FirstStageVAE.posteriors`, with conditions; None for those that x has, or shows."""
        batches = self._encoded(x, batch_size, condition)
        if verbose in (1, "auto"):
            batches = with_progress(batches, inputs.num_batches(x, batch_size))
        return Posteriors.from_batches(batches, memory_limit, path)

    def decode(
        self, z: ArrayLike, batch_size: int = 256, condition: typing.Any = None
    ) -> np.ndarray:
        """As `FirstStageVAE.decode`, under a condition as `sample` takes it.

        Raises:
            ValueError: If the first stage is conditioned and there is no condition.
        """
        if self.first_stage.condition_dim is None:
            return self.first_stage.decode(z, batch_size)
        if condition is None:
            raise ValueError(
                "`condition` must be given: the first stage is conditioned. "
                "Received: condition=None"
            )
        codes = self._whole(condition, np.shape(z)[0])
        return self.first_stage.decode(z, batch_size, codes)

    def reconstruct(
        self, x: ImagesLike, batch_size: int = 256, condition: typing.Any = None
    ) -> np.ndarray:
        """As `FirstStageVAE.reconstruct`, under conditions; None for those that x has, or shows."""
        if self.first_stage.condition_dim is None:
            return self.first_stage.reconstruct(x, batch_size)
        encoded = self._encoded(x, batch_size, condition)
        return np.concatenate(
            [
                self.first_stage.decode(require_finite(mean, "latent vectors"), batch_size, codes)
                for mean, _, codes in encoded
            ]
        )

    def interpolate(self, a: ImagesLike, b: ImagesLike, steps: int) -> np.ndarray:
        """As `FirstStageVAE.interpolate`; conditions, inferred, move along straight lines too."""
        if self.first_stage.condition_dim is None:
            return self.first_stage.interpolate(a, b, steps)
        a, b, single = check_ends(a, b, steps, self.image_shape)
        ends = [a, b]
        codes = [self._inferred(x) for x in ends]
        means = [self.first_stage.encode((x, c))[0] for x, c in zip(ends, codes)]
        z, c = (line(start, end, steps) for start, end in (means, codes))
        images = self.first_stage.decode(
            z.reshape(-1, self.latent_dim), condition=c.reshape(-1, self.conditions.size)
        )
        return images if single else images.reshape(len(a), steps, *self.image_shape)

    def draw_conditions(
        self, n: int, *, seed: int | None = None, condition: typing.Any = None
    ) -> np.ndarray:
        """Draws coded conditions from the joint distribution of the training conditions.

        Args:
            n: Positive int.
            seed: Non-negative int or None. Defaults to None: others at every call.
            condition: What they shall agree with, as `sample` takes it. Defaults to None.

        Returns:
            A float32 array `(n, size)`.
        """
        n = positive_int("n", n)
        codes_of = self._requested(condition, n)
        return codes_of(slice(0, n), np.random.default_rng(resolve_seed(seed)).random(n))

    def sample(
        self,
        n: int,
        *,
        stage: int | str = 2,
        seed: int | None = None,
        batch_size: int = 256,
        condition: typing.Any = None,
        strength: float = 1.0,
    ) -> np.ndarray:
        """Draws new images under a condition.

        Args:
            n: Positive int, how many.
            stage: 2, 1 or `"mixture"`, as in `TwoStageVAE.sample`; 1 and `"mixture"` know no
                condition where the first stage is not conditioned. Defaults to 2.
            seed: Non-negative int or None. Equal seeds give equal noise, so that two conditions
                can be compared. Defaults to None: others at every call.
            batch_size: Images per step. Defaults to 256.
            condition: A vector, or one for each image; a class label or name, or one for each
                image; a dict such as `{"Smiling": 1, "Male": -1}`, or one for each image: what it
                leaves out is drawn from the training conditions that agree with it. Defaults to
                None: drawn from all training conditions.
            strength: Number from 0 to 100 for attributes and classes: the condition is moved away
                from the mean training condition, `mean + strength * (condition - mean)`. More
                than 1 asks for more than is seen in training. Defaults to 1.

        Returns:
            A float32 array in [0, 1] of shape `(n, height, width, channels)`.

        Raises:
            ValueError: If an argument is not as described, no training condition agrees, or the
                model is not trained.
        """
        n = positive_int("n", n)
        options: dict[str, typing.Any] = {"seed": seed, "batch_size": batch_size}
        options |= {"condition": condition, "strength": strength}
        return collect(self.sample_batches(n, stage=stage, **options), n)

    def sample_batches(
        self,
        n: int,
        *,
        stage: int | str = 2,
        seed: int | None = None,
        batch_size: int = 256,
        condition: typing.Any = None,
        strength: float = 1.0,
    ) -> Iterator[np.ndarray]:
        """Returns an iterator over the images of `sample` in batches, with memory for one."""
        check_stage(stage)
        self.require_built("sampled")
        n, batch_size = positive_int("n", n), positive_int("batch_size", batch_size)
        if stage == "mixture":
            self.require_mixture()
        codes_of = self._requested(condition, n)
        strengthen = strengthened(self.conditions, self._require_trained(), strength)
        noise = noise_batches(n, self.latent_dim, resolve_seed(seed), batch_size, parts=3)
        return self._images(noise, codes_of, strengthen, stage, batch_size)

    def loaded_attributes(self) -> dict[str, typing.Any]:
        """Returns the mixture and the joint distribution of the conditions."""
        return {**super().loaded_attributes(), "joint": self.joint}

    def save_own_variables(self, store: typing.Any) -> None:
        """Saves the joint distribution of the conditions, and the mixture, if one is fitted."""
        super().save_own_variables(store)
        if self.joint is not None:
            self.joint.save_own_variables(store)

    def load_own_variables(self, store: typing.Any) -> None:
        """Loads what `save_own_variables` saved."""
        super().load_own_variables(store)
        self.joint = JointConditions.from_own_variables(store)

    def _images(self, noise, codes_of, strengthen, stage, batch_size):
        from scipy import special  # takes long to load

        decode = self.first_stage._compiled(self.first_stage.decode_batch, batch_size)
        start = 0
        for first, second, choice in noise:
            rows = slice(start, start + len(first))
            codes = strengthen(codes_of(rows, special.ndtr(choice[:, 0].astype("float64"))))
            z = self._latents(first, second, codes, stage, batch_size)
            images = ops.convert_to_numpy(decode(z, *self._for(self.first_stage, codes)))
            yield require_finite(images, "images")
            start = rows.stop

    def _latents(self, u, noise, codes, stage, batch_size):
        """Returns z of one batch of noise."""
        if stage == 1:
            return u
        if stage == "mixture" and self._mixture is not None:
            return self._mixture.draw(u, noise, batch_size)
        second = self.second_stage
        z = second.generate(u, noise, *self._for(second, codes), full=batch_size)
        return require_finite(z, "latent vectors")

    def _for(self, stage, codes):
        """Returns the further arguments that a stage's functions take for its condition."""
        return () if stage.condition_dim is None else (codes,)

    def _requested(self, condition, n):
        return requested(self.conditions, self._require_trained(), condition, n)

    def _whole(self, condition, n):
        return for_each(whole(self.conditions, condition), n)

    def _own(self, images, condition, batch_size):
        """Returns the coded conditions of images, inferred where they are not given."""
        if condition is None:
            return self._inferred(images, batch_size)
        return np.array(self._whole(condition, len(images)))

    def _encoded(self, x, batch_size, condition=None):
        """Yields mean, std and coded conditions of each batch of images."""
        self._require_trained()
        x = inputs.as_images(x)
        condition = x.labels if condition is None else condition
        positive_int("batch_size", batch_size)
        for images, codes in self._conditioned(x, batch_size, condition):
            pair = images if self.first_stage.condition_dim is None else (images, codes)
            yield (*self.first_stage.encode(pair, batch_size), codes)

    def _conditioned(self, x, batch_size, condition):
        """Yields `Images` with their conditions: given, or as `x` has them, or inferred."""
        if condition is None and yields_labels(x):
            yield from self._labelled(x).batches(math.inf)
            return
        given = None if condition is None else whole(self.conditions, condition)
        start = 0
        for images in inputs.image_batches(x, batch_size, self.image_shape):
            rows = slice(start, start + len(images))
            start = rows.stop
            if given is None:
                codes = self.recognizer.most_probable(images, self.joint)
            else:
                codes = for_each(given if len(given) == 1 else given[rows], len(images))
            yield images, codes
        if given is not None:
            for_each(given, start)

    def _labelled(self, x, y=None, name="x"):
        size = self.conditions.size
        return LabelledImages(x, y, self.conditions.encode, self.image_shape, size, name)

    def _inferred(self, images, batch_size=256):
        self._require_trained()
        batch_size = positive_int("batch_size", batch_size)
        batches = inputs.image_batches(images, batch_size, self.image_shape, "images")
        return np.concatenate([self.recognizer.most_probable(x, self.joint) for x in batches])

    def _require_trained(self) -> JointConditions:
        """Returns the joint distribution of the training conditions, or raises a `ValueError`."""
        self.require_built("used")
        if self.joint is None:
            raise ValueError(
                "The model must be fitted before it can be asked for images: it has not seen any "
                f"conditions yet. Received: an untrained {type(self).__name__}"
            )
        return self.joint
