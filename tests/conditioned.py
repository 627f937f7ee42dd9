"""Pictures whose first pixels show what they were asked for, their judge, and a fake model."""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_tsvae import TwoStageVAE
from keras_tsvae.conditions import JointConditions
from keras_tsvae.metrics import ClassifierFeatures
from tests import tiny
from tests.callbacks import linear

RATES = np.array([0.9, 0.7, 0.5])  # how often the model heeds each attribute or class
WIDTH = len(RATES)


class PixelJudge(ClassifierFeatures):
    """Sees an attribute where its pixel is bright, or the class of the brightest one."""

    def __init__(self, has_classes=False, width=WIDTH, image_shape=tiny.IMAGE_SHAPE):
        super().__init__(image_shape, width, dimensions=width, has_classes=has_classes)
        self.head.set_weights([np.eye(width), np.full(width, -0.5)])

    def call(self, images, training=None):
        whole = "int" in keras.backend.standardize_dtype(images.dtype)
        images = ops.cast(images, "float32")
        return (images / 255.0 if whole else images)[:, 0, : self.num_outputs, 0]


@dataclasses.dataclass
class Conditions:
    """Stands in for the conditions of a model."""

    kind: str = "attributes"
    names: tuple | None = ("hat", "smile", "beard")
    size: int = WIDTH

    def encode(self, labels):
        if self.kind == "classes":
            return np.eye(self.size, dtype="float32")[labels]
        codes = np.asarray(labels, "float32")
        return codes if codes.ndim == 2 else (codes[:, None] - 1) / 2

    def decode(self, codes):
        if self.kind == "classes":
            return codes.argmax(1)
        return codes.astype("int8") if self.kind == "attributes" else 2 * codes[:, 0] + 1


class FakeModel(TwoStageVAE):
    """Draws pictures that heed each condition as often as `RATES` says, the first stage half so.

    The noise alone says where. See `shows` for what pictures show that do not.
    """

    def __init__(self, conditions=None):
        parts = linear.two_stage()
        super().__init__(parts.first_stage, parts.second_stage)
        self.conditions = Conditions() if conditions is None else conditions
        self.joint = JointConditions.from_batches([self.draw_conditions(1000, seed=0)])
        self.calls = []

    def draw_conditions(self, n, *, seed=None):
        return draw(self.conditions, n, seed)

    def sample_batches(
        self, n, *, stage=2, seed=None, batch_size=256, condition=None, strength=1.0
    ):
        self.calls.append((n, stage, strength))
        codes = self.draw_conditions(n, seed=seed) if condition is None else condition
        shown = shows(self.conditions, codes, stage, seed, strength)
        return (pictures(shown[i : i + batch_size]) for i in range(0, n, batch_size))

    def reconstruct(self, x, batch_size=256, condition=None):
        return reconstructed(x)

    def edit(self, images, change, *, condition, batch_size=256):
        """What is changed shows, darker by 0.1; the rest is as it is reconstructed."""
        edited = reconstructed(images)
        codes = self.conditions.encode(change)
        changed = codes != self.conditions.encode(condition)
        shown = np.where(codes > 0, np.float32(0.8), np.float32(0.2)) - np.float32(0.1)
        edited[:, 0, :WIDTH, 0] = np.where(changed, shown, edited[:, 0, :WIDTH, 0])
        return edited


def draw(conditions, n, seed):
    """Conditions, the first attribute or class a rare one."""
    rng = np.random.default_rng(seed)
    if conditions.kind == "attributes":
        return conditions.encode(np.where(rng.random((n, WIDTH)) < [0.1, 0.5, 0.6], 1, -1))
    return conditions.encode(rng.choice(WIDTH, n, p=[0.1, 0.5, 0.4]))


def shows(conditions, codes, stage=2, seed=0, strength=1.0):
    """What pictures under these conditions show: bools `(n, WIDTH)`.

    Those that do not heed theirs show class 0, or no attribute; in a fifth, beards smile.
    """
    noise = np.random.default_rng([seed, 1]).random((len(codes), WIDTH))
    if conditions.kind != "attributes":
        asked = np.rint(conditions.decode(codes)).astype(int)
        heeds = noise[:, 0] < RATES[asked] * strength * stage / 2
        return np.eye(WIDTH, dtype=bool)[np.where(heeds, asked, 0)]
    heeds = noise < RATES * strength * stage / 2
    shown = heeds & (codes > 0)
    shown[:, 1] |= shown[:, 2] & (noise[:, 1] > 0.8)
    return shown


def pictures(shown):
    """Float images of bools `(n, WIDTH)`."""
    images = np.full((len(shown), *tiny.IMAGE_SHAPE), 0.1, "float32")
    images[:, 0, :WIDTH, 0] = np.where(shown, 0.8, 0.2)
    return images


def reconstructed(images):
    """Reconstructions, which lose the first attribute or class from every other picture."""
    images = images / np.float32(255)
    images[::2, 0, 0] = 0.1
    return images


def real(n, conditions, seed=5):
    """Uint8 images and labels, of which the third attribute's are wrong for every fourth image."""
    labels = conditions.decode(draw(conditions, n, seed))
    if conditions.kind == "attributes":
        shown = labels > 0
        shown[::4, 2] ^= True
    else:
        labels = np.rint(labels).astype(int)
        shown = np.eye(WIDTH, dtype=bool)[labels]
    return np.rint(255 * pictures(shown)).astype("uint8"), labels
