"""Trains a Two-Stage VAE on scikit-learn's handwritten digits: real, 8x8, and offline.

Takes two to five minutes on two CPU cores. Writes pictures, curves, the model and its SavedModel,
and measures the samples with the features of a classifier of real digits.
"""

import pathlib
import subprocess
import sys

import keras

import keras_tsvae as tsvae
from keras_tsvae import experiments

VAE_EPOCHS = 7  # for each round of the mixture


def sample_saved_model(run):
    """Draws from the SavedModel in another process, which needs TensorFlow alone."""
    script = pathlib.Path(__file__).with_name("sample_saved_model.py")
    picture = run / "pictures" / "saved_model_samples.png"
    command = [sys.executable, script, run / "saved_model", picture, "--seed", "1"]
    subprocess.run(command, check=True)


def with_second_stage_of_the_paper(model, images):
    """Returns a model of the same first stage and a VAE, trained on the same posteriors."""
    epochs, batch_size = model.preset.second_stage_epochs * VAE_EPOCHS, 64
    second = tsvae.SecondStageVAE(model.latent_dim, width=256, gamma=0.2)
    steps = epochs * (len(images) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    second.compile(tsvae.optimizers.FusedAdam(rate), jit_compile=True, steps_per_execution=10)
    second.fit(model.posteriors(images), batch_size=batch_size, epochs=epochs, verbose=0)
    return tsvae.TwoStageVAE(model.first_stage, second)


def others(model, data):
    """Returns what else the table shows: the paper's second stage, where the model's is another."""
    if model.preset.second_stage == "vae":
        return {}
    print("\nTraining the paper's second stage, a VAE, on the same latent vectors")
    return {"stage 2 as a VAE": with_second_stage_of_the_paper(model, data.train.images)}


def main():
    # On images this small most of a step's time is not spent on numbers, but between them.
    fast = {"jit_compile": True, "steps_per_execution": 10}
    run = experiments.run_script(__doc__, "digits_fast", "digits", compiling=fast, others=others)
    if keras.backend.backend() == "tensorflow":
        sample_saved_model(run)


if __name__ == "__main__":
    main()
