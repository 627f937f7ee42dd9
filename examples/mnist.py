"""Trains a Two-Stage VAE on MNIST; writes the folder of its run.

On two CPU cores an epoch takes about two and a half minutes in the first stage and half a minute
in the second: the preset's 400 + 800 epochs take days, and are meant for a GPU. A first look,
a quarter of an hour:

    python examples/mnist.py --epochs 4 --second-stage-epochs 8 --learning-rate 1e-3
"""

from keras_tsvae import experiments

PRESETS = ("mnist", "mnist_infogan", "mnist_computed_gamma", "mnist_fast")


def main():
    # Trained on all 60,000, as in the papers: none held out, watched on the test images.
    experiments.run_script(__doc__, *PRESETS, data_options={"validation_size": 0})


if __name__ == "__main__":
    main()
