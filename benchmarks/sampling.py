"""Sampling with both stages, from Python and from a SavedModel, against PyTorch and pythae.

All draw the same number of 32x32 images with the same untrained networks, the CIFAR-10
configuration, in batches of 256, in turn, in one process and on the same threads. Needs
`pip install -e ".[benchmarks]"`.
"""

import pathlib
import tempfile

import compare
import keras
import pythae_twin
import tensorflow as tf
import torch
from torch_twin import FirstStage, SecondStage

import keras_tsvae as tsvae

LATENT_DIM, BATCH_SIZE = 64, 256


def twin(n):
    """Returns a function that samples in plain, eager PyTorch."""
    first, second = FirstStage().to(memory_format=torch.channels_last).eval(), SecondStage().eval()

    @torch.no_grad()
    def sample():
        batches = []
        for start in range(0, n, BATCH_SIZE):
            u = torch.randn(min(BATCH_SIZE, n - start), LATENT_DIM)
            mean = second.decode(u)
            z = mean + second.log_gamma.exp() * torch.randn_like(mean)
            batches.append(first.decode(z))
        return torch.cat(batches).numpy()

    return sample


def pythae_way(n):
    """Returns a function that samples with pythae."""
    sampler = pythae_twin.sampler(pythae_twin.first_stage().eval())
    sampler.second_vae.eval()
    return lambda: torch.no_grad()(sampler.sample)(n, batch_size=BATCH_SIZE)


def saved_model(model, n):
    """Returns a function that samples from the exported model."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "saved_model"
        model.export(path)
        exported = tf.saved_model.load(str(path))
    sample = exported.signatures["sample"]
    count, seed = tf.constant(n), tf.constant(0)
    return lambda: [image.numpy() for image in sample(n=count, seed=seed).values()]


def main():
    parser = compare.threaded_parser(__doc__)
    parser.add_argument("--images", type=int, default=2048)
    args = parser.parse_args()
    compare.set_threads(args.threads)
    keras.utils.set_random_seed(0)
    model = tsvae.TwoStageVAE.from_preset("cifar10")
    ways = {
        "SavedModel": saved_model(model, args.images),
        "model.sample": lambda: model.sample(args.images, seed=0, batch_size=BATCH_SIZE),
        "PyTorch twin, eager": twin(args.images),
        "pythae": pythae_way(args.images),
    }
    seconds = compare.in_turn(ways, args.rounds)
    compare.show("sampling, stage 2", args.images, "images", seconds)
    modules = (tf, keras, torch)
    compare.save(args.output, modules, args.images, "images", seconds, threads=args.threads)


if __name__ == "__main__":
    main()
