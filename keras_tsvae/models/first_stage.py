"""The first stage: a VAE on images."""

import keras
import numpy as np
from keras import ops

from keras_tsvae import losses
from keras_tsvae.arguments import gamma_of_likelihood, non_negative_int, positive_int
from keras_tsvae.batching import (
    batched,
    check_vectors,
    collect,
    noise_batches,
    with_progress,
)
from keras_tsvae.models.stage import Stage, resolve_seed
from keras_tsvae.posteriors import Posteriors
from keras_tsvae.training import inputs


@keras.saving.register_keras_serializable(package="keras_tsvae")
class FirstStageVAE(Stage):
    """VAE on images, with a decoder deviation gamma that is learned, unless asked otherwise.

    `z ~ N(mean(x), std(x)^2)`, `xhat = decoder(z)`,
    `loss = KL(q(z|x) || N(0, I)) - log N(x; xhat, gamma^2 I)`, summed over dimensions and
    averaged over the batch. It is negative once gamma is small, and that is right.

    A computed gamma is the root of a running mean squared error (see `update_gamma`), and the KL
    divergence then has the weight `(2 * side / latent_dim)^2`, with `side^2 = height * width`.

    Images are uint8 in [0, 255], scaled on the device, or floats in [0, 1]; labels that come
    with them are ignored.

    Args:
        encoder: A Keras layer or model from images `(batch, height, width, channels)`, float in
            [0, 1], to a pair `(mean, log_std)`, each `(batch, latent_dim)`.
        decoder: A Keras layer or model from `(batch, latent_dim)` to reconstructions in the
            images' own shape and range.
        gamma: `"learned"`, `"computed"`, or a positive float that stays as it is. Defaults to
            `"learned"`.
        likelihood: `"gaussian"`, or `"cross_entropy"` for Bernoulli pixels, which have no gamma;
            the decoder then needs a method `logits(z, training)`, as this package's have.
            Defaults to `"gaussian"`.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Raises:
        ValueError: If the networks do not fit together, or an argument is not as described.

    Example:
        >>> first = keras_tsvae.FirstStageVAE(
        ...     keras_tsvae.networks.ResNetEncoder((28, 28, 1), latent_dim=16),
        ...     keras_tsvae.networks.ResNetDecoder((28, 28, 1), latent_dim=16),
        ... )
        >>> first.compile()
        >>> first.fit(images, batch_size=64, epochs=10)

    Source:
        Dai & Wipf (2019), sections 2 and 3; Asperti & Trentin (2020), for the computed
        gamma.
    """

    def __init__(self, encoder, decoder, gamma="learned", likelihood="gaussian", **kwargs):
        gamma = gamma_of_likelihood(likelihood, gamma, decoder)
        super().__init__(encoder, decoder, gamma, **kwargs)
        self.likelihood = likelihood
        self.image_shape = None
        self.latent_dim = None
        for name, network in (("encoder", encoder), ("decoder", decoder)):
            if not isinstance(network, keras.layers.Layer):
                raise ValueError(
                    f"`{name}` must be a Keras layer or model. "
                    f"Received: type({name})={type(network).__name__}"
                )
        known_inputs = getattr(encoder, "inputs", None)
        if known_inputs and None not in known_inputs[0].shape[1:]:
            self.build(known_inputs[0].shape)

    def build(self, input_shape):
        """Builds both networks for images of `input_shape[1:]`, and checks that they fit."""
        if self.built:
            return
        self.latent_dim = self._build_networks(input_shape[1:])
        self.image_shape = tuple(input_shape[1:])
        if self.gamma_mode == "computed":
            height, width, _ = self.image_shape
            self.kl_weight = 4.0 * height * width / self.latent_dim**2
        self.built = True

    def targets(self, data):
        """Returns float32 images in [0, 1], from a batch with or without labels."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        if keras.backend.standardize_dtype(images.dtype) == "uint8":
            return ops.cast(images, "float32") / 255.0
        return ops.cast(images, "float32")

    def reconstruction_terms(self, x, sample, training=False):
        """Returns nll, mse and, if it has one, gamma, of `x` decoded from a posterior sample."""
        if self.likelihood == "gaussian":
            return super().reconstruction_terms(x, sample, training)
        logits = self.decoder.logits(sample, training=training)
        mse = losses.mean_squared_error(x, ops.sigmoid(logits))
        return {"nll": losses.cross_entropy(x, logits), "mse": mse}

    def fit(
        self,
        x,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_data=None,
        shuffle=True,
        **kwargs,
    ):
        """Trains on images.

        An epoch over arrays is shuffled anew and drops its last partial batch.

        Args:
            x: Images as an array, a `tf.data.Dataset` of batches or a `keras.utils.PyDataset`,
                alone or paired with labels, which are ignored.
            y: Ignored.
            batch_size: Int, for arrays only. Defaults to None: 64.
            epochs: Passes over the data. Defaults to 1.
            verbose: As in `keras.Model.fit`.
            callbacks: List of `keras.callbacks.Callback`.
            validation_data: Images in the same forms as `x`.
            shuffle: Whether arrays are shuffled. Defaults to True.
            **kwargs: `initial_epoch`, `steps_per_epoch`, `validation_steps`,
                `validation_batch_size` or `validation_freq`, as in `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History` of loss, kl, nll, mse and gamma, means over each epoch.

        Raises:
            ValueError: If the images are not as described, or not of the model's shape. Values
                of streamed batches are checked as they come; a bad batch leaves the weights
                alone.
        """
        self._assert_compile_called("fit")
        if not self.built:
            self.build((None, *inputs.image_shape_of(x)))
        steps = kwargs.get("steps_per_epoch")
        data = inputs.images_for_fit(x, batch_size, self.image_shape, shuffle=shuffle, steps=steps)
        if validation_data is not None:
            size = kwargs.pop("validation_batch_size", None) or batch_size
            size = None if inputs.is_batched(validation_data) else size
            validation_data = inputs.images_for_fit(
                validation_data,
                size,
                self.image_shape,
                training=False,
                steps=kwargs.get("validation_steps"),
            )
        with inputs.clear_errors():
            return super().fit(
                data,
                epochs=epochs,
                verbose=verbose,
                callbacks=callbacks,
                validation_data=validation_data,
                shuffle=shuffle and isinstance(x, keras.utils.PyDataset),  # arrays are already
                **kwargs,
            )

    def evaluate(self, x, y=None, batch_size=None, **kwargs):
        """Measures loss, kl, nll, mse and gamma over images; arguments as in `keras.Model`."""
        if kwargs.pop("_use_cached_eval_dataset", False):  # from within `fit`: checked already
            return super().evaluate(x, _use_cached_eval_dataset=True, **kwargs)
        data = inputs.images_for_fit(x, batch_size, self.image_shape, training=False)
        with inputs.clear_errors():
            return super().evaluate(data, **kwargs)

    def encode(self, x, batch_size=256):
        """Encodes images into their posteriors.

        Args:
            x: Images in the forms that `fit` takes.
            batch_size: Images per step, for arrays. Defaults to 256.

        Returns:
            `(mean, std)`, two float32 arrays of shape `(n, latent_dim)`.

        Raises:
            ValueError: If the images are not as described, or the model is not built.
        """
        mean, std = zip(*self._posterior_batches(x, batch_size))
        return np.concatenate(mean), np.concatenate(std)

    def posteriors(self, x, batch_size=256, memory_limit=2**30, path=None, verbose=0):
        """Encodes a data set once, for the second stage.

        Args:
            x: Images in the forms that `fit` takes.
            batch_size: Images per step, for arrays. Defaults to 256.
            memory_limit: Bytes to keep in memory; beyond it, the posteriors go to an HDF5 file.
                Defaults to 1 GiB.
            path: Where that file goes. Defaults to None: a temporary folder.
            verbose: 1 or "auto" for a progress bar. Defaults to 0.

        Returns:
            A `Posteriors`, in the order of `x`.
        """
        batches = self._posterior_batches(x, batch_size, verbose in (1, "auto"))
        return Posteriors.from_batches(batches, memory_limit, path)

    def decode(self, z, batch_size=256):
        """Decodes latent vectors `(n, latent_dim)` into a float32 array of images in [0, 1]."""
        self.require_built("used for decoding")
        z = check_vectors("z", z, self.latent_dim)
        decode = self._compiled(self.decode_batch)
        return collect(batched(decode, (z,), batch_size), len(z))

    def reconstruct(self, x, batch_size=256):
        """Decodes the posterior means of images, given as to `encode`, into a float32 array."""
        mean, _ = self.encode(x, batch_size)
        return self.decode(mean, batch_size)

    def sample(self, n, seed=None, batch_size=256):
        """Decodes `n` draws of the prior, `z ~ N(0, I)`; the same images for the same seed."""
        n = positive_int("n", n)
        return collect(self.sample_batches(n, seed, batch_size), n)

    def sample_batches(self, n, seed=None, batch_size=256):
        """Yields the images of `sample` in batches, with memory for one."""
        self.require_built("sampled")
        n, batch_size = positive_int("n", n), positive_int("batch_size", batch_size)
        noise = noise_batches(n, self.latent_dim, resolve_seed(seed), batch_size)
        return (self.decode(z, batch_size) for (z,) in noise)

    def interpolate(self, a, b, steps):
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
        if non_negative_int("steps", steps) < 2:
            raise ValueError(f"`steps` must be at least 2. Received: steps={steps}")
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            raise ValueError(
                f"`a` and `b` must have one shape. Received: a.shape={a.shape}, b.shape={b.shape}"
            )
        single = a.ndim == 3
        ends = [self.encode(x[None] if single else x)[0] for x in (a, b)]
        lines = np.stack([ends[0] + t * (ends[1] - ends[0]) for t in np.linspace(0, 1, steps)], 1)
        images = self.decode(lines.reshape(-1, self.latent_dim).astype("float32"))
        return images if single else images.reshape(len(a), steps, *self.image_shape)

    def encode_batch(self, images):
        """Returns mean and standard deviation of one batch, as tensors."""
        mean, log_std = self.encoder(self.targets(images), training=False)
        return ops.cast(mean, "float32"), ops.exp(ops.cast(log_std, "float32"))

    def decode_batch(self, z):
        """Returns the images of one batch of latent vectors, as a tensor."""
        return ops.cast(self.decoder(z, training=False), "float32")

    def _posterior_batches(self, x, batch_size, show_progress=False):
        self.require_built("used for encoding")
        encode = self._compiled(self.encode_batch)
        batch_size = positive_int("batch_size", batch_size)
        batches = inputs.image_batches(x, batch_size, self.image_shape)
        if show_progress:
            batches = with_progress(batches, inputs.num_batches(x, batch_size))
        for images in batches:
            yield tuple(ops.convert_to_numpy(part) for part in encode(images))

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "likelihood": self.likelihood,
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Creates the model anew from `get_config()`."""
        networks = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("encoder", "decoder")
        }
        return cls(**{**config, **networks})
