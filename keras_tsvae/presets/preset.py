"""One experiment as data, and the optimisers it asks for."""

import dataclasses
import typing

from keras_tsvae.arguments import (
    CONDITIONING,
    check_gamma,
    check_image_shape,
    is_number,
    non_negative_int,
    positive_int,
)

if typing.TYPE_CHECKING:  # Keras takes seconds to load, and presets can be listed without it
    import keras

    from keras_tsvae import conditions
    from keras_tsvae.arrays.types import ImageShape

    LearningRate: typing.TypeAlias = float | keras.optimizers.schedules.LearningRateSchedule

KINDS = ("attributes", "classes", "number", "vector")
NETWORKS = ("resnet", "infogan", "wae")
CONDITIONED_STAGES = ("both", "first", "second")
SECOND_STAGES = ("vae", "mixture", "flow", "auto")
LEAST_OF_FLOW = 1e-3  # learning rate
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
        second_stage: `"vae"`, `"mixture"`, `"flow"` or `"auto"`: the kind of the second stage.
        second_stage_width, second_stage_depth: Units and number of the layers of a `"vae"`.
        gamma: Of both stages: `"learned"`, `"computed"`, `"optimal"` or a positive number.
        second_stage_gamma: Of the second stage, if it is another one. None: `gamma`.
        likelihood: Of the first stage: `"gaussian"` or `"cross_entropy"`.
        batch_size, optimizer: Of both stages; the optimiser by its Keras name.
        second_stage_batch_size: Of the second stage, if it is another one. None: `batch_size`.
        learning_rate: At the start, of both stages.
        second_stage_learning_rate: Of the second stage, if it is another one. None:
            `learning_rate`, where there is a flow at least 1e-3.
        schedule: `"constant"`; `"halved"`, every `halve_every` and `second_stage_halve_every`
            epochs; or `"cosine"`, to zero over the epochs.
        conditions: `"attributes"`, `"classes"`, `"number"` or `"vector"`; None: unconditional.
        condition_dim: Width of a coded condition.
        condition_names: Names of attributes or classes, or None.
        conditioning: `"concat"` or `"modulate"`.
        conditioned_stages: `"both"`, `"first"` or `"second"`.
        source: Where the settings come from.
    """

    name: str
    dataset: str
    network: str
    image_shape: "ImageShape"
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
    second_stage_gamma: str | float | None = None
    likelihood: str = "gaussian"
    batch_size: int = 64
    second_stage_batch_size: int | None = None
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    schedule: str = "constant"
    halve_every: int | None = None
    second_stage_halve_every: int | None = None
    conditions: str | None = None
    condition_dim: int | None = None
    condition_names: tuple[str, ...] | None = None
    conditioning: str = "modulate"
    conditioned_stages: str = "both"
    second_stage: str = "vae"
    second_stage_learning_rate: float | None = None

    def __post_init__(self) -> None:
        """Checks every field that no network or stage checks later."""
        object.__setattr__(self, "image_shape", check_image_shape(self.image_shape))
        check_gamma(self.gamma)
        if self.second_stage_gamma is not None:
            check_gamma(self.second_stage_gamma, "second_stage_gamma")
        for name in _POSITIVE:
            positive_int(name, getattr(self, name))
        if self.second_stage_batch_size is not None:
            positive_int("second_stage_batch_size", self.second_stage_batch_size)
        for name in ("epochs", "second_stage_epochs"):
            non_negative_int(name, getattr(self, name))
        if self.condition_names is not None:
            object.__setattr__(self, "condition_names", tuple(self.condition_names))
            if self.condition_dim is None:
                object.__setattr__(self, "condition_dim", len(self.condition_names))
        if self.conditions == "number":
            object.__setattr__(self, "condition_dim", 1)
        if self.conditions is not None and self.condition_dim is None:
            raise ValueError(
                "`condition_dim` or `condition_names` must be given with `conditions`. "
                f"Received: conditions={self.conditions!r} alone"
            )
        for name, choices in (
            ("network", NETWORKS),
            ("schedule", SCHEDULES),
            ("second_stage", SECOND_STAGES),
            ("conditioning", CONDITIONING),
            ("conditioned_stages", CONDITIONED_STAGES),
            ("conditions", (None, *KINDS)),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"`{name}` must be one of {choices}. Received: {name}={getattr(self, name)!r}"
                )
        for name in ("learning_rate", "second_stage_learning_rate"):
            rate = getattr(self, name)
            if rate is None and name == "second_stage_learning_rate":
                continue
            if not is_number(rate) or not 0 < rate < float("inf"):
                raise ValueError(f"`{name}` must be a positive number. Received: {name}={rate!r}")
        if self.schedule == "halved":
            for name in ("halve_every", "second_stage_halve_every"):
                positive_int(name, getattr(self, name))

    def to_dict(self) -> dict[str, typing.Any]:
        """Returns the fields as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    @property
    def steps_per_epoch(self) -> tuple[int, int]:
        """Steps per epoch of either stage; the last partial batch is dropped."""
        first, second = self.batch_size, self.second_stage_batch_size or self.batch_size
        return max(self.train_size // first, 1), max(self.train_size // second, 1)


def conditions_of(preset: Preset) -> "conditions.Condition | None":
    """Returns the `keras_tsvae.conditions.Condition` of a preset, or None of one without."""
    from keras_tsvae import conditions

    if preset.conditions is None:
        return None
    if preset.conditions == "number":
        return conditions.Number()
    kinds = {kind.kind: kind for kind in (conditions.Attributes, conditions.Classes)}
    kind = kinds.get(preset.conditions, conditions.Vector)
    return kind(size=preset.condition_dim, names=preset.condition_names)


def optimizers(
    preset: Preset,
) -> "tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]":
    """Returns a fresh optimiser for each stage, with the preset's learning rate schedule."""
    import keras

    from keras_tsvae.optimizers import FusedAdam

    optimizer = type(keras.optimizers.get(preset.optimizer))
    optimizer = FusedAdam if optimizer is keras.optimizers.Adam else optimizer
    first, second = learning_rates(preset)
    return optimizer(first), optimizer(second)


def learning_rates(preset: Preset) -> "tuple[LearningRate, LearningRate]":
    """Returns each stage's learning rate: a float, or a schedule of steps."""
    first, second = preset.steps_per_epoch
    epochs, every = preset.second_stage_epochs, preset.second_stage_halve_every
    rate = preset.second_stage_learning_rate
    if rate is None:
        least = LEAST_OF_FLOW if preset.second_stage in ("flow", "auto") else 0.0
        rate = max(preset.learning_rate, least)
    return (
        _scheduled(preset, preset.learning_rate, first, preset.epochs, preset.halve_every),
        _scheduled(preset, rate, second, epochs, every),
    )


def _scheduled(preset, rate, steps, epochs, halve_every):
    from keras.optimizers import schedules

    if preset.schedule == "halved":
        return schedules.ExponentialDecay(rate, halve_every * steps, decay_rate=0.5, staircase=True)
    if preset.schedule == "cosine":
        return schedules.CosineDecay(rate, max(epochs, 1) * steps)
    return rate
