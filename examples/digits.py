"""Trains a Two-Stage VAE on scikit-learn's handwritten digits: real, 8x8, and offline.

Takes two to five minutes on two CPU cores. Writes pictures, curves, the model and its SavedModel,
and measures the samples with the features of a classifier of real digits.
"""

import pathlib
import subprocess
import sys

import experiment
import keras
import measuring
import report
import training

import keras_tsvae as tsvae


def sample_saved_model(args):
    """Draws from the SavedModel in another process, which needs TensorFlow alone."""
    script = pathlib.Path(__file__).with_name("sample_saved_model.py")
    picture = args.output / "saved_model_samples.png"
    command = [sys.executable, script, args.output / "saved_model", picture, "--seed", "1"]
    subprocess.run(command, check=True)


def main():
    args = experiment.arguments(__doc__, "digits")
    data = tsvae.data.load("digits", args.data_dir, limit=args.limit)
    images = data.train.images
    # On images this small most of a step's time is not spent on numbers, but between them.
    model = experiment.make(args, len(images), jit_compile=True, steps_per_execution=10)
    history = training.fit(model, args, images, data.test.images)
    report.write_and_print(model, args, history, images, data)
    if keras.backend.backend() == "tensorflow":
        sample_saved_model(args)
    measuring.print_table(model, args, data)


if __name__ == "__main__":
    main()
