"""From a checkpoint of the official code to a model of this package."""

from keras_tsvae.arguments import check_image_shape
from keras_tsvae.arrays.types import ImageShape, PathLike
from keras_tsvae.models import FirstStageVAE, SecondStageVAE, TwoStageVAE
from keras_tsvae.official.checkpoint import Checkpoint
from keras_tsvae.official.first_stages import FIRST_STAGES
from keras_tsvae.official.variables import Assignment


def load_official_checkpoint(
    prefix: PathLike, network: str, image_shape: ImageShape, likelihood: str = "gaussian"
) -> TwoStageVAE | FirstStageVAE:
    """Reads a model that was trained with the official TensorFlow 1 code.

    All sizes are inferred from the variables' shapes. Batch normalisation keeps its debiased
    moving averages, spectral normalisation its vectors; Adam's state is left behind.

    Args:
        prefix: Path of what `tf.train.Saver` wrote, without its endings `.index` and
            `.data-00000-of-00001`, such as `"model/stage2"`.
        network: `"resnet"`, `"infogan"` or `"wae"`: the official code's `--network-structure`.
        image_shape: `(height, width, channels)` of the images it was trained on.
        likelihood: `"gaussian"`, or `"cross_entropy"` if it was trained so. Defaults to
            `"gaussian"`.

    Returns:
        A `TwoStageVAE`, or a `FirstStageVAE` if the checkpoint holds no second stage; compile it
        to train on. (Beside a trained first stage, the official code's own `stage1` checkpoint
        holds an untrained second one.)

    Raises:
        ValueError: If there is no such checkpoint, or a variable is missing, left over or of
            another shape than the network and images ask for; the message names it.
        ImportError: If TensorFlow, which reads checkpoints, is not installed.

    Example:
        >>> model = keras_tsvae.load_official_checkpoint("model/stage2", "resnet", (32, 32, 3))
        >>> model.save("model.keras")

    Source:
        The code published with Dai & Wipf (2019), https://github.com/daib13/TwoStageVAE.
    """
    if network not in FIRST_STAGES:
        raise ValueError(
            f"`network` must be one of {tuple(FIRST_STAGES)}. Received: network={network!r}"
        )
    image_shape = _check_official_shape(image_shape, network)
    checkpoint = Checkpoint(prefix)
    make, assign = FIRST_STAGES[network]
    first = FirstStageVAE(*make(checkpoint, image_shape), likelihood=likelihood)
    assignment = Assignment(checkpoint)
    assign(assignment, first.encoder, first.decoder)
    if first.log_gamma is None:
        checkpoint.take("stage1/decoder/loggamma_x")  # there, but without effect
    else:
        assignment.weight(first.log_gamma, "stage1/decoder/loggamma_x")
    second = _second_stage(assignment, first.latent_dim)
    assignment.finish()
    return first if second is None else TwoStageVAE(first, second)


def _second_stage(assignment, latent_dim):
    """Returns the second stage with its variables, or None if the checkpoint has none."""
    checkpoint = assignment.checkpoint
    if not any(name.startswith("stage2/") for name in checkpoint.variables):
        return None
    second = SecondStageVAE(
        latent_dim,
        width=checkpoint.size(("stage2/encoder/fc0/bias", 0), ("stage2/decoder/fc0/bias", 0)),
        depth=checkpoint.count(r"stage2/(?:encoder|decoder)/fc(\d+)/"),
    )
    for name, network in (("encoder", second.encoder), ("decoder", second.decoder)):
        for index in range(second.depth):
            assignment.linear(network.get_layer(f"hidden_{index}"), f"stage2/{name}/fc{index}")
    assignment.linear(second.encoder.get_layer("mean"), "stage2/encoder/mu_u")
    assignment.linear(second.encoder.get_layer("log_std"), "stage2/encoder/logsd_u")
    assignment.linear(second.decoder.get_layer("z"), "stage2/decoder/z_hat")
    assignment.weight(second.log_gamma, "stage2/decoder/loggamma_z")
    return second


def _check_official_shape(image_shape, network):
    """Returns `image_shape`, or raises if the official network cannot take it."""
    height, width, channels = check_image_shape(image_shape)
    power = height & (height - 1) == 0 and height > 1
    if height != width or (network == "resnet" and not power):
        rule = "square, with a power of two as its side" if network == "resnet" else "square"
        raise ValueError(
            f"`image_shape` of the official {network} network must be {rule}. "
            f"Received: image_shape={(height, width, channels)}"
        )
    return height, width, channels
