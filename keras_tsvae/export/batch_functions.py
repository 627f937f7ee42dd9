"""What a model computes of one batch without drawing anything: noise is an input.

| function | takes | gives |
|---|---|---|
| `sample` | `u`, `noise`, both N(0, I), `(batch, latent_dim)` | `images` |
| `sample_mixture`, if one is fitted | `u`, `noise` | `images` |
| `decode` | `z` `(batch, latent_dim)` | `images` |
| `encode` | `images` `(batch, height, width, channels)` in [0, 1] | `mean`, `std` |
| `reconstruct` | `images` | `reconstructions` |
| `edit`, of a conditional model | `images`, `condition`, `new_condition` | `edited` |
| `infer_condition`, of one whose recognizer is trained | `images` | `condition` |

Those of a conditional model also take a `condition` `(batch, size)`, coded and whole, wherever the
stages that they go through take one. What a function takes and gives differs in name, as ONNX
wants it.
"""

import dataclasses
import typing
from collections.abc import Callable, Mapping

import keras
import numpy as np

from keras_tsvae.arrays.types import Tensor

Run: typing.TypeAlias = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
"""A function as a runtime has it: of arrays by the names of the inputs, to arrays by name."""


@dataclasses.dataclass(frozen=True)
class BatchFunction:
    """A function of float32 batches.

    Attributes:
        name: Its name.
        function: Takes tensors in the order of `inputs`, returns a tuple in that of `outputs`.
        inputs: Shapes without the batch, by the names of what it takes.
        outputs: Likewise, of what it gives.
    """

    name: str
    function: Callable[..., tuple[Tensor, ...]]
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]


def batch_functions(model: keras.Model) -> list[BatchFunction]:
    """Returns the functions of a built `TwoStageVAE`, of a conditional one once it is trained."""
    first, second, mixture = model.first_stage, model.second_stage, model.mixture
    if hasattr(second, "chosen_stage"):  # both in one file would be twice as large
        second = second.chosen_stage()
    images, latent = {"images": model.image_shape}, (model.latent_dim,)
    of_first, of_second = _condition(first), _condition(second)
    noise = {"u": latent, "noise": latent}

    def decode(z, *condition):
        return (first.decode_batch(z, *condition[: len(of_first)]),)

    def encode(x, *condition):
        return first.encode_batch(x, *condition)

    def reconstruct(x, *condition):
        return decode(encode(x, *condition)[0], *condition)

    def sample(u, noise, *condition):
        z = second.generate_batch(u, noise, *condition[: len(of_second)])
        return decode(z, *condition)

    def sample_mixture(u, noise, *condition):
        return decode(mixture(u, noise), *condition)

    functions = [
        BatchFunction("sample", sample, {**noise, **of_first, **of_second}, images),
        BatchFunction("decode", decode, {"z": latent, **of_first}, images),
        BatchFunction("encode", encode, {**images, **of_first}, {"mean": latent, "std": latent}),
        BatchFunction(
            "reconstruct",
            reconstruct,
            {**images, **of_first},
            {"reconstructions": model.image_shape},
        ),
    ]
    if mixture is not None:
        taken = {**noise, **of_first}
        functions.append(BatchFunction("sample_mixture", sample_mixture, taken, images))
    return functions + (_of_conditions(model, second) if of_first or of_second else [])


def edited(
    first: keras.Model,
    second: keras.Model,
    images: Tensor,
    condition: Tensor,
    new_condition: Tensor,
) -> Tensor:
    """Returns images with another condition: z moves as the second stage says that it does.

    Args:
        first: The first stage of a `ConditionalTwoStageVAE`.
        second: Its second stage.
        images: Float images in [0, 1].
        condition: Coded conditions of these images.
        new_condition: Coded conditions that they shall have.
    """
    before, after = (
        () if first.condition_dim is None else (codes,) for codes in (condition, new_condition)
    )
    z = first.encode_batch(images, *before)[0]
    if second.condition_dim is not None:
        u = second.encode_batch(z, condition)[:, 0]
        z = z + second.decode_batch(u, new_condition) - second.decode_batch(u, condition)
    return first.decode_batch(z, *after)


def _of_conditions(model, second):
    """Returns what only a conditional model does."""
    model._require_trained()
    recognizer, size = model.recognizer, (model.conditions.size,)
    images = {"images": model.image_shape}

    def edit(x, condition, new_condition):
        return (edited(model.first_stage, second, x, condition, new_condition),)

    def infer_condition(x):
        return (recognizer.codes_of(recognizer(x, training=False), model.joint),)

    taken = {**images, "condition": size, "new_condition": size}
    functions = [BatchFunction("edit", edit, taken, {"edited": model.image_shape})]
    if recognizer.is_trained:  # or else it guesses, and rounding decides
        functions.append(
            BatchFunction("infer_condition", infer_condition, images, {"condition": size})
        )
    return functions


def _condition(stage):
    return {} if stage.condition_dim is None else {"condition": (stage.condition_dim,)}
