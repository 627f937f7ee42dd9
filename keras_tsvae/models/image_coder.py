"""What a first stage does once it is trained: encode, decode and sample images."""

import typing
from collections.abc import Iterator

import numpy as np
from keras import ops

from keras_tsvae import inputs
from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.arrays.inference import (
    batched,
    batches_of,
    collect,
    finite,
    require_finite,
    with_progress,
)
from keras_tsvae.arrays.noise import noise_batches, resolve_seed
from keras_tsvae.arrays.types import ArrayLike, ImageShape, ImagesLike, PathLike, Tensor
from keras_tsvae.arrays.vectors import broadcast_condition, check_vectors
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.models.gaussian_vae import GaussianVAE, network_inputs


class ImageCoder(GaussianVAE):
    """A stage between images and latent vectors z.

    Where the stage is conditioned, images are paired with coded conditions, `(images, condition)`,
    and z comes with a `condition` `(n, condition_dim)`, or one `(condition_dim,)` for all.
    """

    def encode(self, x: ImagesLike, batch_size: int = 256) -> tuple[np.ndarray, np.ndarray]:
        """Encodes images into their posteriors.

        Args:
            x: Images in the forms that `fit` takes.
            batch_size: Images per step, for arrays. Defaults to 256.

        Returns:
            `(mean, std)`, two float32 arrays of shape `(n, latent_dim)`.

        Raises:
            ValueError: If the images are not as described, or the model is not built.
        """
        mean, std, *_ = zip(*self._posterior_batches(x, batch_size))
        return np.concatenate(mean), np.concatenate(std)

    def posteriors(
        self,
        x: ImagesLike,
        *,
        batch_size: int = 256,
        memory_limit: int = 2**30,
        path: PathLike | None = None,
        verbose: int | str = 0,
        condition_dim: int | None = None,
    ) -> Posteriors:
        """Encodes a data set once, for the second stage.

        Args:
            x: Images in the forms that `fit` takes.
            batch_size: Images per step, for arrays. Defaults to 256.
            memory_limit: Bytes to keep in memory; beyond it, the posteriors go to an HDF5 file.
                Defaults to 1 GiB.
            path: Where that file goes. Defaults to None: a temporary folder.
            verbose: 1 or "auto" for a progress bar. Defaults to 0.
            condition_dim: Width of the conditions that images are paired with, to be kept beside
                their posteriors. Defaults to None: as this stage's own.

        Returns:
            A `Posteriors`, in the order of `x`.
        """
        show_progress = verbose in (1, "auto")
        batches = self._posterior_batches(x, batch_size, show_progress, condition_dim)
        finite_batches = (
            (require_finite(mean, "latent vectors"), require_finite(std, "deviations"), *rest)
            for mean, std, *rest in batches
        )
        return Posteriors.from_batches(finite_batches, memory_limit, path)

    def decode(
        self, z: ArrayLike, batch_size: int = 256, condition: ArrayLike | None = None
    ) -> np.ndarray:
        """Decodes latent vectors `(n, latent_dim)` into a float32 array of images in [0, 1]."""
        self.require_built("used for decoding")
        z = check_vectors("z", z, self.latent_dim)
        condition = broadcast_condition(condition, len(z), self.condition_dim)
        decode = self._compiled(self.decode_batch, batch_size)
        images = batched(decode, (z, *condition), batch_size)
        return collect(finite(images, "images"), len(z))

    def reconstruct(self, x: ImagesLike, batch_size: int = 256) -> np.ndarray:
        """Decodes the posterior means of images, given as to `encode`, into a float32 array."""
        batches = [batch[0::2] for batch in self._posterior_batches(x, batch_size)]
        mean, *condition = (np.concatenate(parts) for parts in zip(*batches))
        return self.decode(require_finite(mean, "latent vectors"), batch_size, *condition)

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        batch_size: int = 256,
        condition: ArrayLike | None = None,
    ) -> np.ndarray:
        """Decodes `n` draws of the prior, `z ~ N(0, I)`; the same images for the same seed."""
        n = positive_int("n", n)
        options: dict[str, typing.Any] = {
            "seed": seed,
            "batch_size": batch_size,
            "condition": condition,
        }
        return collect(self.sample_batches(n, **options), n)

    def sample_batches(
        self,
        n: int,
        *,
        seed: int | None = None,
        batch_size: int = 256,
        condition: ArrayLike | None = None,
    ) -> Iterator[np.ndarray]:
        """Returns an iterator over the images of `sample` in batches, with memory for one."""
        self.require_built("sampled")
        n, batch_size = positive_int("n", n), positive_int("batch_size", batch_size)
        condition = broadcast_condition(condition, n, self.condition_dim)
        noise = noise_batches(n, self.latent_dim, resolve_seed(seed), batch_size)
        decode = self._compiled(self.decode_batch, batch_size)
        arguments = zip(noise, batches_of(condition, n, batch_size))
        images = (ops.convert_to_numpy(decode(z, *rows)) for (z,), rows in arguments)
        return finite(images, "images")

    def interpolate(self, a: ImagesLike, b: ImagesLike, steps: int) -> np.ndarray:
        """Decodes points on straight lines between the posterior means of images.

        Args:
            a: One image `(height, width, channels)` or a batch of them.
            b: The same number of images.
            steps: Int of at least 2, points on each line, both ends included.

        Returns:
            A float32 array `(steps, height, width, channels)`, or `(n, steps, ...)` for batches.

        Raises:
            ValueError: If `a` and `b` differ in shape, or `steps` is less than 2.
        """
        a, b, single = check_ends(a, b, steps, self.image_shape)
        start, end = (self.encode(x)[0] for x in (a, b))
        images = self.decode(line(start, end, steps).reshape(-1, self.latent_dim))
        return images if single else images.reshape(len(a), steps, *self.image_shape)

    def encode_batch(
        self, images: Tensor, condition: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns mean and standard deviation of one batch, as tensors."""
        x = self.targets((images,))
        mean, log_std = self.encoder(network_inputs(self.encoder, x, condition), training=False)
        return ops.cast(mean, "float32"), ops.exp(ops.cast(log_std, "float32"))

    def decode_batch(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the images of one batch of latent vectors, as a tensor."""
        images = self.decoder(network_inputs(self.decoder, z, condition), training=False)
        return ops.cast(images, "float32")

    def _posterior_batches(
        self, x, batch_size, show_progress=False, condition_dim=None, endless=False
    ):
        """Yields (mean, std) or (mean, std, condition) of each batch of `x`."""
        self.require_built("used for encoding")
        batch_size = positive_int("batch_size", batch_size)
        x = inputs.as_images(x)
        encode = self._compiled(self.encode_batch, batch_size if x.is_array else None)
        condition_dim = condition_dim or self.condition_dim
        batches = inputs.example_batches(
            x, batch_size, self.image_shape, condition_dim, endless=endless
        )
        if show_progress:
            batches = with_progress(batches, inputs.num_batches(x, batch_size))
        for images, *condition in batches:
            taken = condition if self.condition_dim is not None else ()
            yield (*map(ops.convert_to_numpy, encode(images, *taken)), *condition)


def check_ends(
    a: ImagesLike, b: ImagesLike, steps: int, image_shape: ImageShape
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Returns both ends of an interpolation as batches, and whether they are of one image."""
    if non_negative_int("steps", steps) < 2:
        raise ValueError(f"`steps` must be at least 2. Received: steps={steps}")
    (a, single), (b, other) = (
        inputs.gathered_batch(x, image_shape, name) for x, name in ((a, "a"), (b, "b"))
    )
    if a.shape != b.shape or single != other:
        shapes = (x.shape[one:] for x, one in ((a, single), (b, other)))
        raise ValueError(
            "`a` and `b` must have one shape. Received: a.shape={}, b.shape={}".format(*shapes)
        )
    return a, b, single


def line(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Returns `steps` points from each row of `a` to that of `b`, `(n, steps, width)`."""
    return np.stack([a + t * (b - a) for t in np.linspace(0, 1, steps)], 1).astype("float32")
