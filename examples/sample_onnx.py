"""Draws images from an exported Two-Stage VAE, with ONNX Runtime, NumPy and Pillow alone.

Neither keras_tsvae nor Keras nor TensorFlow is needed where this runs.
"""

import argparse
import json
import os
import pathlib

import numpy as np
import onnxruntime
from PIL import Image


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=os.path.expanduser, help='folder written by model.export(.., format="onnx")'
    )
    parser.add_argument("picture", type=os.path.expanduser, help="PNG file to write")
    parser.add_argument("--side", type=int, default=10, help="images per row and column")
    parser.add_argument("--seed", type=int, help="equal seeds give equal images")
    parser.add_argument(
        "--condition",
        help="of a conditional model: attributes that are there, such as Smiling,Young; a class, "
        "by its name or number; or the numbers of a vector",
    )
    args = parser.parse_args()
    if args.side < 1:
        parser.error("--side must be at least 1")
    folder = pathlib.Path(args.folder)
    told = json.loads((folder / "functions.json").read_text(encoding="utf-8"))

    n = args.side**2
    u, noise = np.random.default_rng(args.seed).standard_normal((2, n, told["latent_dim"]), "f4")
    arrays = {"u": u, "noise": noise}
    if told["conditions"]:
        if args.condition is None:
            parser.error("--condition must be given: the model is a conditional one")
        try:
            arrays["condition"] = np.tile(coded(args.condition, told["conditions"]), (n, 1))
        except ValueError as error:
            parser.error(f"--condition: {error}")
    sample = onnxruntime.InferenceSession(str(folder / told["functions"]["sample"]["file"]))
    (images,) = sample.run(None, arrays)

    grid(images, args.side).save(args.picture)
    print(f"{args.picture}: {n} images sampled from {args.folder}")


def coded(words, conditions):
    """Returns one condition as the model takes it, `(size,)`."""
    words, size, names = words.split(","), conditions["size"], conditions["names"]
    if conditions["kind"] in ("number", "vector"):
        if len(words) != size:
            raise ValueError(f"{size} numbers are needed, not {len(words)}")
        return np.array([float(word) for word in words], "f4")
    named = [*map(str, names or range(size))]
    unknown = [word for word in words if word not in named]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not one of {', '.join(named)}")
    there = np.array([name in words for name in named], "f4")
    return 2 * there - 1 if conditions["kind"] == "attributes" else there


def grid(images, side):
    """Returns images side by side."""
    _, height, width, channels = images.shape
    rows = images.reshape(side, side, height, width, channels).transpose(0, 2, 1, 3, 4)
    pixels = np.rint(255 * rows.clip(0, 1)).astype("uint8")
    pixels = pixels.reshape(side * height, side * width, channels)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


if __name__ == "__main__":
    main()
