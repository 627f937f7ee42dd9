"""The official code's three first stages: sizes read off a checkpoint, variables assigned."""

from typing import Any

from keras_tsvae import networks
from keras_tsvae.arrays.types import ImageShape
from keras_tsvae.official.checkpoint import Checkpoint
from keras_tsvae.official.variables import Assignment

_BLOCK = r"stage1/(?:encoder|decoder)/scale\d+/block"


def make_resnet(
    checkpoint: Checkpoint, image_shape: ImageShape
) -> tuple[networks.ResNetEncoder, networks.ResNetDecoder]:
    """Returns an encoder and a decoder of the checkpoint's sizes."""
    latent_dim = checkpoint.size(
        ("stage1/encoder/dense/bias", 0),
        ("stage1/encoder/dense_1/bias", 0),
        ("stage1/decoder/fc0/kernel", 0),
    )
    arguments: dict[str, Any] = {
        "base_dim": checkpoint.size(
            ("stage1/encoder/conv0/bias", 0), ("stage1/encoder/conv0/kernel", 3)
        ),
        "block_per_scale": checkpoint.count(_BLOCK + r"(\d+)/(?:layer|bn|shortcut)"),
        "depth_per_block": checkpoint.count(_BLOCK + r"\d+/layer(\d+)/"),
        "kernel_size": checkpoint.size(
            ("stage1/encoder/conv0/kernel", 0), ("stage1/decoder/conv2d/kernel", 0)
        ),
    }
    encoder = networks.ResNetEncoder(
        image_shape,
        latent_dim,
        num_scale=checkpoint.count(r"stage1/encoder/scale(\d+)/block"),
        fc_dim=checkpoint.size(
            ("stage1/encoder/fc/block0/shortcut/bias", 0),
            ("stage1/encoder/fc/block0/layer0/bias", 0),
        ),
        **arguments,
    )
    return encoder, networks.ResNetDecoder(image_shape, latent_dim, **arguments)


def assign_resnet(
    assignment: Assignment, encoder: networks.ResNetEncoder, decoder: networks.ResNetDecoder
) -> None:
    """Copies the variables of a ResNet first stage."""
    scope = "stage1/encoder"
    assignment.linear(encoder.get_layer("stem"), f"{scope}/conv0")
    for index in range(encoder.num_scale):
        if index:
            down = encoder.get_layer(f"down_{index}")
            assignment.linear(down, f"{scope}/downsample{index - 1}/conv2d")
        assignment.scale(encoder.get_layer(f"scale_{index}"), f"{scope}/scale{index}")
    assignment.scale(encoder.get_layer("dense_scale"), f"{scope}/fc")
    _assign_heads(assignment, encoder, scope)

    scope = "stage1/decoder"
    assignment.linear(decoder.get_layer("grid"), f"{scope}/fc0")
    for index in range(sum(layer.name.startswith("up_") for layer in decoder.layers)):
        up = decoder.get_layer(f"up_{index}")
        assignment.linear(up, f"{scope}/up{index}/conv2d_transpose")
        assignment.scale(decoder.get_layer(f"scale_{index}"), f"{scope}/scale{index}")
    assignment.linear(decoder.get_layer("to_image"), f"{scope}/conv2d")


def make_infogan(
    checkpoint: Checkpoint, image_shape: ImageShape
) -> tuple[networks.InfoGANEncoder, networks.InfoGANDecoder]:
    """Returns an encoder and a decoder of the checkpoint's sizes."""
    latent_dim = checkpoint.size(
        ("stage1/decoder/fc1/Matrix", 0),
        ("stage2/encoder/mu_u/bias", 0),
        ("stage2/decoder/z_hat/bias", 0),
    )
    sizes: dict[str, Any] = {
        "base_dim": checkpoint.size(
            ("stage1/encoder/conv1/biases", 0), ("stage1/encoder/conv1/w", 3)
        ),
        "fc_dim": checkpoint.size(("stage1/encoder/fc3/bias", 0), ("stage1/encoder/fc3/Matrix", 1)),
    }
    encoder = networks.InfoGANEncoder(image_shape, latent_dim, **sizes)
    return encoder, networks.InfoGANDecoder(image_shape, latent_dim, **sizes)


def assign_infogan(
    assignment: Assignment, encoder: networks.InfoGANEncoder, decoder: networks.InfoGANDecoder
) -> None:
    """Copies the variables of an InfoGAN first stage."""
    for name, place, kernel, bias in (
        ("conv_0", "conv1", "w", "biases"),
        ("conv_1", "conv2", "w", "biases"),
        ("hidden", "fc3", "Matrix", "bias"),
        ("gaussian", "en4", "Matrix", "bias"),
    ):
        assignment.spectral(encoder.get_layer(name), f"stage1/encoder/{place}", kernel, bias)
    for index in (1, 2):
        assignment.norm(encoder.get_layer(f"norm_{index}"), f"stage1/encoder/bn{index + 1}_w")
    for name, place, names in (
        ("hidden", "fc1", ("Matrix", "bias")),
        ("grid", "fc2", ("Matrix", "bias")),
        ("up_0", "conv3", ("w", "biases")),
        ("to_image", "conv4", ("w", "biases")),
    ):
        assignment.linear(decoder.get_layer(name), f"stage1/decoder/{place}", *names)
    for index in range(3):
        assignment.norm(decoder.get_layer(f"norm_{index}"), f"stage1/decoder/bn{index + 1}_w")


def make_wae(
    checkpoint: Checkpoint, image_shape: ImageShape
) -> tuple[networks.WAEEncoder, networks.WAEDecoder]:
    """Returns an encoder and a decoder of the checkpoint's sizes."""
    latent_dim = checkpoint.size(
        ("stage1/encoder/dense/bias", 0),
        ("stage1/encoder/dense_1/bias", 0),
        ("stage1/decoder/dense/kernel", 0),
    )
    base_dim = checkpoint.size(
        ("stage1/encoder/conv2d/bias", 0), ("stage1/encoder/conv2d/kernel", 3)
    )
    encoder = networks.WAEEncoder(image_shape, latent_dim, base_dim)
    return encoder, networks.WAEDecoder(image_shape, latent_dim, base_dim)


def assign_wae(
    assignment: Assignment, encoder: networks.WAEEncoder, decoder: networks.WAEDecoder
) -> None:
    """Copies the variables of a WAE first stage."""
    for index in range(4):
        place = "stage1/encoder/conv2d" + (f"_{index}" if index else "")
        assignment.linear(encoder.get_layer(f"conv_{index}"), place)
        assignment.norm(encoder.get_layer(f"norm_{index}"), f"stage1/encoder/bn{index + 1}_w")
    _assign_heads(assignment, encoder, "stage1/encoder")
    assignment.linear(decoder.get_layer("grid"), "stage1/decoder/dense")
    for index, name in enumerate(("up_0", "up_1", "up_2", "to_image")):
        place = "stage1/decoder/conv2d_transpose" + (f"_{index}" if index else "")
        assignment.linear(decoder.get_layer(name), place)
        if name != "to_image":
            assignment.norm(decoder.get_layer(f"norm_{index}"), f"stage1/decoder/bn{index + 1}_w")


def _assign_heads(assignment, encoder, scope):
    assignment.linear(encoder.get_layer("mean"), f"{scope}/dense")
    assignment.linear(encoder.get_layer("log_std"), f"{scope}/dense_1")


FIRST_STAGES = {
    "resnet": (make_resnet, assign_resnet),
    "infogan": (make_infogan, assign_infogan),
    "wae": (make_wae, assign_wae),
}
