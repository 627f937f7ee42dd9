"""Measures during training how far latent vectors are from N(0, I)."""

import dataclasses
import typing

import keras
import numpy as np

from keras_tsvae.arguments import positive_int
from keras_tsvae.arrays.types import ArrayLike, ImagesLike
from keras_tsvae.callbacks.periodic_callback import PeriodicCallback
from keras_tsvae.callbacks.stages import first_images, first_stage_of
from keras_tsvae.evaluation.held_out_log_prob import held_out_log_prob
from keras_tsvae.inputs.checks import check_shape
from keras_tsvae.latents.posteriors import Posteriors
from keras_tsvae.latents.statistics import LatentStatistics, draw
from keras_tsvae.models import SecondStage

_LETTERS = {"stage1": "z", "stage2": "u"}
_LOGGED = (
    "active_units",
    "inactive_units",
    "gaussian_kl",
    "spectrum_min",
    "spectrum_max",
    "mmd",
)
_Z_SEED = 1  # another than that of draws of u, whose noise has to be independent of that of z


class LatentReport(PeriodicCallback):
    """Adds to the logs of an epoch how far the aggregate posterior is from N(0, I).

    While a first stage trains, that of z, `q(z) = E_x q(z|x)`; while a second stage trains, that
    of u, `q(u) = E_z q(u|z)`, over one fixed draw of z for each image. The second stage is there
    to bring q(u) closer to N(0, I) than q(z) is.

    Of a second stage also how probable it finds held-out z, in nats, beside N(0, I) and the best
    single Gaussian: `log_prob`, or `log_prob_bound` of a VAE, `log_prob_normal` and
    `log_prob_gaussian` (see `keras_tsvae.metrics.held_out_log_prob`). A second stage that does not
    define a density has the latter two alone.

    The other keys are `z_` or `u_` and `active_units`, `inactive_units`, `gaussian_kl`,
    `spectrum_min`, `spectrum_max` and `mmd` of `keras_tsvae.latents.LatentStatistics`. All are
    floats; NaN where the model no longer gives finite numbers. Callbacks listed after this one see
    them, such as a `CSVLogger`, a `ModelCheckpoint` or a `TensorBoard`, and so does the History. A
    `CSVLogger` keeps its first columns: in `TwoStageVAE.fit`, give the second stage one of its own
    (`second_stage_callbacks`).

    They are measured after the first epoch, after every `every`-th and after the last, as by
    `FIDLogger`, which see for what callbacks that watch a figure do in between.

    Attributes:
        reports: List of `(epoch, stage, statistics)`, the epoch counted from 0, the stage
            `"stage1"` or `"stage2"`, and the whole `LatentStatistics`, with the KL divergence of
            each unit.

    Args:
        x: Images in the forms that `FirstStageVAE.fit` takes, those held out, say. To watch a
            second stage fitted by hand, a `Posteriors` or a pair of arrays `(mean, std)`.
        every: Positive int, epochs from one report to the next. Defaults to 1.
        num_images: Positive int: of more images or posteriors only so many, the first, are used.
            They are kept in memory. Defaults to 5000.
        train: The training images, or the training `Posteriors` of a second stage fitted by hand,
            which the single Gaussian is fitted to. Images are encoded once more, before the second
            stage is trained. Defaults to None: it is fitted to `x`, where no Gaussian is better.

    Raises:
        ValueError: If an argument is not as described, or, when training begins, if `x` or `train`
            does not fit the model.

    Example:
        >>> report = keras_tsvae.callbacks.LatentReport(test_images, every=5)
        >>> first.fit(images, epochs=50, callbacks=[report, keras.callbacks.CSVLogger("log.csv")])
        >>> epoch, stage, statistics = report.reports[-1]

    Source:
        Dai & Wipf (2019), section 4; Trentin (2019), section 3.3, for inactive units.
    """

    def __init__(
        self,
        x: Posteriors | tuple[ArrayLike, ArrayLike] | ImagesLike,
        every: int = 1,
        num_images: int = 5000,
        train: Posteriors | tuple[ArrayLike, ArrayLike] | ImagesLike | None = None,
    ):
        super().__init__(every)
        num_images = positive_int("num_images", num_images)
        if _is_pair_of_vectors(x):
            x = Posteriors(*x)
        if isinstance(x, Posteriors):
            self.data: Posteriors | np.ndarray = Posteriors(x.mean[:num_images], x.std[:num_images])
        else:
            self.data = first_images("x", x, num_images)
        if len(self.data) < 2:
            raise ValueError(
                "`x` must hold at least 2 images or posteriors, and `num_images` be as many. "
                f"Received: {len(self.data)} of them, num_images={num_images}"
            )
        self.train = Posteriors(*train) if _is_pair_of_vectors(train) else train
        self._one: Posteriors | np.ndarray | None = None  # of the training images, to be checked
        if isinstance(self.train, Posteriors):
            self._one = self.train
        elif self.train is not None:
            self._one = first_images("train", self.train, 1)
        self.reports: list[tuple[int, str, LatentStatistics]] = []

    def prepare(self, stage: str) -> None:
        """Draws z for a second stage."""
        if stage == "stage2":
            self._held_out = self._encoded(self.data)
            self._z = draw(self._held_out, _Z_SEED)
            self._train = None if self.train is None else self._encoded(self.train)

    def _encoded(self, x):
        return x if isinstance(x, Posteriors) else self.model.posteriors(x)

    def look(self, epoch: int, stage: str, logs: dict[str, typing.Any]) -> dict[str, float]:
        """Keeps the statistics and returns what is logged of them."""
        statistics = self._measure(stage)
        if statistics is None:
            figures = dict.fromkeys(_LOGGED, float("nan"))
        else:
            self.reports.append((epoch, stage, statistics))
            figures = {name: float(getattr(statistics, name)) for name in _LOGGED}
        figures = {f"{_LETTERS[stage]}_{name}": value for name, value in figures.items()}
        if stage == "stage2":
            figures |= held_out_log_prob(self._second, self._held_out, self._train, _Z_SEED)
        return figures

    @property
    def _second(self) -> typing.Any:
        return getattr(self.model, "second_stage", self.model)

    def _measure(self, stage):
        """Returns `LatentStatistics`, None if the model has diverged."""
        if stage == "stage1":
            mean, std = self.model.encode(self.data)
        else:
            conditioned = self._second.condition_dim is not None
            condition = {"condition": self._held_out.condition} if conditioned else {}
            mean, std = self._second.encode(self._z, **condition)
        if not (np.isfinite(mean).all() and np.isfinite(std).all()):
            return None
        return LatentStatistics.from_posteriors(Posteriors(mean, std))

    def state_dict(self) -> dict[str, typing.Any]:
        """Returns what a backup keeps of this callback, the reports among it."""
        reports = [(epoch, stage, dataclasses.asdict(s)) for epoch, stage, s in self.reports]
        return {**super().state_dict(), "reports": reports}

    def load_state_dict(self, state: dict[str, typing.Any]) -> None:
        """Takes up what `state_dict` of another one returned."""
        super().load_state_dict(state)
        self.reports = [(epoch, st, LatentStatistics(**s)) for epoch, st, s in state["reports"]]

    def check_model(self, model: keras.Model) -> None:
        """Raises a `ValueError` unless `x` fits the model."""
        super().check_model(model)
        _check_fits("x", self.data, model)
        if self._one is not None:
            _check_fits("train", self._one, model)


def _check_fits(name, data, model):
    """Raises a `ValueError` unless images or posteriors are what `model` can be measured with."""
    by_hand = isinstance(model, SecondStage)
    if isinstance(data, Posteriors) != by_hand:
        wanted = "`Posteriors` or a pair (mean, std)" if by_hand else "images"
        raise ValueError(
            f"`{name}` must hold {wanted} where a {type(model).__name__} is fitted. "
            f"Received: {name} of {type(data).__name__}"
        )
    if not isinstance(data, Posteriors):
        first: typing.Any = first_stage_of(model)
        check_shape(data.shape[1:], first.image_shape, name)
    elif data.latent_dim != model.latent_dim:
        raise ValueError(
            f"`{name}` must hold posteriors of the model's width {model.latent_dim}. "
            f"Received: latent_dim={data.latent_dim}"
        )


def _is_pair_of_vectors(x: typing.Any) -> typing.TypeGuard[tuple[ArrayLike, ArrayLike]]:
    """Whether `x` is (mean, std); a pair of images and labels has four axes in front."""
    return isinstance(x, (tuple, list)) and len(x) == 2 and np.ndim(x[0]) == 2
