r"""Trains a conditional Two-Stage VAE on MNIST, which draws the digits that it is asked for.

Writes what mnist.py does, and to its pictures/ digits.png, a row of each digit, asked for with
strength 2, and conditioned.png, digits at random beside some that are asked for. evaluation.json
and report.html also say how often a judge sees what was asked for with strength 1.

On two CPU cores an epoch of the ResNet takes minutes: the preset's 400 + 800 epochs take days, and
are meant for a GPU. A first look, with a network of which an epoch takes a minute:

    python examples/conditional_mnist.py --preset mnist_conditional_infogan --base-dim 32 \
        --gamma computed --learning-rate 2e-3 --epochs 8 --second-stage-epochs 40 \
        --second-stage-batch-size 256
"""

from keras_tsvae import experiments, plots

PRESETS = ("mnist_conditional", "mnist_conditional_infogan")
ASKED = (1, 4, 8)
STRENGTH = 2  # of what the rows of digits are asked for: none is a digit that one must guess


def figures(model, data):
    return {
        "digits": plots.class_grid(model, strength=STRENGTH),
        "conditioned": plots.conditioned(model, {str(digit): digit for digit in ASKED}, n=16),
    }


def main():
    # Trained on all 60,000, as in the thesis: none held out, watched on the test images.
    options = {"validation_size": 0}
    experiments.run_script(__doc__, *PRESETS, data_options=options, figures=figures)


if __name__ == "__main__":
    main()
