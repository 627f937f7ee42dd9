"""Draws images from an exported Two-Stage VAE, with TensorFlow alone.

Neither keras_tsvae nor Keras is needed where this runs.
"""

import argparse
import os

import matplotlib.figure
import tensorflow as tf


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "saved_model", type=os.path.expanduser, help="folder written by TwoStageVAE.export"
    )
    parser.add_argument("picture", type=os.path.expanduser, help="PNG file to write")
    parser.add_argument("--side", type=int, default=10, help="images per row and column")
    parser.add_argument("--seed", type=int, help="equal seeds give equal images")
    args = parser.parse_args()
    if args.side < 1:
        parser.error("--side must be at least 1")

    sampler = tf.saved_model.load(args.saved_model)
    n = args.side**2
    images = sampler.sample(n) if args.seed is None else sampler.sample(n, seed=args.seed)

    figure = matplotlib.figure.Figure(figsize=(0.5 * args.side,) * 2)
    grid = figure.subplots(args.side, args.side, squeeze=False)
    for axes, image in zip(grid.flat, images.numpy()):
        axes.imshow(image.squeeze(), "gray", vmin=0, vmax=1)
        axes.axis("off")
    figure.savefig(args.picture)
    print(f"{args.picture}: {n} images sampled from {args.saved_model}")


if __name__ == "__main__":
    main()
