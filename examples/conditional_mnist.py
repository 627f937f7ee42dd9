r"""Trains a conditional Two-Stage VAE on MNIST, which draws the digits that it is asked for.

Writes what mnist.py does, and digits.png, a row of each digit, asked for with strength 2;
conditioned.png, digits at random beside some that are asked for; obedience.json, how often a judge
sees what was asked for with strength 1.

On two CPU cores an epoch of the ResNet takes minutes: the preset's 400 + 800 epochs take days, and
are meant for a GPU. A first look, with a network of which an epoch takes a minute:

    python examples/conditional_mnist.py --preset mnist_conditional_infogan --base-dim 32 \
        --gamma computed --learning-rate 2e-3 --epochs 8 --second-stage-epochs 40 \
        --second-stage-batch-size 256
"""

import experiment
import measuring
import report
import training

import keras_tsvae as tsvae
from keras_tsvae import plots

ASKED = (1, 4, 8)
STRENGTH = 2  # of what the rows of digits are asked for: none is a digit that one must guess


def main():
    args = experiment.arguments(__doc__, "mnist_conditional", "mnist_conditional_infogan")
    # Trained on all 60,000, as in the thesis: none held out, watched on the test images.
    data = tsvae.data.load("mnist", args.data_dir, limit=args.limit, validation_size=0)
    train, test = data.train, data.test
    model = experiment.make(args, len(train))
    history = training.fit(model, args, train.images, test.images, train.labels, test.labels)
    pictures = {
        "digits": plots.class_grid(model, strength=STRENGTH),
        "conditioned": plots.conditioned(model, {str(digit): digit for digit in ASKED}, n=16),
    }
    report.write_and_print(model, args, history, train.images, data, **pictures)
    measuring.print_table(model, args, data)


if __name__ == "__main__":
    main()
