"""First-stage training, CIFAR-10 configuration: keras_tsvae against a plain PyTorch twin.

Both train the same network on the same images in turn, in one process and on the same threads:
32x32x3, base_dim 16, num_scale 3, latent_dim 64, batch 64, Adam 1e-4; ours from a tf.data
pipeline. Speed does not depend on what the images show, so random ones are used unless a folder
with cifar10.npz is given. Needs `pip install -e ".[benchmarks]"`.
"""

import argparse
import pathlib
import statistics
import time

import keras
import numpy as np
import record
import rich.table
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
    data = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images))
    data = data.batch(BATCH_SIZE, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return lambda: stage.fit(data, verbose=0), stage.count_params()


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

    return epoch, sum(p.numel() for p in model.parameters())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", help="folder with cifar10.npz")
    parser.add_argument("--images", type=int, default=2560, help="per epoch")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for the figures")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    torch.set_num_threads(args.threads)
    keras.utils.set_random_seed(0)

    images = load_images(args.data_dir, args.images // BATCH_SIZE * BATCH_SIZE)
    rows = {"keras_tsvae": ours(images), "PyTorch twin": twin(images)}
    speeds = {name: [] for name in rows}
    for index in range(args.rounds + 1):
        for name, (epoch, _) in rows.items():
            start = time.perf_counter()
            epoch()
            if index:  # the first round compiles
                speeds[name].append(len(images) / (time.perf_counter() - start))

    ratios = [a / b for a, b in zip(*speeds.values())]
    table = rich.table.Table("first-stage training", "images/s", "min to max", "parameters")
    for name, (_, parameters) in rows.items():
        s = speeds[name]
        table.add_row(
            name, f"{statistics.median(s):.0f}", f"{min(s):.0f} to {max(s):.0f}", f"{parameters:,}"
        )
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    table.add_row("ratio, round by round", f"{statistics.median(ratios):.2f}", spread, "")
    rich.print(table)
    if args.output:
        speeds = {"images_per_second": speeds, "ratio": ratios}
        record.save(args.output, (tf, keras, torch), threads=args.threads, **speeds)


if __name__ == "__main__":
    main()
