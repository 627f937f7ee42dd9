"""Writes a model's folder, and what the code of today makes of it.

    KERAS_BACKEND=tensorflow python -m tests.golden.folder tests/golden/NAME

`tests/test_golden_folder.py` reads those of all such folders with the code of its own day, on
either backend.
"""

import pathlib
import sys

import keras
import numpy as np

from tests.golden import backup

FOLDER, OUTPUTS = "folder", "folder-expected.npz"
Z = np.linspace(-1, 1, 4 * backup.LATENT_DIM, dtype="float32").reshape(4, backup.LATENT_DIM)


def outputs(model):
    """Returns what a model makes of given images and noise, by name."""
    images, second = backup.images()[:4], model.second_stage
    mean, std = model.encode(images)
    return {
        "mean": mean,
        "std": std,
        "reconstructed": model.reconstruct(images),
        "decoded": model.decode(Z),
        "second_mean": second.encode(Z)[0],
        "second_decoded": second.decode(Z),
        "sampled": model.decode(second.generate(Z, Z[::-1].copy())),
        "mixture": model.mixture(Z, Z[::-1].copy()),
    }


def main(folder):
    """Trains a tiny model and writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    model, images = backup.model(), backup.images()
    model.fit(images, batch_size=8, epochs=2, verbose=0)
    model.fit_mixture(images, num_components=2, seed=0)
    model.save_to_preset(folder / FOLDER)
    np.savez_compressed(folder / OUTPUTS, **outputs(model))


if __name__ == "__main__":
    keras.utils.set_random_seed(5)
    main(pathlib.Path(sys.argv[1]))
