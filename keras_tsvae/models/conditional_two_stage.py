"""The Two-Stage VAE under conditions."""

import typing

import keras

from keras_tsvae import inputs, presets
from keras_tsvae.arguments import non_negative_int
from keras_tsvae.arrays.types import ImagesLike, Shape, Tensor
from keras_tsvae.conditions import Condition, JointConditions
from keras_tsvae.models.condition_recognizer import ConditionRecognizer
from keras_tsvae.models.conditional_editor import ConditionalEditor
from keras_tsvae.models.first_stage import FirstStageVAE
from keras_tsvae.models.second_stage import SecondStage
from keras_tsvae.models.second_stage_vae import SecondStageVAE
from keras_tsvae.models.two_stage import TwoStageVAE
from keras_tsvae.models.two_stage_plan import plan_fit
from keras_tsvae.saving.trainability import restore_trainability, with_trainability

RELIABLE_OF = 10_000  # images


@keras.saving.register_keras_serializable(package="keras_tsvae")
class ConditionalTwoStageVAE(ConditionalEditor, TwoStageVAE):
    """A Two-Stage VAE that is told what its images shall show.

    Each stage, or only one of them, is conditioned on a vector c: `q(z|x, c)`, `p(x|z, c)`;
    `q(u|z, c)`, `p(z|u, c)`. The losses stay as they are. Beside the stages a recognizer `q(c|x)`
    is trained on the same labelled images: it infers what is not given, and overrules labels that
    the images plainly contradict.

    Args:
        first_stage: A `FirstStageVAE`, whose networks have the `condition_dim` of the conditions,
            or none.
        second_stage: A second stage, such as `SecondStageVAE`, likewise. At least one of both is
            conditioned.
        conditions: A `keras_tsvae.conditions.Condition`: what the conditions are.
        frozen_first_stage: Whether the first stage is trained already, and stays as it is.
            Defaults to False.
        preset: As in `TwoStageVAE`.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Raises:
        ValueError: If stages and conditions do not fit together.

    Example:
        >>> shape, c = (64, 64, 3), keras_tsvae.conditions.Attributes(data.label_names)
        >>> model = keras_tsvae.ConditionalTwoStageVAE(
        ...     keras_tsvae.FirstStageVAE(
        ...         keras_tsvae.networks.ResNetEncoder(shape, 64, condition_dim=c.size),
        ...         keras_tsvae.networks.ResNetDecoder(shape, 64, condition_dim=c.size),
        ...     ),
        ...     keras_tsvae.SecondStageVAE(64, condition_dim=c.size),
        ...     c,
        ... )
        >>> model.compile()
        >>> model.fit(images, attributes, epochs=20)
        >>> faces = model.sample(8, condition={"Smiling": 1, "Eyeglasses": -1})

    Source:
        Trentin (2019), chapter 5, for the conditional extension; Kingma et al. (2014), for the
        recognizer.
    """

    takes_conditions = True

    def __init__(
        self,
        first_stage: FirstStageVAE,
        second_stage: SecondStage,
        conditions: Condition,
        frozen_first_stage: bool = False,
        preset: presets.Preset | None = None,
        **kwargs: typing.Any,
    ):
        check_conditions(conditions)
        self.conditions = conditions
        self.frozen_first_stage = bool(frozen_first_stage)
        self.joint: JointConditions | None = None
        self.recognizer: typing.Any = None  # a `ConditionRecognizer`, once the model is built
        super().__init__(first_stage, second_stage, preset, **kwargs)

    @classmethod
    def wrap(
        cls,
        model: TwoStageVAE | FirstStageVAE,
        conditions: Condition,
        conditioning: str = "modulate",
        **kwargs: typing.Any,
    ) -> "ConditionalTwoStageVAE":
        """Makes a trained `TwoStageVAE` conditional: its first stage is kept, frozen, as it is.

        The second stage is new, of the same settings, and conditioned; `compile` and `fit`
        train it alone, on images that are encoded once. It obeys as far as z knows the conditions.
        The first stage is shared with `model`, not copied: do not train that any further.

        Args:
            model: A trained `TwoStageVAE`, or a trained `FirstStageVAE`.
            conditions: A `keras_tsvae.conditions.Condition`.
            conditioning: `"concat"` or `"modulate"`. Defaults to `"modulate"`.
            **kwargs: Further arguments of the new second stage, such as `width` or `gamma`.

        Raises:
            ValueError: If the model is not built or is conditional already.

        Example:
            >>> model = keras_tsvae.ConditionalTwoStageVAE.wrap(
            ...     keras.saving.load_model("mnist.keras"), keras_tsvae.conditions.Classes(10)
            ... )
            >>> model.compile()
            >>> model.fit(images, labels, second_stage_epochs=20)
        """
        check_conditions(conditions)
        first: typing.Any = getattr(model, "first_stage", model)
        conditional = getattr(model, "condition_dim", 0) is not None
        if not getattr(first, "built", False) or conditional:
            raise ValueError(
                "`model` must be a trained TwoStageVAE or FirstStageVAE without conditions. "
                f"Received: model={model!r}"
            )
        size, second = conditions.size, getattr(model, "second_stage", None)
        if second is not None:
            second = second.conditioned(size, conditioning, **kwargs)
        else:
            settings = {"dtype": first.dtype_policy, "conditioning": conditioning, **kwargs}
            second = SecondStageVAE(first.latent_dim, condition_dim=size, **settings)
        return cls(first, second, conditions, frozen_first_stage=True)

    def build(self, input_shape: Shape) -> None:
        """Builds both stages and the recognizer for images of `input_shape[1:]`."""
        widths = {stage.condition_dim for stage in self.stages().values()} - {None}
        if widths != {self.conditions.size}:
            raise ValueError(
                "`first_stage` or `second_stage` must be conditioned, with the width of "
                f"`conditions`, {self.conditions.size}. Received: condition_dim="
                f"{self.first_stage.condition_dim} and {self.second_stage.condition_dim}"
            )
        super().build(input_shape)
        if self.recognizer is None:
            self.recognizer = ConditionRecognizer(
                self.image_shape, self.conditions.kind, self.conditions.size, name="recognizer"
            )

    def fit(
        self,
        x: ImagesLike,
        y: typing.Any = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        *,
        verbose: int | str = "auto",
        validation_data: typing.Any = None,
        correct_conditions: bool = True,
        recognizer_epochs: int | None = None,
        **kwargs: typing.Any,
    ) -> keras.callbacks.History:
        """Trains the recognizer, the first stage on images, and the second on their posteriors.

        Args:
            x: Images in the forms that `TwoStageVAE.fit` takes; data sets yield pairs of images
                and conditions.
                They are read once before any training, for their conditions, once more if these
                are corrected, and once per epoch: they must be readable that often.
            y: The conditions of an array of images, as `conditions.encode` takes them; a
                `keras_tsvae.data.Split` has its own.
            batch_size: As in `TwoStageVAE.fit`.
            epochs: Epochs of the first stage; 0 leaves it as it is. Defaults to None: the
                preset's, or 1, or 0 for a frozen first stage, which takes no other value.
            verbose: As in `keras.Model.fit`.
            validation_data: Images with conditions in the same forms, arrays as a pair. Their
                conditions are taken as they are, without corrections.
            correct_conditions: Whether attributes or classes that the images contradict, of which
                the recognizer finds another value more than 3/4 probable, are corrected before
                the stages see them. Defaults to True.
            recognizer_epochs: Epochs of the recognizer; 0 leaves it as it is. Defaults to None: as
                many as show it 80,000 images, within bounds, or 0 if it is trained already.
            **kwargs: All further arguments of `TwoStageVAE.fit`. `second_stage_epochs` is twice
                `epochs` by default, or 2 if the first stage is not trained and there is no preset.

        Returns:
            A `keras.callbacks.History`, as `TwoStageVAE.fit` does.

        Raises:
            ValueError: If images or conditions are not as described.
            FloatingPointError: If the loss of an epoch is not finite.
        """
        if self.frozen_first_stage and epochs not in (None, 0):
            raise ValueError(
                "`epochs` must be 0: the first stage is frozen, and the second is trained for "
                f"`second_stage_epochs`. Received: epochs={epochs}"
            )
        if recognizer_epochs is not None:
            non_negative_int("recognizer_epochs", recognizer_epochs)
        x = inputs.as_images(x)
        plan = plan_fit(self, x, batch_size, epochs, verbose=verbose, **kwargs)
        labelled = self._labelled(x, y)
        if validation_data is not None:
            validation_data = self._labelled(validation_data, name="validation_data").data()
        plan.check(x, validation_data)
        corrected = correct_conditions and self.conditions.discrete
        with plan.begun(labelled.data(), validation_data, corrected=corrected):
            if plan.is_done:
                return plan.run(x)
            self._learn_conditions(labelled, plan, recognizer_epochs, verbose)
            if corrected:
                self.recognizer.find_reliable(labelled.drawn(RELIABLE_OF))
                labelled = labelled.corrected(self.recognizer.corrected)
                self.joint = JointConditions.from_batches(labelled.all_codes())
            return plan.run(labelled.data(), validation_data)

    def evaluate(
        self,
        x: ImagesLike,
        y: typing.Any = None,
        batch_size: int | None = None,
        **options: typing.Any,
    ) -> dict[str, float]:
        """As `TwoStageVAE.evaluate`, of images with conditions."""
        return super().evaluate(self._labelled(x, y).data(), None, batch_size, **options)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Reconstructs a batch through the first stage: images, or images and coded conditions."""
        conditioned = self.first_stage.condition_dim is not None
        if conditioned and not isinstance(inputs, (tuple, list)):
            raise ValueError(
                "`inputs` must be a pair of images and coded conditions; `reconstruct(images)` "
                f"infers the latter. Received: type(inputs)={type(inputs).__name__}"
            )
        return self.first_stage(inputs, training=training)

    def _learn_conditions(self, labelled, plan, epochs, verbose):
        """Gathers the joint distribution of the conditions and trains the recognizer."""
        with inputs.clear_errors():
            joint = JointConditions.from_batches(labelled.all_codes())
            batches, steps, held_out = labelled.split(plan.batch_size)
        self.joint = joint  # now that all is checked
        if epochs == 0 or (epochs is None and self.recognizer.is_trained):
            return
        if verbose:
            print("Recognizer: conditions of images")
        with inputs.clear_errors():
            self.recognizer.train_on(
                batches, held_out, self.joint, steps, epochs, verbose, plan.backup
            )

    def get_config(self) -> dict[str, typing.Any]:
        """Returns name, dtype, preset, both stages and the conditions."""
        config = {
            **super().get_config(),
            "conditions": keras.saving.serialize_keras_object(self.conditions),
            "frozen_first_stage": self.frozen_first_stage,
        }
        if self.recognizer is not None:  # made anew, where the stages come with their own configs
            config["recognizer"] = {"trainable": self.recognizer.trainable}
            config["recognizer"] = with_trainability(config["recognizer"], self.recognizer)
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, typing.Any], custom_objects: dict[str, typing.Any] | None = None
    ) -> "ConditionalTwoStageVAE":
        """Creates the model anew from `get_config()`."""
        conditions = keras.saving.deserialize_keras_object(config["conditions"], custom_objects)
        recognizer = config.get("recognizer", {})
        config = {key: value for key, value in config.items() if key != "recognizer"}
        model = super().from_config({**config, "conditions": conditions}, custom_objects)
        if model.recognizer is not None:
            restore_trainability(model.recognizer, recognizer)
        return model


def check_conditions(conditions: typing.Any) -> None:
    """Raises a `ValueError` unless `conditions` is a `Condition`."""
    if not isinstance(conditions, Condition):
        raise ValueError(
            "`conditions` must be one of keras_tsvae.conditions, such as `Attributes(names)`. "
            f"Received: type(conditions)={type(conditions).__name__}"
        )
