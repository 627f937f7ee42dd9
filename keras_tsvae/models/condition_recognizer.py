"""The inference network of a condition, q(c|x): what a picture shows, as far as can be seen."""

import functools
import math
import typing
from collections.abc import Callable, Iterable

import keras
import numpy as np
from keras import ops

from keras_tsvae.arguments import check_image_shape
from keras_tsvae.arrays.pixels import unit_floats
from keras_tsvae.arrays.types import Dataset, ImageShape, Tensor
from keras_tsvae.backend import Inference, compile_function, gather, resolve_jit
from keras_tsvae.conditions import JointConditions
from keras_tsvae.networks.convolutional_trunk import convolutional_trunk
from keras_tsvae.optimizers import FusedAdam
from keras_tsvae.saving.exportable import Exportable
from keras_tsvae.saving.trainability import (
    from_arguments,
    set_trainability,
    with_trainability,
)
from keras_tsvae.saving.whole_weights import WholeWeights
from keras_tsvae.training import Trainer
from keras_tsvae.training.divergence import Divergence
from keras_tsvae.training.no_backup import NO_BACKUP, NoBackup

TITLE = "the recognizer"  # in messages
BATCH_SIZE = 64
DIMENSIONS = 128
IMAGES_SEEN = 80_000  # in a training of default length, within bounds of epochs
EPOCHS = 5  # at the most, or, as it stops in time on images held out, 30
HELD_OUT_EPOCHS = 30
FEWEST_STEPS = 150  # also if that takes more epochs
PATIENCE = 5  # epochs, of 50 steps together at least
FEW = 100  # different numbers, as which a number is recognized
SURE = 0.75  # the probability with which another value overrules a given one
SEEN = 1 / 7  # how many images show a value for sure, to those labelled so, if it can be overruled
CONFIRMED = 2 / 3  # how many of those must be labelled so
NOISE_RATE = 10.0  # how much faster than the network the share of random labels is learnt


