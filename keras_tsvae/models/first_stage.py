"""The first stage: a VAE on images."""

import typing

import keras
from keras import ops

from keras_tsvae import inputs, losses
from keras_tsvae.arguments import gamma_of_likelihood
from keras_tsvae.arrays.pixels import unit_floats
from keras_tsvae.arrays.types import Dataset, ImageShape, ImagesLike, Shape, Tensor
from keras_tsvae.models.image_coder import ImageCoder
from keras_tsvae.saving.trainability import trainability_kept


@keras.saving.register_keras_serializable(package="keras_tsvae")
class FirstStageVAE(ImageCoder):
    """VAE on images, with a decoder deviation gamma that is learned, unless asked otherwise.

    `z ~ N(mean(x), std(x)^2)`, `xhat = decoder(z)`,
    `loss = KL(q(z|x) || N(0, I)) - log N(x; xhat, gamma^2 I)`, summed over dimensions and
    averaged over the batch. It is negative once gamma is small, and that is right.

    A computed gamma is the root of a running mean squared error (see `update_gamma`), and the KL
    divergence then has the weight `(2 * side / latent_dim)^2`, with `side^2 = height * width`. An
    optimal gamma is that of a mean over the last ten batches or so: it maximises their likelihood,
    and falls within some fifty steps, where a learned one moves by one learning rate a step.

    Images are uint8 in [0, 255], scaled on the device, or floats in [0, 1]; labels that come
    with them are ignored, unless the networks are conditioned (have a `condition_dim`): then images
    are paired with coded conditions `(n, condition_dim)`, as `ConditionalTwoStageVAE` makes them.

    `fit` and `evaluate` take images as an array, a `keras_tsvae.data.Split`, a `tf.data.Dataset` of
    batches, a `keras.utils.PyDataset`, batches that can be read again and have a length (a
    `torch.utils.data.DataLoader`, or a list), or a folder of pictures of one shape, which is read
    into memory; alone or paired with labels or conditions, which of arrays may also be given as
    `y`. A `tf.data.Dataset` is read once per epoch and no more.

    Args:
        encoder: A Keras layer or model from images `(batch, height, width, channels)`, float in
            [0, 1], to a pair `(mean, log_std)`, each `(batch, latent_dim)`.
        decoder: A Keras layer or model from `(batch, latent_dim)` to reconstructions in the
            images' own shape and range.
        gamma: `"learned"`, `"computed"`, `"optimal"`, or a positive float that stays as it is.
            Defaults to `"learned"`.
        likelihood: `"gaussian"`, or `"cross_entropy"` for Bernoulli pixels, which have no gamma;
            the decoder then needs a method `logits(z, training)`, as this package's have.
            Defaults to `"gaussian"`.
        **kwargs: `name`, `trainable` and `dtype` of `keras.Model`.

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
        gamma; Rybkin et al. (2021), for the optimal one.
    """

    title = "stage 1"

    def __init__(
        self,
        encoder: keras.Layer,
        decoder: keras.Layer,
        gamma: str | float = "learned",
        likelihood: str = "gaussian",
        **kwargs: typing.Any,
    ):
        gamma = gamma_of_likelihood(likelihood, gamma, decoder)
        super().__init__(encoder, decoder, gamma, **kwargs)
        self.likelihood = likelihood
        self.image_shape: typing.Any = None  # and so on until it is built
        self.latent_dim: typing.Any = None
        for name, network in (("encoder", encoder), ("decoder", decoder)):
            if not isinstance(network, keras.layers.Layer):
                raise ValueError(
                    f"`{name}` must be a Keras layer or model. "
                    f"Received: type({name})={type(network).__name__}"
                )
        known_inputs = getattr(encoder, "inputs", None)  # the images first
        if known_inputs and None not in known_inputs[0].shape[1:]:
            self.build(known_inputs[0].shape)

    def build(self, input_shape: Shape) -> None:
        """Builds both networks for images of `input_shape[1:]`, and checks that they fit."""
        if self.built:
            return
        self.latent_dim = self._build_networks(input_shape[1:])
        self.image_shape = tuple(input_shape[1:])
        if self.gamma_mode == "computed":
            height, width, _ = self.image_shape
            self.kl_weight = 4.0 * height * width / self.latent_dim**2
        self.built = True

    @property
    def reconstructed_shape(self) -> ImageShape:
        """`image_shape`."""
        return self.image_shape

    def targets(self, data: typing.Any) -> Tensor:
        """Returns float32 images in [0, 1], from a batch with or without labels."""
        images, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return unit_floats(images)

    def condition(self, data: typing.Any) -> Tensor | None:
        """Returns the float32 conditions that come with a batch, or None."""
        if self.condition_dim is None:
            return None
        return ops.cast(keras.utils.unpack_x_y_sample_weight(data)[1], "float32")

    def reconstruction_terms(
        self, x: Tensor, code: Tensor, training: bool = False
    ) -> dict[str, Tensor]:
        """Returns nll, mse and, if it has one, gamma, of `x`, decoded from `code`."""
        if self.likelihood == "gaussian":
            return super().reconstruction_terms(x, code, training)
        logits = self.decoder.logits(code, training=training)
        mse = losses.mean_squared_error(x, ops.sigmoid(logits))
        return {"nll": losses.cross_entropy(x, logits), "mse": mse}

    def fit_checked(
        self,
        x: ImagesLike,
        y: typing.Any = None,
        *,
        batch_size: int | None,
        callbacks: list[keras.callbacks.Callback],
        validation_data: typing.Any,
        validation_batch_size: int | None,
        shuffle: bool,
        **options: typing.Any,
    ) -> keras.callbacks.History:
        """As `fit`, whose arguments, but for the images, have been checked."""
        x = self._images(x, y)
        if not self.built:
            self.build((None, *inputs.image_shape_of(x)))
        data = inputs.images_for_fit(
            x,
            batch_size,
            self.image_shape,
            shuffle=shuffle,
            steps=options["steps_per_epoch"],
            condition_dim=self.condition_dim,
        )
        if validation_data is not None:
            validation_data = inputs.as_images(validation_data, "validation_data")
            size = validation_batch_size or batch_size
            validation_data = inputs.images_for_fit(
                validation_data,
                size if validation_data.is_array else None,
                self.image_shape,
                training=False,
                steps=options["validation_steps"],
                condition_dim=self.condition_dim,
            )
        return self._train(
            data,
            callbacks,
            validation_data=validation_data,
            shuffle=shuffle and inputs.can_be_shuffled(x),  # arrays are already
            **options,
        )

    def batches_to_measure(
        self, x: ImagesLike, y: typing.Any, batch_size: int | None, steps: int | None
    ) -> Dataset:
        """Returns images as a data set of checked batches, in their order."""
        return inputs.images_for_fit(
            self._images(x, y),
            batch_size,
            self.image_shape,
            training=False,
            steps=steps,
            condition_dim=self.condition_dim,
        )

    def _images(self, x, y):
        """Returns `Images`, with their conditions where the stage is conditioned."""
        return inputs.as_images(x if y is None or self.condition_dim is None else (x, y))

    def get_config(self) -> dict[str, typing.Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "likelihood": self.likelihood,
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, typing.Any], custom_objects: dict[str, typing.Any] | None = None
    ) -> "FirstStageVAE":
        """Creates the model anew from `get_config()`."""
        networks = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("encoder", "decoder")
        }
        with trainability_kept(networks.values()):
            return cls(**{**config, **networks})
