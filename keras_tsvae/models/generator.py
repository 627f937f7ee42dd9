"""What both stages together can do once they are trained."""

import typing
import warnings
from collections.abc import Iterator

import keras
import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.inference import collect
from keras_tsvae.arrays.noise import noise_batches, resolve_seed
from keras_tsvae.arrays.types import ArrayLike, ImageShape, ImagesLike, PathLike
from keras_tsvae.evaluation.generation import evaluate_generation
from keras_tsvae.evaluation.generation_report import GenerationReport
from keras_tsvae.latents.mixture import GaussianMixture
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.metrics.extractors import FeaturesLike
from keras_tsvae.models.base import BaseModel
from keras_tsvae.saving.digests import weights_digest


class Generator(BaseModel):
    """Encodes, decodes and samples images through a `first_stage` and a `second_stage`."""

    def __init__(self, **kwargs: typing.Any):
        super().__init__(**kwargs)
        self._mixture: GaussianMixture | None = None
        self._mixture_of: str | None = (
            None  # the digest of the first stage that it belongs to, if known
        )

    @property
    def image_shape(self) -> ImageShape:
        """`(height, width, channels)` of the images, or None before the model is built."""
        return self.first_stage.image_shape

    @property
    def latent_dim(self) -> int:
        """The width of z and of u."""
        return self.second_stage.latent_dim

    @property
    def condition_dim(self) -> int | None:
        """The width of the conditions that either stage takes, None for none."""
        return self.first_stage.condition_dim or self.second_stage.condition_dim

    @property
    def mixture(self) -> GaussianMixture | None:
        """The `GaussianMixture` of `fit_mixture`, or None.

        It is dropped, with a warning, once the first stage has changed: z then means something
        else.
        """
        self.check_mixture()
        return self._mixture

    @mixture.setter
    def mixture(self, mixture: GaussianMixture | None) -> None:
        self._mixture = mixture
        self._mixture_of = None if mixture is None else weights_digest(self.first_stage)

    def check_mixture(self) -> None:
        """Drops the mixture, with a warning, if the first stage has changed since it was fitted."""
        if self._mixture is None:
            return
        digest = weights_digest(self.first_stage)
        if self._mixture_of is None:  # of an older file
            self._mixture_of = digest
        if self._mixture_of != digest:
            self._mixture = None
            warnings.warn(
                "The mixture was dropped: the first stage has changed since it was fitted. Call "
                "`fit_mixture` to fit another one.",
                stacklevel=4,
            )

    def posteriors(
        self,
        x: ImagesLike,
        *,
        batch_size: int = 256,
        memory_limit: int = 2**30,
        path: PathLike | None = None,
        verbose: int | str = 0,
    ) -> Posteriors:
        """As `FirstStageVAE.posteriors`."""
        return self.first_stage.posteriors(
            x, batch_size=batch_size, memory_limit=memory_limit, path=path, verbose=verbose
        )

    def encode(self, x: ImagesLike, batch_size: int = 256) -> tuple[np.ndarray, np.ndarray]:
        """As `FirstStageVAE.encode`."""
        return self.first_stage.encode(x, batch_size)

    def decode(self, z: ArrayLike, batch_size: int = 256) -> np.ndarray:
        """As `FirstStageVAE.decode`."""
        return self.first_stage.decode(z, batch_size)

    def reconstruct(self, x: ImagesLike, batch_size: int = 256) -> np.ndarray:
        """As `FirstStageVAE.reconstruct`."""
        return self.first_stage.reconstruct(x, batch_size)

    def interpolate(self, a: ImagesLike, b: ImagesLike, steps: int) -> np.ndarray:
        """As `FirstStageVAE.interpolate`."""
        return self.first_stage.interpolate(a, b, steps)

    def fit_mixture(
        self,
        x: ImagesLike | Posteriors,
        num_components: int = 10,
        *,
        seed: int | None = None,
        batch_size: int = 256,
        verbose: int | str = 0,
    ) -> None:
        """Fits a Gaussian mixture to the latent vectors, for `sample(n, stage="mixture")`.

        It is the simplest model of q(z), and the baseline that the second stage has to beat. It
        is saved and exported with the model. `SecondStageMixture` is a whole second stage of that
        kind.

        Args:
            x: Training images in the forms that `fit` takes, or their `Posteriors`.
            num_components: Positive int. Defaults to 10.
            seed: Non-negative int or None. Defaults to None: another fit at every call.
            batch_size: Images encoded per step, for arrays. Defaults to 256.
            verbose: 1 or "auto" for progress bars. Defaults to 0.

        Raises:
            ValueError: If an argument is not as described, or the model is not built.

        Source:
            Ghosh et al. (2020), *From Variational to Deterministic Autoencoders*, section 4.
        """
        if not isinstance(x, Posteriors):
            x = self.posteriors(x, batch_size=batch_size, verbose=verbose)
        if x.latent_dim != self.latent_dim:
            raise ValueError(
                f"`x` must hold posteriors of width {self.latent_dim}. "
                f"Received: latent_dim={x.latent_dim}"
            )
        self.mixture = GaussianMixture.fit(x, num_components, seed, verbose)

    def sample(
        self, n: int, *, stage: int | str = 2, seed: int | None = None, batch_size: int = 256
    ) -> np.ndarray:
        """Draws new images.

        Args:
            n: Positive int, how many.
            stage: 2 for `u ~ N(0, I)`, `z = decoder_2(u) + gamma_z * noise`, `x = decoder_1(z)`;
                1 for `z ~ N(0, I)`, `x = decoder_1(z)`; `"mixture"` for z drawn from the mixture
                that `fit_mixture` fitted; the latter two for comparison. Defaults to 2.
            seed: Non-negative int or None. Equal seeds give equal images on one backend, but for
                the last bits if the batch size differs. Defaults to None: others at every call.
            batch_size: Images per step. Defaults to 256.

        Returns:
            A float32 array in [0, 1] of shape `(n, height, width, channels)`. For more images
            than fit in memory use `sample_batches`.

        Raises:
            ValueError: If an argument is not as described, or the model is not built.
        """
        n = positive_int("n", n)
        return collect(self.sample_batches(n, stage=stage, seed=seed, batch_size=batch_size), n)

    def sample_batches(
        self, n: int, *, stage: int | str = 2, seed: int | None = None, batch_size: int = 256
    ) -> Iterator[np.ndarray]:
        """Returns an iterator over the images of `sample` in batches, with memory for one."""
        check_stage(stage)
        if stage == 1:
            return self.first_stage.sample_batches(n, seed=seed, batch_size=batch_size)
        self.require_built("sampled")
        if stage == 2:
            latents = self.second_stage.sample_batches(n, seed=seed, batch_size=batch_size)
        else:
            latents = self._mixture_batches(n, seed, batch_size)
        return (self.decode(z, batch_size) for z in latents)

    def _mixture_batches(self, n, seed, batch_size):
        mixture = self.require_mixture()
        n, batch_size = positive_int("n", n), positive_int("batch_size", batch_size)
        noise = noise_batches(n, self.latent_dim, resolve_seed(seed), batch_size, parts=2)
        return (mixture.draw(u, epsilon, batch_size) for u, epsilon in noise)

    def evaluate_generation(
        self,
        test: ImagesLike,
        features: FeaturesLike | None = None,
        *,
        protocol: str = "standard",
        num_samples: int = 10_000,
        train: ImagesLike | None = None,
        seed: int | None = 0,
        batch_size: int = 256,
        verbose: int = 1,
    ) -> GenerationReport:
        """Measures reconstructions, stage 1, stage 2 and, if one is fitted, the mixture.

        Each by Fréchet distance, kernel distance, Inception score, precision and recall; densities
        of z by log p(z) of the test images' z as well, beside the best single Gaussian.

        Args:
            test: Real images to hold them against: an array, a `keras_tsvae.data.Split`, a
                `tf.data.Dataset` or a folder of pictures of the model's size.
            features: Feature extractor: None for Inception's (`InceptionV3Features()`, whose
                weights are downloaded), a `keras_tsvae.metrics.ClassifierFeatures`, any
                `keras.Model` or a function from images to features. Without class logits there is
                no Inception score. Defaults to None.
            protocol: `"standard"` or `"dai-wipf"` (see `keras_tsvae.metrics`). Defaults to
                `"standard"`.
            num_samples: Positive int: how many images each stage draws, and how many test images
                are reconstructed at the most. Defaults to 10,000.
            train: Real training images, measured as well, to show how good a model could be at
                best. Up to 60,000 are read, to tell which images only draw them again ("replay"),
                and for the single Gaussian. Defaults to None: that is fitted to the test images.
            seed: Non-negative int that samples are drawn with. Defaults to 0.
            batch_size: Images drawn per step. Defaults to 256.
            verbose: 0 not to say what is being measured. Defaults to 1.

        Returns:
            A `keras_tsvae.metrics.GenerationReport`: a dict from `"reconstruction"`, `"stage1"`,
            `"stage2"`, `"mixture"`, `"gaussian"` and `"train"` to dicts of figures, a table. Of a
            conditional model, log p(z|c) is under a `Split`'s labels, or inferred ones, and
            `"obedience"` is among them if the features are a judge of its conditions.

        Raises:
            ValueError: If an argument is not as described, or the model is not built.

        Example:
            >>> report = model.evaluate_generation(data.test, features=judge)
            >>> print(report)
            >>> report["stage2"]["fid"]
        """
        return evaluate_generation(
            self, test, features, protocol, num_samples, train, seed, batch_size, verbose
        )

    def require_mixture(self) -> GaussianMixture:
        """Returns the mixture, or raises a `ValueError` if there is none."""
        mixture = self.mixture
        if mixture is None:
            raise ValueError(
                "`stage` 'mixture' needs a fitted mixture: call `fit_mixture(images)` first. "
                "Received: stage='mixture'"
            )
        return mixture

    def loaded_variables(self) -> list[keras.Variable]:
        """Returns all variables that weights in a file may change, both optimisers' among them."""
        own = {id(variable): variable for variable in self.variables}
        for stage in (self.first_stage, self.second_stage):
            own |= {id(variable): variable for variable in stage.loaded_variables()}
        return list(own.values())

    def loaded_attributes(self) -> dict[str, typing.Any]:
        """Returns the mixture, which weights in a file may come with."""
        return {"mixture": self.mixture}

    def save_own_variables(self, store: typing.Any) -> None:
        """Saves the mixture, if one is fitted."""
        mixture = self.mixture
        if mixture is not None and self._mixture_of is not None:
            mixture.save_own_variables(store)
            store["mixture_of"] = np.frombuffer(bytes.fromhex(self._mixture_of), "uint8")

    def load_own_variables(self, store: typing.Any) -> None:
        """Loads the mixture, if one was saved."""
        self._mixture = GaussianMixture.from_own_variables(store)
        self._mixture_of = None
        if "mixture_of" in store.keys():
            self._mixture_of = np.asarray(store["mixture_of"]).tobytes().hex()

    def export(self, filepath: PathLike, format: str = "tf_saved_model") -> None:
        """Writes the model for those who have neither this package nor Keras.

        See `keras_tsvae.export.export_model`, which this calls.

        Args:
            filepath: Path of a folder that does not exist or is empty.
            format: `"tf_saved_model"`, `"onnx"` or `"litert"`. Defaults to `"tf_saved_model"`.

        Raises:
            ValueError: If the model is not built, or an argument is not as described.
            ImportError: If TensorFlow or a converter is not installed.
            RuntimeError: If what was written does not give what the model gives.
        """
        from keras_tsvae.export.export_model import export_model

        export_model(self, filepath, format)


def check_stage(stage: int | str) -> None:
    """Raises a `ValueError` unless images can be sampled from `stage`."""
    if not isinstance(stage, (int, str)) or stage not in (1, 2, "mixture") or stage is True:
        raise ValueError(f"`stage` must be 1, 2 or 'mixture'. Received: stage={stage!r}")