@keras.saving.register_keras_serializable(package="keras_tsvae")
class ConditionRecognizer(Exportable, WholeWeights, Trainer, Inference, keras.Model):
    """A small convolutional network from images to the condition that they show.

    Attributes have one logit each, classes one each, numbers and vectors their standardised value,
    so that q(c|x) is a product of Bernoulli distributions, categorical, or Gaussian. It is trained
    by itself, on labelled images, by maximum likelihood, and takes no part in the loss of either
    stage.

    Some labels may be wrong. Of each attribute, or of all classes, a share s of the labels is taken
    to be given at random, one of K values as often as any other, and s is learnt with the network:
    `p(label = k|x) = (1 - s) q(c = k|x) + s / K`, K = 2 for an attribute. Found too small where few
    images are seen or most labels are at random; then fewer wrong labels are corrected.

    Args:
        image_shape: `(height, width, channels)`.
        kind: `"attributes"`, `"classes"`, `"number"` or `"vector"`.
        size: Positive int, the width of a coded condition.
        **kwargs: `name` and `dtype` of `keras.Model`.

    Source:
        Kingma et al. (2014), *Semi-supervised Learning with Deep Generative Models*, section 3: the
        inference network of a label, q(y|x). Goldberger & Ben-Reuven (2017), *Training Deep
        Neural-Networks Using a Noise Adaptation Layer*, section 3, here with one rate s.
    """

    def __init__(self, image_shape: ImageShape, kind: str, size: int, **kwargs: typing.Any):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.image_shape = check_image_shape(image_shape)
        self.kind = kind
        self.size = size
        self.trunk = convolutional_trunk(self.image_shape, DIMENSIONS, self.dtype_policy)
        self.head = keras.layers.Dense(size, dtype=self.dtype_policy, name="head")
        self.head.build((None, DIMENSIONS))
        weight = {"dtype": "float32", "autocast": False}
        if kind in ("attributes", "classes"):
            self.noise = self.add_weight(
                name="noise",
                shape=(size if kind == "attributes" else 1,),
                initializer=keras.initializers.Constant(-3.0 / NOISE_RATE),  # s = 0.05
                **weight,
            )
        weight["trainable"] = False
        self.center = self.add_weight(name="center", shape=(size,), initializer="zeros", **weight)
        self.spread = self.add_weight(name="spread", shape=(size,), initializer="ones", **weight)
        self.reliable = self.add_weight(
            name="reliable", shape=(size,), initializer="zeros", **weight
        )
        self.trained = self.add_weight(name="trained", shape=(), initializer="zeros", **weight)
        self._outputs_of: Callable[..., Tensor] | None = None
        self._joint: JointConditions | None = None
        self.built = True
        set_trainability(self, {})

    @property
    def is_trained(self) -> bool:
        """Whether `train_on` has trained it."""
        return bool(ops.convert_to_numpy(self.trained) > 0)

    @property
    def input_shapes(self) -> ImageShape:
        """`image_shape`."""
        return self.image_shape

    def call(self, images: Tensor, training: bool | None = None) -> Tensor:
        """Returns logits, or values, `(n, size)` of images, uint8 or float in [0, 1]."""
        features = self.trunk(unit_floats(images, self.compute_dtype), training=training)
        return ops.cast(self.head(features), "float32")

    def train_on(
        self,
        batches: Dataset,
        held_out: Dataset | None,
        joint: JointConditions,
        steps: int,
        epochs: int | None = None,
        verbose: int | str = "auto",
        backup: NoBackup = NO_BACKUP,
    ) -> None:
        """Trains on batches of images and coded conditions, data sets that Keras can fit.

        The epoch with the least loss on images held out is kept, so that labels are not learnt by
        heart, wrong ones least of all.

        Args:
            batches: `keras.utils.PyDataset` or `tf.data.Dataset` of `(images, codes)`.
            held_out: Another such data set, or None.
            joint: The `JointConditions` of the codes.
            steps: Int, batches per epoch.
            epochs: Positive int. Defaults to None: as many as show it 80,000 images, but 5 at the
                most without `held_out`, 30 with it, or as many as 150 steps take.
            verbose: As in `keras.Model.fit`.
            backup: That of the training that this one is the beginning of. Defaults to none.
        """
        if epochs is None:
            most = EPOCHS if held_out is None else HELD_OUT_EPOCHS
            most = max(most, math.ceil(FEWEST_STEPS / steps))
            epochs = int(np.clip(IMAGES_SEEN // (steps * BATCH_SIZE), 1, most))
        callbacks = []
        if held_out is not None:
            patience = max(PATIENCE, math.ceil(50 / steps))
            callbacks = [
                keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
            ]
        if backup.is_done(TITLE, epochs):
            backup.skip(TITLE, batches)
            return
        self.center.assign(joint.center)
        self.spread.assign(joint.spread)
        rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * steps)
        with self.scope():
            self.compile(FusedAdam(rate), self._loss, jit_compile=resolve_jit("auto"))
        self.build_optimizers()
        shapes = ((None, *self.image_shape), (None, self.size))
        self.build_loss(*(keras.KerasTensor(shape, "float32") for shape in shapes))
        remedy = "another seed, or `recognizer_epochs=0`, to do without a recognizer"
        divergence = Divergence(TITLE, remedy)
        try:
            watch = backup.watch(TITLE, self, [*callbacks, divergence], epochs, 0, batches)
            self.fit(
                batches,
                epochs=watch.epochs,
                initial_epoch=watch.initial_epoch,
                verbose=verbose,
                validation_data=held_out,
                callbacks=watch.callbacks,
                shuffle=False,  # the batches are already
            )
        finally:
            self._forget_optimizer()
        divergence.check()
        self.trained.assign(1.0)
        backup.end(TITLE)

    def _forget_optimizer(self):
        """Lets go of what only a training needs, so that it is neither kept nor saved."""
        self.optimizer = None
        self.compiled = False
        self.train_function = self.test_function = None

    def _loss(self, codes, outputs):
        if self.kind == "attributes":
            labelled = self._labelled(ops.sigmoid(outputs), 2)
            return keras.losses.binary_crossentropy(0.5 * (codes + 1), labelled)
        if self.kind == "classes":
            labelled = self._labelled(ops.softmax(outputs), self.size)
            return keras.losses.categorical_crossentropy(codes, labelled)
        return ops.mean(ops.square((codes - self.center) / self.spread - outputs), axis=-1)

    def _labelled(self, probabilities, values):
        """Returns the probabilities of labels, given those of what is there."""
        share = ops.sigmoid(NOISE_RATE * self.noise)
        return (1 - share) * probabilities + share / values

    def find_reliable(self, batches: Iterable[tuple[np.ndarray, ...]]) -> None:
        """Finds out which attributes or classes the recognizer can tell at all.

        Those of which at least a seventh as many images are recognized for sure, `q(c_j|x) > 3/4`,
        as are labelled so, and of which two thirds of the sure ones are labelled so; an attribute,
        in both directions. What is rare and cannot be seen would else be found improbable in every
        image, and what cannot be told from images at random.

        Args:
            batches: Iterable of `(images, codes)`.
        """
        sure, labelled, confirmed = 0, 0, 0
        for images, codes in batches:
            seen, said = self._probabilities(images) > SURE, np.stack([codes > 0, codes <= 0])
            sure += seen.sum(axis=1)
            labelled += said.sum(axis=1)
            confirmed += (seen & said).sum(axis=1)
        totals: typing.Any = sum(gather(np.stack([sure, labelled, confirmed])))
        sure, labelled, confirmed = totals
        enough = (sure >= SEEN * labelled) & (confirmed >= CONFIRMED * sure) & (confirmed > 0)
        self.reliable.assign(enough.all(axis=0) if self.kind == "attributes" else enough[0])

    def most_probable(self, images: np.ndarray, joint: JointConditions) -> np.ndarray:
        """Returns the most probable coded condition of each image, float32 `(n, size)`."""
        if self._joint is not joint:
            self._joint = joint
            codes_of = functools.partial(self.codes_of, joint=joint)
            self._compiled_codes_of = compile_function(self, codes_of)
        return ops.convert_to_numpy(self._compiled_codes_of(self._compute(images)))

    def codes_of(self, outputs: Tensor, joint: JointConditions) -> Tensor:
        """Returns the most probable coded conditions, a tensor, of the network's outputs."""
        if self.kind == "attributes":
            return ops.where(outputs > 0, 1.0, -1.0)
        if self.kind == "classes":
            return ops.one_hot(ops.argmax(outputs, axis=1), self.size, dtype="float32")
        values = outputs * self.spread + self.center
        if self.kind == "number" and len(joint.rows) <= FEW:  # one of few, such as the digits
            rows = ops.convert_to_tensor(joint.rows)
            return ops.take(rows, ops.argmin(ops.abs(values - rows[:, 0]), axis=1), axis=0)
        return values

    def corrected(self, images: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Returns codes with another value where the images show that theirs is improbable.

        Attributes and classes are overruled by `q(c_j|x) > 3/4` of another value, but only those
        that the recognizer can tell at all (see `find_reliable`).
        """
        there, absent = self._probabilities(images)
        reliable = ops.convert_to_numpy(self.reliable) > 0
        if self.kind == "attributes":
            improbable = np.where(codes > 0, absent, there) > SURE
            return np.where(improbable & reliable, -codes, codes)
        other = np.eye(self.size, dtype="float32")[there.argmax(axis=1)]
        overruled = (there.max(axis=1) > SURE) & reliable[codes.argmax(axis=1)]
        return np.where(overruled[:, None], other, codes)

    def _probabilities(self, images):
        """Returns the probabilities that attributes or classes are there, and that they are not."""
        from scipy import special  # takes long to load

        logits = self._compute(images)
        if self.kind == "classes":
            there = special.softmax(logits, axis=1)
            return np.stack([there, 1 - there])
        return special.expit(np.stack([logits, -logits]))

    def _compute(self, images):
        """Returns the outputs for one batch of images, as an array."""
        if self._outputs_of is None:
            self._outputs_of = compile_function(self, self._infer)
        return ops.convert_to_numpy(self._outputs_of(images))

    def _infer(self, images):
        return self(images, training=False)

    def get_config(self) -> dict[str, typing.Any]:
        """Returns the constructor's arguments."""
        config = {
            **super().get_config(),
            "image_shape": self.image_shape,
            "kind": self.kind,
            "size": self.size,
        }
        return with_trainability(config, self)

    @classmethod
    def from_config(
        cls, config: dict[str, typing.Any], custom_objects: dict[str, typing.Any] | None = None
    ) -> "ConditionRecognizer":
        """Creates the network anew from `get_config()`."""
        return from_arguments(cls, config)

    def get_compile_config(self) -> None:
        """Returns None: it is trained by `train_on` alone."""
