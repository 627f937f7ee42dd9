"""Trains a Two-Stage VAE on scikit-learn's handwritten digits: real, 8x8, and offline.

Takes under three minutes on two CPU cores. Writes pictures, curves, the model and its SavedModel,
and measures the samples with a classifier of real digits.
"""

import pathlib
import subprocess
import sys

import experiment
import keras
import numpy as np
import report
import training
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC

import keras_tsvae as tsvae


def judge(images, labels, panels):
    """Prints how a classifier of real digits sees each panel of images."""
    classifier = CalibratedClassifierCV(SVC(gamma=0.05, C=10), ensemble=False)
    classifier.fit(images.reshape(len(images), -1), labels)
    print(f"\n{'':16}  confidence  sure (>0.9)  classes  share of each digit 0-9, in %")
    for title, panel in panels.items():
        odds = classifier.predict_proba(panel.reshape(len(panel), -1))
        share = np.bincount(odds.argmax(1), minlength=10) / len(panel)
        present = share[share > 0]
        spread = np.exp(-(present * np.log(present)).sum())
        confidence = odds.max(1)
        print(
            f"{title:16}  {confidence.mean():10.3f}  {(confidence > 0.9).mean():11.3f}"
            f"  {spread:7.2f}  {' '.join(f'{100 * s:2.0f}' for s in share)}"
        )


def sample_saved_model(args):
    """Draws from the SavedModel in another process, which needs TensorFlow alone."""
    script = pathlib.Path(__file__).with_name("sample_saved_model.py")
    picture = args.output / "saved_model_samples.png"
    command = [sys.executable, script, args.output / "saved_model", picture, "--seed", "1"]
    subprocess.run(command, check=True)


def main():
    args = experiment.arguments(__doc__, "digits")
    data = tsvae.data.load("digits", args.data_dir, limit=args.limit)
    images, test_images = data.train.images, data.test.images
    model = experiment.make(args, len(images))
    history = training.fit(model, args, images, test_images)
    samples = report.write_and_print(model, args, history, images, test_images, 1000)
    if keras.backend.backend() == "tensorflow":
        sample_saved_model(args)
    real = {"real (held out)": test_images / 255}
    judge(images / 255, data.train.labels, {**real, **samples})


if __name__ == "__main__":
    main()
