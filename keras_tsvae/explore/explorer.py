"""What the page shows, without the page."""

import time
import typing

import numpy as np

from keras_tsvae.arrays.noise import noise_batches, resolve_seed
from keras_tsvae.arrays.types import ImageShape, PathLike
from keras_tsvae.conditions.requests import requested, strengthened
from keras_tsvae.data.pictures import check_resize, load
from keras_tsvae.explore.control import Control
from keras_tsvae.explore.controls import condition_of, controls_of, in_words
from keras_tsvae.explore.wish import Wish
from keras_tsvae.files import expanded
from keras_tsvae.models import TwoStageVAE

SPAN = 2.0  # of the plane, from its centre to each side
_COUNTS = (16, 9, 4)  # pictures at once: squares, of which the plane has rows and columns
_SECONDS = 0.2


class Explorer:
    """Draws pictures of a trained model, always as many at once.

    All of them are float arrays `(n, height, width, channels)` in [0, 1]. Equal seeds give equal
    noise, whatever is asked for.

    Args:
        model: A trained `TwoStageVAE`, with conditions or without.
        resize: How pictures from files come to the model's shape, one of
            `keras_tsvae.data.pictures.RESIZES`. Defaults to `"crop"`.
        pictures: 4, 9 or 16. Defaults to None: as many as this machine draws in a fifth of a
            second.

    Attributes:
        stages: What pictures can be drawn from: 2, 1 and, where one is fitted, `"mixture"`.
        controls: A list of `Control`, one of each part of a condition.
        pictures: How many are drawn at once.

    Raises:
        ValueError: If an argument is not as described, or the model is not trained.
    """

    def __init__(
        self, model: TwoStageVAE, resize: str = "crop", pictures: int | None = None
    ) -> None:
        if not isinstance(model, TwoStageVAE):
            raise ValueError(
                f"`model` must be a TwoStageVAE. Received: model of type {type(model).__name__}"
            )
        if pictures is not None and pictures not in _COUNTS:
            raise ValueError(
                f"`pictures` must be one of {_COUNTS[::-1]}. Received: pictures={pictures!r}"
            )
        self.model = model
        self.resize = check_resize(resize)
        model.sample(1, seed=0, batch_size=1)  # which raises, if it is not trained
        self.conditions: typing.Any = getattr(model, "conditions", None)
        self.joint: typing.Any = getattr(model, "joint", None)
        self.controls: list[Control] = controls_of(self.conditions, self.joint)
        self.stages: list[int | str] = [2, 1] if model.mixture is None else [2, 1, "mixture"]
        self.pictures = pictures or self._affordable()

    @property
    def image_shape(self) -> ImageShape:
        """`(height, width, channels)` of all pictures."""
        return self.model.image_shape

    @property
    def has_strength(self) -> bool:
        """Whether what is asked for can be asked for more or less strongly."""
        return self.conditions is not None and self.conditions.discrete

    def warm_up(self) -> None:
        """Draws one of everything, so that nothing is compiled while somebody waits."""
        image = np.random.default_rng(0).random(self.image_shape, "float32")
        for stage in self.stages:
            wish = Wish(stage=stage)
            self.samples(wish)
            self.between(wish, 1)
            self.plane(wish)
            self.at(wish, 0.0, 0.0)
        self.reconstruction(image)
        if self.conditions is not None:
            self.edited(image, self.inferred(image), Wish(condition=self._any_condition()))

    def wish(
        self, seed: int, stage: int | str, strength: float, values: typing.Sequence[typing.Any]
    ) -> Wish:
        """Returns what controls say: `values` has one value of each of `controls`."""
        return Wish(int(seed), stage, condition_of(self.conditions, values), float(strength))

    def samples(self, wish: Wish) -> np.ndarray:
        """Draws as `model.sample` does."""
        options: dict[str, typing.Any] = {"stage": wish.stage, "seed": wish.seed}
        if self.conditions is not None:
            options |= {"condition": wish.condition, "strength": wish.strength}
        return self.model.sample(self.pictures, batch_size=self.pictures, **options)

    def between(self, wish: Wish, seed: int) -> np.ndarray:
        """Goes from the first picture of one seed to that of another, along a straight line of z.

        Args:
            wish: What to begin with.
            seed: Non-negative int, the seed to arrive at.
        """
        ends = [self._noise(number, 1) for number in (wish.seed, seed)]
        noise = np.concatenate(ends, axis=1)
        codes = self._codes(wish, noise)
        z = self._latents(noise, codes, wish.stage)
        return self._decoded(_line(z, self.pictures), _line(codes, self.pictures))

    def plane(self, wish: Wish) -> np.ndarray:
        """Draws the plane in rows and columns, each picture at the middle of its place."""
        side = round(self.pictures**0.5)
        middles = SPAN * (2 * np.arange(side) + 1 - side) / side
        return self._on_the_plane(wish, np.tile(middles, side), np.repeat(middles, side))

    def at(self, wish: Wish, x: float, y: float) -> np.ndarray:
        """Returns the one picture at a point of the plane.

        The plane is that of the noise of the first three samples: at each point
        `(u0 + x * u1 + y * u2) / sqrt(1 + x^2 + y^2)`, which is as N(0, I) as that of a sample is.
        At its centre is the first sample. Open conditions stay as that has them.

        Args:
            wish: Whose seed names the plane.
            x: From -2 on the left to 2.
            y: From -2 at the top to 2.
        """
        return self._on_the_plane(wish, np.array([x]), np.array([y]))[0]

    def load(self, path: PathLike) -> np.ndarray:
        """Returns the picture of a file in the model's shape, uint8.

        Raises:
            ValueError: If it cannot be read.
        """
        height, width, channels = self.image_shape
        return load(expanded(path), channels, (height, width), self.resize)

    def inferred(self, image: np.ndarray) -> typing.Any:
        """Returns the condition that the model sees in one picture, or None without conditions."""
        if self.conditions is None:
            return None
        return typing.cast(typing.Any, self.model).infer_condition(image[None], batch_size=1)[0]

    def in_words(self, condition: typing.Any) -> str:
        """Returns what `inferred` returns, in words."""
        return "" if self.conditions is None else in_words(self.conditions, condition)

    def reconstruction(self, image: np.ndarray) -> np.ndarray:
        """Returns what the model makes of one picture."""
        return self.model.reconstruct(image[None], batch_size=1)[0]

    def edited(self, image: np.ndarray, condition: typing.Any, wish: Wish) -> np.ndarray:
        """Returns one picture changed as wished, or its reconstruction if there is no wish.

        Args:
            image: The picture.
            condition: What it shows, as `inferred` returns it.
            wish: Its condition and strength count.
        """
        if self.conditions is None or wish.condition is None:
            return self.reconstruction(image)
        return typing.cast(typing.Any, self.model).edit(
            image[None],
            wish.condition,
            condition=np.asarray(condition)[None],
            strength=wish.strength,
            batch_size=1,
        )[0]

    def _affordable(self):
        """Returns as many pictures as take a fifth of a second, of the counts that there are."""
        wish, count = Wish(), _COUNTS[-1]
        self.pictures = count
        self.samples(wish)
        start = time.perf_counter()
        self.samples(wish)
        most = count * _SECONDS / (time.perf_counter() - start)
        return next((count for count in _COUNTS if count <= most), count)

    def _any_condition(self):
        """Returns a condition that was seen in training, as a user writes it."""
        return self.conditions.decode(self.joint.rows[:1])[0]

    def _noise(self, seed, n):
        """Returns the noise of the first samples of a seed, `(3, n, latent_dim)`.

        The parts are u, what is added to z, and what picks an open condition.
        """
        return next(noise_batches(n, self.model.latent_dim, resolve_seed(seed), n, parts=3))

    def _on_the_plane(self, wish, x, y):
        """Returns the pictures at points `(n,)`."""
        three = self._noise(wish.seed, 3)
        x, y = x[:, None].astype("float32"), y[:, None].astype("float32")
        noise = (three[:, :1] + x * three[:, 1:2] + y * three[:, 2:]) / np.sqrt(1 + x**2 + y**2)
        noise[2] = three[2, :1]
        codes = self._codes(wish, noise)
        return self._decoded(self._latents(noise, codes, wish.stage), codes)

    def _codes(self, wish, noise):
        """Returns coded conditions as `sample` draws them, or None without conditions."""
        from scipy import special  # takes long to load

        if self.conditions is None:
            return None
        uniform = special.ndtr(noise[2, :, 0].astype("float64"))
        codes_of = requested(self.conditions, self.joint, wish.condition, len(uniform))
        strengthen = strengthened(self.conditions, self.joint, wish.strength)
        return strengthen(codes_of(slice(0, len(uniform)), uniform))

    def _latents(self, noise, codes, stage):
        """Returns z of noise `(3, n, latent_dim)`."""
        u, further, _ = noise
        if stage == 1:
            return u
        if stage == "mixture":
            return self.model.require_mixture().draw(u, further, len(u))
        second = self.model.second_stage
        return second.generate(u, further, _taken(second, codes), full=len(u))

    def _decoded(self, z, codes):
        first = self.model.first_stage
        return first.decode(z, len(z), _taken(first, codes))


def _taken(stage, codes):
    """Returns the coded conditions of a stage that takes them."""
    return None if stage.condition_dim is None else codes


def _line(ends, steps):
    """Returns points from the first row to the second one, or None of None."""
    if ends is None:
        return None
    t = np.linspace(0, 1, steps, dtype="float32")[:, None]
    return (1 - t) * ends[0] + t * ends[1]
