"""Trains a Two-Stage VAE on scikit-learn's handwritten digits: real, 8x8, and offline.

Takes under three minutes on two CPU cores. Writes pictures, curves, the model and its
SavedModel to --output, and measures the samples with a classifier of real digits.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

import keras_tsvae as tsvae
from keras_tsvae import plots

SHAPE, LATENT_DIM, BATCH_SIZE = (8, 8, 1), 8, 64


def build(epochs, second_stage_epochs, steps_per_epoch):
    model = tsvae.TwoStageVAE(
        tsvae.FirstStageVAE(
            tsvae.networks.ResNetEncoder(SHAPE, LATENT_DIM, base_dim=16, num_scale=2, fc_dim=256),
            tsvae.networks.ResNetDecoder(SHAPE, LATENT_DIM, base_dim=16),
        ),
        tsvae.SecondStageVAE(LATENT_DIM, width=256),
    )
    optimizers = [
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, n * steps_per_epoch))
        for n in (max(epochs, 1), max(second_stage_epochs, 1))
    ]
    model.compile(*optimizers)
    return model


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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=120, help="of the first stage")
    parser.add_argument("--second-stage-epochs", type=int, default=150)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("runs/digits"))
    args = parser.parse_args()
    keras.utils.set_random_seed(0)
    args.output.mkdir(parents=True, exist_ok=True)

    digits = load_digits()
    images = (digits.images[..., None] / 16).astype("float32")
    train, test, labels, _ = train_test_split(images, digits.target, test_size=297, random_state=0)
    model = build(args.epochs, args.second_stage_epochs, len(train) // BATCH_SIZE)
    history = model.fit(
        train,
        batch_size=BATCH_SIZE,
        epochs=args.epochs,
        second_stage_epochs=args.second_stage_epochs,
        validation_data=test,
    )

    stage1, stage2 = (model.sample(1000, stage=stage, seed=0) for stage in (1, 2))
    figures = {
        "reconstructions.png": plots.side_by_side(
            {"originals": test[:64], "reconstructions": model.reconstruct(test[:64])}
        ),
        "samples.png": plots.side_by_side({"stage 1": stage1[:64], "stage 2": stage2[:64]}),
        "curves.png": plots.training_curves(history),
    }
    for name, figure in figures.items():
        figure.savefig(args.output / name)
    model.save(args.output / "digits.keras")
    saved_model = args.output / "saved_model"
    shutil.rmtree(saved_model, ignore_errors=True)
    model.export(saved_model)
    script = pathlib.Path(__file__).with_name("sample_saved_model.py")
    picture = args.output / "saved_model_samples.png"
    subprocess.run([sys.executable, script, saved_model, picture, "--seed", "1"], check=True)

    print(f"\nWrote to {args.output}: {', '.join(sorted(p.name for p in args.output.iterdir()))}")
    for key, values in history.history.items():
        if key in ("stage1_val_mse", "stage1_gamma", "stage2_val_loss", "stage2_gamma"):
            print(f"{key:16} {values[0]:9.4f} at first, {values[-1]:9.4f} at last")
    judge(train, labels, {"real (held out)": test, "stage 1": stage1, "stage 2": stage2})


if __name__ == "__main__":
    main()
