"""The settings of the published experiments, of the demonstration, and of fast trainings."""

import dataclasses
import typing

from keras_tsvae.presets.preset import Preset

_PAPER = "Dai & Wipf (2019), section 5, with the defaults of the code published with it"
_THESIS = "Trentin (2019), chapter 4"
_COMPUTED = "Asperti & Trentin (2020), with the settings of the code published with it"
_ANALOGY = ", with gamma computed as in Asperti & Trentin (2020)"

_CONDITIONAL = "Trentin (2019), chapter 5, with modulation in place of concatenation"
_OF_THE_PAPER = ", and the network of Dai & Wipf (2019), table 1"
_CELEBA_ATTRIBUTES = tuple(
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose "
    "Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee "
    "Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes "
    "No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns Smiling "
    "Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace "
    "Wearing_Necktie Young".split()
)

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
# Sharp images soon, whose latent vectors are then far from N(0, I), and a mixture of those.
_FAST = {
    "gamma": "optimal",
    "schedule": "cosine",
    "second_stage": "mixture",
    "second_stage_epochs": 20,
    "source": "this package's recipe for two cores",
}
_FAST_INFOGAN = {
    **_FAST,
    "learning_rate": 2e-3,
    "batch_size": 128,
    "second_stage_epochs": 10,
}
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


_CLASSES = {"conditions": "classes", "condition_dim": 10}
_ATTRIBUTES = {
    "conditions": "attributes",
    "condition_dim": 40,
    "condition_names": _CELEBA_ATTRIBUTES,
}


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
    _like(_DIGITS, "digits_fast", latent_dim=16, **_FAST),
    _like(_MNIST, "mnist_fast", epochs=1, **{**_INFOGAN, **_FAST_INFOGAN}),
    _like(_MNIST, "fashion_mnist_fast", epochs=1, **{**_INFOGAN, **_FASHION, **_FAST_INFOGAN}),
    _like(_CIFAR10, "cifar10_fast", epochs=2, **{**_INFOGAN, **_FAST_INFOGAN}),
    _like(_CELEBA, "celeba_fast", epochs=1, **{**_INFOGAN, **_FAST_INFOGAN}),
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
    _like(_MNIST, "mnist_conditional", **_CLASSES, source=_CONDITIONAL),
    _like(_CELEBA, "celeba_conditional", **_ATTRIBUTES, source=_CONDITIONAL),
    _like(
        _MNIST,
        "mnist_conditional_infogan",
        **_INFOGAN,
        **_CLASSES,
        source=_CONDITIONAL + _OF_THE_PAPER,
    ),
    _like(
        _CELEBA,
        "celeba_conditional_infogan",
        **_INFOGAN,
        **_ATTRIBUTES,
        source=_CONDITIONAL + _OF_THE_PAPER,
    ),
)


def names(conditional: bool | None = None) -> tuple[str, ...]:
    """Returns the names of all presets, or of those with (True) or without (False) conditions."""
    return tuple(
        preset.name
        for preset in _PRESETS
        if conditional is None or (preset.conditions is not None) == conditional
    )


def get(name: str, **overrides: typing.Any) -> Preset:
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


def describe(name: str) -> str:
    """Returns what a preset is, as text: one line per field that is set."""
    preset = get(name).to_dict()
    return "\n".join(f"{field:26}{value}" for field, value in preset.items() if value is not None)
