"""First-stage training, CIFAR-10 configuration: keras_tsvae against a PyTorch twin and pythae.

All train the same network on the same images in turn, in one process and on the same threads:
32x32x3, base_dim 16, num_scale 3, latent_dim 64, batch 64, Adam 1e-4. Speed does not depend on what
the images show, so random ones are used unless a folder with cifar10.npz is given. pythae's has no
gamma, and takes floats. Needs `pip install -e ".[benchmarks]"`.
"""

import pathlib

import compare
import keras
import numpy as np
import pythae_twin
import tensorflow as tf
import torch
from torch_twin import FirstStage

import keras_tsvae as tsvae

BATCH_SIZE, SHAPE, LATENT_DIM = 64, (32, 32, 3), 64


def load_images(data_dir, n):
    if data_dir is not None:
        return np.load(pathlib.Path(data_dir) / "cifar10.npz")["x_train"][:n]
    return np.random.default_rng(0).integers(0, 256, (n, *SHAPE), dtype="uint8")


def ours(images):
    """Returns a function that trains one epoch."""
    stage = tsvae.FirstStageVAE(
        tsvae.networks.ResNetEncoder(SHAPE, LATENT_DIM),
        tsvae.networks.ResNetDecoder(SHAPE, LATENT_DIM),
    )
    stage.compile()
    return lambda: stage.fit(images, batch_size=BATCH_SIZE, verbose=0)


def twin(images):
    """Returns a function that trains one epoch."""
    model = FirstStage().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2)  # channels last in memory

    def epoch():
        order = torch.randperm(len(pictures))
        for rows in order.split(BATCH_SIZE):
            loss = model(pictures[rows].float() / 255)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def pythae_way(images):
    """Returns a function that trains one epoch with pythae's own trainer."""
    model = pythae_twin.first_stage()
    data = images.transpose(0, 3, 1, 2).astype("float32") / 255
    return lambda: pythae_twin.train(model, data, BATCH_SIZE)


def main():
    parser = compare.threaded_parser(__doc__)
    parser.add_argument("--data-dir", help="folder with cifar10.npz")
    parser.add_argument("--images", type=int, default=2560, help="per epoch")
    args = parser.parse_args()
    compare.set_threads(args.threads)
    keras.utils.set_random_seed(0)
    images = load_images(args.data_dir, args.images // BATCH_SIZE * BATCH_SIZE)
    ways = {
        "keras_tsvae": ours(images),
        "PyTorch twin": twin(images),
        "pythae": pythae_way(images),
    }
    seconds = compare.in_turn(ways, args.rounds)
    compare.show("first-stage training", len(images), "images", seconds)
    modules = (tf, keras, torch)
    compare.save(args.output, modules, len(images), "images", seconds, threads=args.threads)


if __name__ == "__main__":
    main()
