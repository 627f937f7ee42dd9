"""Trains a Two-Stage VAE on MNIST; writes pictures, curves, model and SavedModel.

On two CPU cores an epoch takes about two and a half minutes in the first stage and half a minute
in the second: the preset's 400 + 800 epochs take days, and are meant for a GPU. A first look,
a quarter of an hour:

    python examples/mnist.py --epochs 4 --second-stage-epochs 8 --learning-rate 1e-3
"""

import experiment
import measuring
import report
import training

import keras_tsvae as tsvae


def main():
    args = experiment.arguments(__doc__, "mnist", "mnist_infogan", "mnist_computed_gamma")
    # Trained on all 60,000, as in the papers: none held out, watched on the test images.
    data = tsvae.data.load("mnist", args.data_dir, limit=args.limit, validation_size=0)
    images = data.train.images
    model = experiment.make(args, len(images))
    history = training.fit(model, args, images, data.test.images)
    report.write_and_print(model, args, history, images, data)
    measuring.print_table(model, args, data)


if __name__ == "__main__":
    main()
