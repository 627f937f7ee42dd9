"""Trains a Two-Stage VAE on CelebA; writes the folder of its run.

--data-dir is the folder of img_align_celeba/ (or its zip), list_attr_celeba.txt and
list_eval_partition.txt, or of Kaggle's celeba-dataset. The pictures are cropped, decoded once into
a cache in Keras's folder, and streamed from it, mirrored at random, so that memory does not grow
with their number.

The preset's 120 + 300 epochs are meant for a GPU. On two CPU cores, networks a quarter as wide take
about two minutes for an epoch of 16,000 pictures; a first look:

    python examples/celeba.py --data-dir FOLDER --base-dim 8 --epochs 2 --second-stage-epochs 4
"""

from keras_tsvae import experiments

PRESETS = ("celeba", "celeba_infogan", "celeba_wae", "celeba_dai_wipf", "celeba_computed_gamma")


def main():
    experiments.run_script(__doc__, *PRESETS, "celeba_fast")


if __name__ == "__main__":
    main()
