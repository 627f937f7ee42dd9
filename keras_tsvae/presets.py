"""The published experiments, as data: architecture, optimiser, schedule, epochs, source.

    >>> keras_tsvae.presets.names()
    >>> print(keras_tsvae.presets.describe("cifar10"))
    >>> model = keras_tsvae.TwoStageVAE.from_preset("cifar10", latent_dim=32)

Where a source leaves a setting open, it is the default of the code published with the paper.
"""

import dataclasses

import keras

from keras_tsvae.arguments import check_gamma, check_image_shape, non_negative_int, positive_int

NETWORKS = ("resnet", "infogan", "wae")
SCHEDULES = ("constant", "halved", "cosine")
_POSITIVE = (
    "latent_dim",
    "second_stage_width",
    "second_stage_depth",
    "batch_size",
    "train_size",
)


@dataclasses.dataclass(frozen=True)
class Preset:
    """One experiment. All fields can be overridden in `get` and `TwoStageVAE.from_preset`.

    Args:
        name: The preset's name.
        dataset: Name of the data set, as `keras_tsvae.data.load` takes it.
        network: `"resnet"`, `"infogan"` or `"wae"`: the first stage's encoder and decoder.
        image_shape: `(height, width, channels)`.
        train_size: Training images per epoch, which schedules are counted in.
        latent_dim: Width of z and u.
        epochs, second_stage_epochs: Epochs of either stage.
        base_dim, num_scale, block_per_scale, depth_per_block, kernel_size, fc_dim: Arguments of
            the networks, as far as they take them. None: the network's default.
        second_stage_width, second_stage_depth: Units and number of the second stage's layers.
        gamma: Of both stages: `"learned"`, `"computed"` or a positive number.
        likelihood: Of the first stage: `"gaussian"` or `"cross_entropy"`.
        batch_size, optimizer: Of both stages; the optimiser by its Keras name.
        learning_rate: At the start, of both stages.
        schedule: `"constant"`; `"halved"`, every `halve_every` and `second_stage_halve_every`
            epochs; or `"cosine"`, to zero over the epochs.
        source: Where the settings come from.
    """

    name: str
    dataset: str
    network: str
    image_shape: tuple
    train_size: int
    epochs: int
    second_stage_epochs: int
    source: str
    latent_dim: int = 64
    base_dim: int | None = None
    num_scale: int | None = None
    block_per_scale: int | None = None
    depth_per_block: int | None = None
    kernel_size: int | None = None
    fc_dim: int | None = None
    second_stage_width: int = 1024
    second_stage_depth: int = 3
    gamma: str | float = "learned"
    likelihood: str = "gaussian"
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    schedule: str = "constant"
    halve_every: int | None = None
    second_stage_halve_every: int | None = None

    def __post_init__(self):
        """Checks every field that no network or stage checks later."""
        object.__setattr__(self, "image_shape", check_image_shape(self.image_shape))
        check_gamma(self.gamma)
        for name in _POSITIVE:
            positive_int(name, getattr(self, name))
        for name in ("epochs", "second_stage_epochs"):
            non_negative_int(name, getattr(self, name))
        for name, choices in (("network", NETWORKS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"`{name}` must be one of {choices}. Received: {name}={getattr(self, name)!r}"
                )
        if not isinstance(self.learning_rate, (int, float)) or not self.learning_rate > 0:
            raise ValueError(
                "`learning_rate` must be a positive number. "
                f"Received: learning_rate={self.learning_rate!r}"
            )
        if self.schedule == "halved":
            for name in ("halve_every", "second_stage_halve_every"):
                positive_int(name, getattr(self, name))

    def to_dict(self):
        """Returns the fields as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    @property
    def steps_per_epoch(self) -> int:
        """Steps per epoch; the last partial batch is dropped."""
        return max(self.train_size // self.batch_size, 1)


_PAPER = "Dai & Wipf (2019), section 5, with the defaults of the code published with it"
_THESIS = "Trentin (2019), chapter 4"
_COMPUTED = "Asperti & Trentin (2020), with the settings of the code published with it"
_ANALOGY = ", with gamma computed as in Asperti & Trentin (2020)"

_DIGITS = Preset(
    name="digits",
    dataset="digits",
    network="resnet",
    image_shape=(8, 8, 1),
    train_size=1297,
    latent_dim=8,
    num_scale=2,
    fc_dim=256,
    second_stage_width=256,
    epochs=120,
    second_stage_epochs=150,
    learning_rate=3e-3,
    schedule="cosine",
    source="this package's demonstration, sized for a few minutes on two CPU cores",
)
_MNIST = Preset(
    name="mnist",
    dataset="mnist",
    network="resnet",
    image_shape=(28, 28, 1),
    train_size=60_000,
    num_scale=3,
    epochs=400,
    second_stage_epochs=800,
    schedule="halved",
    halve_every=150,
    second_stage_halve_every=300,
    source=_THESIS,
)
_CIFAR10 = Preset(
    name="cifar10",
    dataset="cifar10",
    network="resnet",
    image_shape=(32, 32, 3),
    train_size=50_000,
    num_scale=3,
    epochs=1000,
    second_stage_epochs=2000,
    source=_THESIS,
)
_CELEBA = Preset(
    name="celeba",
    dataset="celeba",
    network="resnet",
    image_shape=(64, 64, 3),
    train_size=162_770,
    latent_dim=128,
    base_dim=32,
    num_scale=4,
    epochs=120,
    second_stage_epochs=300,
    source=_THESIS,
)
_INFOGAN = {"network": "infogan", "latent_dim": 64, "base_dim": None, "num_scale": None}
_FASHION = {"dataset": "fashion_mnist"}


def _like(preset, name, **changes):
    return dataclasses.replace(preset, name=name, **changes)


_PRESETS = (
    _DIGITS,
    _MNIST,
    _like(_MNIST, "fashion_mnist", **_FASHION),
    _CIFAR10,
    _CELEBA,
    _like(_MNIST, "mnist_infogan", **_INFOGAN, source=_PAPER),
    _like(_MNIST, "fashion_mnist_infogan", **_FASHION, **_INFOGAN, source=_PAPER),
    _like(_CIFAR10, "cifar10_infogan", **_INFOGAN, source=_PAPER),
    _like(_CELEBA, "celeba_infogan", **_INFOGAN, source=_PAPER),
    _like(
        _CELEBA,
        "celeba_wae",
        network="wae",
        latent_dim=64,
        base_dim=None,
        num_scale=None,
        epochs=70,
        second_stage_epochs=70,
        schedule="halved",
        halve_every=30,
        second_stage_halve_every=30,
        source="Dai & Wipf (2019), table 2, with the settings of the code published with it",
    ),
    _like(
        _CELEBA,
        "celeba_dai_wipf",
        epochs=100,
        second_stage_epochs=100,
        schedule="halved",
        halve_every=40,
        second_stage_halve_every=40,
        source="the ResNet recipe published with the code of Dai & Wipf (2019)",
    ),
    _like(_MNIST, "mnist_computed_gamma", gamma="computed", source=_THESIS + _ANALOGY),
    _like(
        _MNIST,
        "fashion_mnist_computed_gamma",
        **_FASHION,
        gamma="computed",
        source=_THESIS + _ANALOGY,
    ),
    _like(
        _CIFAR10,
        "cifar10_computed_gamma",
        gamma="computed",
        base_dim=32,
        second_stage_width=2048,
        batch_size=100,
        epochs=700,
        second_stage_epochs=1400,
        schedule="halved",
        halve_every=250,
        second_stage_halve_every=400,
        source=_COMPUTED,
    ),
    _like(
        _CELEBA,
        "celeba_computed_gamma",
        gamma="computed",
        latent_dim=64,
        second_stage_width=4096,
        batch_size=100,
        epochs=70,
        second_stage_epochs=140,
        learning_rate=5e-5,
        schedule="halved",
        halve_every=60,
        second_stage_halve_every=120,
        source=_COMPUTED,
    ),
)


def names():
    """Returns the names of all presets."""
    return tuple(preset.name for preset in _PRESETS)


def get(name, **overrides):
    """Returns a `Preset`, with some fields in place of its own.

    Raises:
        ValueError: If there is no such preset or field, or a value does not fit.
    """
    found = [preset for preset in _PRESETS if preset.name == name]
    if not found:
        raise ValueError(f"`name` must be one of {names()}. Received: name={name!r}")
    fields = {field.name for field in dataclasses.fields(Preset)} - {"name"}
    unknown = sorted(set(overrides) - fields)
    if unknown:
        raise ValueError(
            f"`overrides` must be fields of a preset: {sorted(fields)}. Received: {unknown}"
        )
    return dataclasses.replace(found[0], **overrides)


def describe(name):
    """Returns what a preset is, as text: one line per field that is set."""
    preset = get(name).to_dict()
    return "\n".join(f"{field:26}{value}" for field, value in preset.items() if value is not None)


def optimizers(preset):
    """Returns a fresh optimiser for each stage, with the preset's learning rate schedule."""
    optimizer = type(keras.optimizers.get(preset.optimizer))
    return tuple(
        optimizer(_learning_rate(preset, epochs, halve_every))
        for epochs, halve_every in (
            (preset.epochs, preset.halve_every),
            (preset.second_stage_epochs, preset.second_stage_halve_every),
        )
    )


def _learning_rate(preset, epochs, halve_every):
    schedules, steps = keras.optimizers.schedules, preset.steps_per_epoch
    if preset.schedule == "halved":
        return schedules.ExponentialDecay(
            preset.learning_rate, halve_every * steps, decay_rate=0.5, staircase=True
        )
    if preset.schedule == "cosine":
        return schedules.CosineDecay(preset.learning_rate, max(epochs, 1) * steps)
    return preset.learning_rate
