"""Trains a Two-Stage VAE on CIFAR-10; writes pictures, curves, model and SavedModel.

On two CPU cores an epoch takes about two and a half minutes in the first stage and half a minute
in the second: the preset's 1000 + 2000 epochs take days, and are meant for a GPU. A first look,
a quarter of an hour:

    python examples/cifar10.py --epochs 4 --second-stage-epochs 8 --learning-rate 1e-3
"""

import experiment
import measuring
import report
import training

import keras_tsvae as tsvae


def main():
    args = experiment.arguments(__doc__, "cifar10", "cifar10_infogan", "cifar10_computed_gamma")
    # Trained on all 50,000, as in the papers, none held out, after their round trip through JPEG.
    options = {"limit": args.limit, "validation_size": 0, "jpeg_quality": 75}
    data = tsvae.data.load("cifar10", args.data_dir, **options)
    images = data.train.images
    model = experiment.make(args, len(images))
    history = training.fit(model, args, images, data.test.images)
    report.write_and_print(model, args, history, images, data)
    measuring.print_table(model, args, data)


if __name__ == "__main__":
    main()
