"""Encoding a data set into its posteriors, against PyTorch and pythae.

All encode the same uint8 images of 32x32 with the same untrained network, the CIFAR-10
configuration, in turn, in one process and on the same threads. Needs
`pip install -e ".[benchmarks]"`.
"""

import compare
import keras
import numpy as np
import pythae_twin
import tensorflow as tf
import torch
from torch_twin import FirstStage

import keras_tsvae as tsvae


def pictures(images):
    """Returns float images for PyTorch, channels last in memory."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def twin(images, batch_size):
    """Returns a function that encodes in plain, eager PyTorch."""
    model = FirstStage().to(memory_format=torch.channels_last).eval()

    @torch.no_grad()
    def encode():
        batches = (images[i : i + batch_size] for i in range(0, len(images), batch_size))
        parts = [model.encode(pictures(batch)) for batch in batches]
        return [torch.cat(part).numpy() for part in zip(*parts)]

    return encode


def pythae_way(images, batch_size):
    """Returns a function that encodes with pythae, whose `embed` also decodes."""
    model = pythae_twin.first_stage().eval()

    @torch.no_grad()
    def encode():
        batches = (images[i : i + batch_size] for i in range(0, len(images), batch_size))
        return torch.cat([model.embed(pictures(batch)) for batch in batches]).numpy()

    return encode


def main():
    parser = compare.threaded_parser(__doc__)
    parser.add_argument("--images", type=int, default=5120)
    parser.add_argument("--batch-size", type=int, default=256)
    args = parser.parse_args()
    compare.set_threads(args.threads)
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (args.images, 32, 32, 3), dtype="uint8")
    model = tsvae.TwoStageVAE.from_preset("cifar10")
    ways = {
        "keras_tsvae": lambda: model.encode(images, batch_size=args.batch_size),
        "PyTorch twin, eager": twin(images, args.batch_size),
        "pythae": pythae_way(images, args.batch_size),
    }
    seconds = compare.in_turn(ways, args.rounds)
    compare.show("encoding", args.images, "images", seconds)
    facts = {"threads": args.threads, "batch_size": args.batch_size}
    compare.save(args.output, (tf, keras, torch), args.images, "images", seconds, **facts)


if __name__ == "__main__":
    main()
