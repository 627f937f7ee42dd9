"""Both stages together: fitted in turn, sampled as one."""

import functools

import keras

from keras_tsvae.arguments import non_negative_int, positive_int
from keras_tsvae.batching import collect
from keras_tsvae.models.base import BaseModel
from keras_tsvae.models.first_stage import FirstStageVAE
from keras_tsvae.models.second_stage import SecondStageVAE
from keras_tsvae.posteriors import check_storage
from keras_tsvae.training import inputs
from keras_tsvae.training.whole_model import (
    callback_list,
    fit_stage,
    initial_best,
    reuse,
)


@keras.saving.register_keras_serializable(package="keras_tsvae")
class TwoStageVAE(BaseModel):
    """The Two-Stage VAE: a VAE on images, and a second one on the first one's latent vectors.

    A single VAE reconstructs better than it samples, because its aggregated posterior
    `q(z) = E_x q(z|x)` is not the N(0, I) that samples are drawn from. The second stage learns
    q(z); sampling is `u ~ N(0, I)`, `z = decoder_2(u) + gamma_z * noise`, `x = decoder_1(z)`.

    Args:
        first_stage: A `FirstStageVAE`.
        second_stage: A `SecondStageVAE` of the same latent width.
        **kwargs: `name` of `keras.Model`.

    Raises:
        ValueError: If the latent widths differ.

    Example:
        >>> model = keras_tsvae.TwoStageVAE(first_stage, second_stage)
        >>> model.compile()
        >>> model.fit(images, batch_size=64, epochs=10, second_stage_epochs=20)
        >>> samples = model.sample(64, seed=0)

    Source:
        Dai & Wipf (2019), section 4.
    """

    def __init__(self, first_stage, second_stage, **kwargs):
        super().__init__(**kwargs)
        for stage, cls in ((first_stage, FirstStageVAE), (second_stage, SecondStageVAE)):
            if not isinstance(stage, cls):
                raise ValueError(
                    "`first_stage` must be a FirstStageVAE and `second_stage` a SecondStageVAE. "
                    f"Received: a {type(stage).__name__} for a {cls.__name__}"
                )
        self.first_stage = first_stage
        self.second_stage = second_stage
        self._check_widths()
        if first_stage.built:
            self.build((None, *first_stage.image_shape))

    def build(self, input_shape):
        """Builds both stages for images of `input_shape[1:]`."""
        self.first_stage.build(input_shape)
        self._check_widths()
        self.built = True

    @property
    def image_shape(self):
        """`(height, width, channels)` of the images, or None before the model is built."""
        return self.first_stage.image_shape

    @property
    def latent_dim(self) -> int:
        """The width of z and of u."""
        return self.second_stage.latent_dim

    def compile(self, optimizer=None, second_stage_optimizer=None, **kwargs):
        """Sets how both stages are trained.

        Args:
            optimizer: The first stage's Keras optimiser or its name. Defaults to None:
                `Adam(1e-4)`, as in the paper.
            second_stage_optimizer: The second stage's, likewise.
            **kwargs: `jit_compile`, `steps_per_execution`, `run_eagerly` and `auto_scale_loss`,
                for both stages, as in `FirstStageVAE.compile`.

        Raises:
            ValueError: If one optimiser object is given for both stages.
        """
        if isinstance(optimizer, keras.Optimizer) and optimizer is second_stage_optimizer:
            raise ValueError(
                "`optimizer` and `second_stage_optimizer` must be two objects, since each holds "
                f"the state of one stage. Received: {optimizer.name!r} twice"
            )
        self.first_stage.compile(optimizer, **kwargs)
        self.second_stage.compile(second_stage_optimizer, **kwargs)

    def get_compile_config(self):
        """Returns None: each stage keeps its own."""

    def fit(
        self,
        x,
        y=None,
        batch_size=None,
        epochs=1,
        second_stage_epochs=None,
        verbose="auto",
        callbacks=None,
        second_stage_callbacks=None,
        validation_data=None,
        posteriors_memory_limit=2**30,
        posteriors_path=None,
    ):
        """Trains the first stage on images, encodes them once, trains the second on that.

        Args:
            x: Images in the forms that `FirstStageVAE.fit` takes; labels are ignored.
            y: Ignored.
            batch_size: Examples per step in both stages; in the second alone where `x` comes in
                batches. Defaults to None: 64.
            epochs: Epochs of the first stage; 0 leaves it as it is. Defaults to 1.
            second_stage_epochs: Epochs of the second stage; 0 leaves it as it is. Defaults to
                None: twice `epochs`, as in the paper.
            verbose: As in `keras.Model.fit`; one progress bar per epoch and stage.
            callbacks: List of `keras.callbacks.Callback`. Each sees one training per stage, with
                this model as its `model`; logs hold loss, kl, nll, mse, gamma and `val_` of each.
            second_stage_callbacks: Callbacks of the second stage, such as loggers with files of
                their own. Defaults to None: those of the first once more.
            validation_data: Images in the same forms as `x`.
            posteriors_memory_limit: Bytes of posteriors to keep in memory; beyond it they go to
                an HDF5 file. Defaults to 1 GiB.
            posteriors_path: Where that file goes. Defaults to None: a temporary folder.

        Returns:
            A `keras.callbacks.History` with keys such as `stage1_loss`, `stage1_val_gamma` and
            `stage2_loss`.

        Raises:
            ValueError: If an argument or the images are not as described.
        """
        epochs = non_negative_int("epochs", epochs)
        second_stage_epochs = non_negative_int(
            "second_stage_epochs",
            2 * epochs if second_stage_epochs is None else second_stage_epochs,
        )
        callbacks = callback_list(callbacks)
        second_stage_callbacks = callback_list(second_stage_callbacks, callbacks)
        check_storage(posteriors_memory_limit, posteriors_path)
        inputs.require_finite(x)
        self.first_stage._assert_compile_called("fit")
        if not self.built:
            self.build((None, *inputs.image_shape_of(x)))

        self.history = keras.callbacks.History()
        best = initial_best(callbacks)
        if epochs:
            size = None if inputs.is_batched(x) else batch_size
            fit_stage(self, "stage1", x, validation_data, callbacks, size, epochs, verbose)
        if second_stage_epochs:
            if epochs:
                reuse([c for c in second_stage_callbacks if c in callbacks], best)
            encode = functools.partial(
                self.first_stage.posteriors, memory_limit=posteriors_memory_limit, verbose=verbose
            )
            posteriors = encode(x, path=posteriors_path)
            if inputs.is_batched(x):  # whose number of images need not be known before
                batch_size = min(batch_size or 64, len(posteriors))
            fit_stage(
                self,
                "stage2",
                posteriors,
                None if validation_data is None else encode(validation_data),
                second_stage_callbacks,
                64 if batch_size is None else batch_size,
                second_stage_epochs,
                verbose,
            )
        return self.history

    def evaluate(self, x, y=None, batch_size=None, verbose=0):
        """Measures both stages over images, arguments as for `fit`.

        Returns:
            A dict with keys such as `stage1_loss` and `stage2_gamma`.
        """
        sizes = (None if inputs.is_batched(x) else batch_size, batch_size or 64)
        data = (x, self.first_stage.posteriors(x))
        results = {}
        for (name, stage), size, images in zip(self.stages().items(), sizes, data):
            logs = stage.evaluate(images, batch_size=size, verbose=verbose, return_dict=True)
            results.update({f"{name}_{key}": value for key, value in logs.items()})
        return results

    def call(self, inputs, training=None):
        """Reconstructs a batch of images through the first stage."""
        return self.first_stage(inputs, training=training)

    def compute_output_shape(self, input_shape):
        """Returns the input's shape."""
        return input_shape

    def encode(self, x, batch_size=256):
        """As `FirstStageVAE.encode`."""
        return self.first_stage.encode(x, batch_size)

    def decode(self, z, batch_size=256):
        """As `FirstStageVAE.decode`."""
        return self.first_stage.decode(z, batch_size)

    def reconstruct(self, x, batch_size=256):
        """As `FirstStageVAE.reconstruct`."""
        return self.first_stage.reconstruct(x, batch_size)

    def interpolate(self, a, b, steps):
        """As `FirstStageVAE.interpolate`."""
        return self.first_stage.interpolate(a, b, steps)

    def sample(self, n, stage=2, seed=None, batch_size=256):
        """Draws new images.

        Args:
            n: Positive int, how many.
            stage: 2 for `u ~ N(0, I)`, `z = decoder_2(u) + gamma_z * noise`, `x = decoder_1(z)`;
                1 for `z ~ N(0, I)`, `x = decoder_1(z)`, for comparison. Defaults to 2.
            seed: Non-negative int or None. Equal seeds give equal images on one backend, whatever
                the batch size. Defaults to None: other images at every call.
            batch_size: Images per step. Defaults to 256.

        Returns:
            A float32 array in [0, 1] of shape `(n, height, width, channels)`. For more images
            than fit in memory use `sample_batches`.

        Raises:
            ValueError: If an argument is not as described, or the model is not built.
        """
        n = positive_int("n", n)
        return collect(self.sample_batches(n, stage, seed, batch_size), n)

    def sample_batches(self, n, stage=2, seed=None, batch_size=256):
        """Returns an iterator over the images of `sample` in batches, with memory for one."""
        if stage not in (1, 2) or isinstance(stage, bool):
            raise ValueError(f"`stage` must be 1 or 2. Received: stage={stage!r}")
        if stage == 1:
            return self.first_stage.sample_batches(n, seed, batch_size)
        self.require_built("sampled")
        latents = self.second_stage.sample_batches(n, seed, batch_size)
        return (self.decode(z, batch_size) for z in latents)

    def export(self, filepath):
        """Writes a SavedModel that samples without this package or Keras.

        Its functions and signatures are listed at `keras_tsvae.export.export_saved_model`.

        Args:
            filepath: Path of a folder that does not exist or is empty.

        Raises:
            ValueError: If the model is not built, the backend is not TensorFlow, or `filepath`
                exists and is not an empty folder.
        """
        from keras_tsvae.export import export_saved_model

        self.require_built("exported")
        export_saved_model(self, filepath)

    def build_optimizers(self):
        """Creates the state of both stages' optimisers, if there is none yet."""
        for stage in self.stages().values():
            stage.build_optimizers()

    def stages(self):
        """Returns both stages by their names in logs."""
        return {"stage1": self.first_stage, "stage2": self.second_stage}

    def _check_widths(self):
        first, second = self.first_stage.latent_dim, self.second_stage.latent_dim
        if first is not None and first != second:
            raise ValueError(
                "`first_stage` and `second_stage` must have one latent width. "
                f"Received: {first} and {second}"
            )

    def get_config(self):
        """Returns name, dtype and both stages."""
        return {
            **super().get_config(),
            "first_stage": keras.saving.serialize_keras_object(self.first_stage),
            "second_stage": keras.saving.serialize_keras_object(self.second_stage),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Creates the model anew from `get_config()`."""
        stages = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("first_stage", "second_stage")
        }
        return cls(**{**config, **stages})
