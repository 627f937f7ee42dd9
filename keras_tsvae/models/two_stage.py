"""Both stages together: fitted in turn, sampled as one."""

import typing

import keras

from keras_tsvae import inputs, presets
from keras_tsvae.arrays.types import ImagesLike, PathLike, Shape, Tensor
from keras_tsvae.models.first_stage import FirstStageVAE
from keras_tsvae.models.from_preset import FromPreset
from keras_tsvae.models.generator import Generator
from keras_tsvae.models.second_stage import SecondStage
from keras_tsvae.models.stage_configs import deserialized, serialized
from keras_tsvae.models.staged import StagedModel
from keras_tsvae.models.two_stage_evaluation import evaluate_stages
from keras_tsvae.models.two_stage_plan import plan_fit
from keras_tsvae.saving.trainability import set_trainability, trainability_kept
from keras_tsvae.training.fit_arguments import refuse


@keras.saving.register_keras_serializable(package="keras_tsvae")
class TwoStageVAE(FromPreset, StagedModel, Generator):
    """The Two-Stage VAE: a VAE on images, and a second one on the first one's latent vectors.

    A single VAE reconstructs better than it samples, because its aggregated posterior
    `q(z) = E_x q(z|x)` is not the N(0, I) that samples are drawn from. The second stage learns
    q(z); sampling is `u ~ N(0, I)`, `z = decoder_2(u) + gamma_z * noise`, `x = decoder_1(z)`.

    Args:
        first_stage: A `FirstStageVAE`.
        second_stage: A second stage of the same latent width, such as `SecondStageVAE`.
        preset: The `keras_tsvae.presets.Preset` that `compile` takes its optimisers from; set by
            `from_preset`. Defaults to None.
        **kwargs: `name` and `trainable` of `keras.Model`.

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

    frozen_first_stage = False

    def __init__(
        self,
        first_stage: FirstStageVAE,
        second_stage: SecondStage,
        preset: presets.Preset | None = None,
        **kwargs: typing.Any,
    ):
        super().__init__(**kwargs)
        for stage, cls in ((first_stage, FirstStageVAE), (second_stage, SecondStage)):
            if not isinstance(stage, cls):
                raise ValueError(
                    "`first_stage` must be a FirstStageVAE and `second_stage` a SecondStage, such "
                    f"as SecondStageVAE. Received: a {type(stage).__name__} for a {cls.__name__}"
                )
        self.first_stage = first_stage
        self.second_stage = second_stage
        self.preset = preset
        self._check_widths()
        if self.condition_dim is not None and not self.takes_conditions:
            raise ValueError(
                "`first_stage` and `second_stage` must be without conditions: those with one make "
                f"a ConditionalTwoStageVAE. Received: condition_dim={self.condition_dim}"
            )
        if first_stage.built:
            self.build((None, *first_stage.image_shape))
        if not self.trainable:
            set_trainability(self, {})

    def build(self, input_shape: Shape) -> None:
        """Builds both stages for images of `input_shape[1:]`."""
        self.first_stage.build(input_shape)
        self._check_widths()
        if not self.second_stage.built:
            self.second_stage.build((None, self.latent_dim))
        self.built = True

    def fit(
        self,
        x: ImagesLike,
        y: typing.Any = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        *,
        second_stage_epochs: int | None = None,
        second_stage_batch_size: int | None = None,
        verbose: int | str = "auto",
        callbacks: list[keras.callbacks.Callback] | None = None,
        second_stage_callbacks: list[keras.callbacks.Callback] | None = None,
        validation_data: typing.Any = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
        second_stage_initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | list[int] = 1,
        posteriors_memory_limit: int = 2**30,
        posteriors_path: PathLike | None = None,
        **others: typing.Any,
    ) -> keras.callbacks.History:
        """Trains the first stage on images, encodes them once, trains the second on that.

        Everything is checked before the first step. Callbacks find the stage in training in
        `model.stage_in_training`, `"stage1"` or `"stage2"`; their model's `optimizer`, `metrics`
        and `stop_training` are those of that stage.

        Args:
            x: Images in the forms that `FirstStageVAE` takes; labels are ignored.
            y: Ignored.
            batch_size: Examples per step in both stages; in the second alone where `x` comes in
                batches. Defaults to None: the preset's, or 64.
            epochs: Epochs of the first stage; 0 leaves it as it is. Defaults to None: the
                preset's, or 1.
            second_stage_epochs: Epochs of the second stage; 0 leaves it as it is. Defaults to
                None: twice `epochs`, as in the paper, or, of a preset whose `epochs` are not
                given either, the preset's.
            second_stage_batch_size: Posteriors per step; larger steps take less time in all.
                Defaults to None: the preset's, or `batch_size`.
            verbose: As in `keras.Model.fit`; one progress bar per epoch and stage.
            callbacks: List of `keras.callbacks.Callback`. Each sees one training per stage, with
                this model as its `model`; logs hold the loss, of VAEs kl, nll, mse and gamma, and
                `val_` of each.
            second_stage_callbacks: Callbacks of the second stage, such as loggers with files of
                their own. Defaults to None: those of the first once more.
            validation_data: Images in the same forms as `x`.
            shuffle: Whether arrays are shuffled. Defaults to True.
            initial_epoch: The first stage's epochs that are done already, when a loaded model is
                trained on; `epochs` counts them. Defaults to 0.
            second_stage_initial_epoch: Likewise.
            steps_per_epoch: Batches per epoch of the first stage. Defaults to None: all.
            validation_steps: Batches of `validation_data` at the most, in either stage. Defaults
                to None: all.
            validation_batch_size: Int, for arrays and the second stage. Defaults to None: that of
                the stage.
            validation_freq: Epochs from one validation to the next, or a list of epochs, counted
                from 1. Defaults to 1.
            posteriors_memory_limit: Bytes of posteriors to keep in memory; beyond it they go to
                an HDF5 file. Defaults to 1 GiB.
            posteriors_path: Where that file goes. Defaults to None: a temporary folder.
            **others: Not taken: `validation_split`, `class_weight`, `sample_weight` are refused.

        Returns:
            A `keras.callbacks.History` with keys such as `stage1_loss`, `stage1_val_gamma` and
            `stage2_loss`; its `epoch` lists the first stage's epochs, then the second's.

        Raises:
            ValueError: If an argument or the images are not as described.
            FloatingPointError: If the loss of an epoch is not finite.
        """
        x = inputs.as_images(x)
        plan = plan_fit(
            self,
            x,
            batch_size,
            epochs,
            second_stage_epochs=second_stage_epochs,
            second_stage_batch_size=second_stage_batch_size,
            verbose=verbose,
            callbacks=callbacks,
            second_stage_callbacks=second_stage_callbacks,
            shuffle=shuffle,
            initial_epoch=initial_epoch,
            second_stage_initial_epoch=second_stage_initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
            posteriors_memory_limit=posteriors_memory_limit,
            posteriors_path=posteriors_path,
            **others,
        )
        if validation_data is not None:
            validation_data = inputs.as_images(validation_data, "validation_data")
        plan.check(x, validation_data)
        with plan.begun(x, validation_data):
            return plan.run(x, validation_data)

    def evaluate(
        self,
        x: ImagesLike,
        y: typing.Any = None,
        batch_size: int | None = None,
        *,
        verbose: int | str = 0,
        steps: int | None = None,
        **others: typing.Any,
    ) -> dict[str, float]:
        """Measures both stages over images.

        Args:
            x: As in `fit`.
            y: Ignored.
            batch_size: As in `fit`. Defaults to None: 64.
            verbose: As in `keras.Model.evaluate`. Defaults to 0.
            steps: Batches of images at the most. Defaults to None: all.
            **others: Not taken: `sample_weight` of `keras.Model.evaluate` is refused by name.

        Returns:
            A dict with keys such as `stage1_loss` and `stage2_gamma`; log p(z) of held-out images
            is among the figures of `evaluate_generation` instead.
        """
        refuse("evaluate", others)
        return evaluate_stages(self, inputs.as_images(x), batch_size, verbose, steps)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Reconstructs a batch of images through the first stage."""
        return self.first_stage(inputs, training=training)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the input's shape."""
        return input_shape

    def _check_widths(self):
        first, second = self.first_stage.latent_dim, self.second_stage.latent_dim
        if first is not None and first != second:
            raise ValueError(
                "`first_stage` and `second_stage` must have one latent width. "
                f"Received: {first} and {second}"
            )

    def get_config(self) -> dict[str, typing.Any]:
        """Returns name, dtype, preset and both stages."""
        return {
            **super().get_config(),
            "preset": None if self.preset is None else self.preset.to_dict(),
            "first_stage": serialized(self.first_stage),
            "second_stage": serialized(self.second_stage),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, typing.Any], custom_objects: dict[str, typing.Any] | None = None
    ) -> "TwoStageVAE":
        """Creates the model anew from `get_config()`."""
        stages = {
            name: deserialized(config[name], custom_objects)
            for name in ("first_stage", "second_stage")
        }
        preset = config.get("preset")
        stages["preset"] = None if preset is None else presets.Preset(**preset)
        with trainability_kept([stages["first_stage"], stages["second_stage"]]):
            return cls(**{**config, **stages})
