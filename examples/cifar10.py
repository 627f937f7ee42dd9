"""Trains a Two-Stage VAE on CIFAR-10; writes the folder of its run.

On two CPU cores an epoch takes about two and a half minutes in the first stage and half a minute
in the second: the preset's 1000 + 2000 epochs take days, and are meant for a GPU. A first look,
a quarter of an hour:

    python examples/cifar10.py --epochs 4 --second-stage-epochs 8 --learning-rate 1e-3
"""

from keras_tsvae import experiments

PRESETS = ("cifar10", "cifar10_infogan", "cifar10_computed_gamma", "cifar10_fast")
# Trained on all 50,000, as in the papers, none held out, after their round trip through JPEG.
OPTIONS = {"validation_size": 0, "jpeg_quality": 75}


def main():
    experiments.run_script(__doc__, *PRESETS, data_options=OPTIONS)


if __name__ == "__main__":
    main()
