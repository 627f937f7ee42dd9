r"""Trains a conditional Two-Stage VAE on CelebA, which draws and changes faces as it is asked to.

Writes what celeba.py does, and to its pictures/ conditioned.png, faces at random beside some that
are asked for; edits.png and traversals.png, test pictures in which attributes are changed.
evaluation.json and report.html also say how often a judge sees what was asked for. --data-dir is as
for celeba.py.

The preset's 120 + 300 epochs are meant for a GPU. On two CPU cores an epoch of 16,000 pictures
takes minutes, in which InfoGAN's network learns most; a first look:

    python examples/conditional_celeba.py --data-dir FOLDER --preset celeba_conditional_infogan \
        --limit 16000 --base-dim 32 --gamma computed --learning-rate 2e-3 --epochs 10 \
        --second-stage-epochs 20 --second-stage-batch-size 256
"""

from keras_tsvae import experiments, plots

ASKED = {
    "eyeglasses": {"Eyeglasses": 1},
    "smiling women": {"Smiling": 1, "Male": -1},
    "men with black hair": {"Male": 1, "Black_Hair": 1},
}
CHANGES = {
    "smiling": {"Smiling": 1},
    "eyeglasses": {"Eyeglasses": 1},
    "blond": {"Blond_Hair": 1, "Black_Hair": -1, "Brown_Hair": -1, "Gray_Hair": -1},
    "old": {"Young": -1, "Gray_Hair": 1},
    "female": {"Male": -1, "Heavy_Makeup": 1, "Wearing_Lipstick": 1, "No_Beard": 1},
}
TRAVERSED = ("Smiling", "Eyeglasses", "Blond_Hair", "Male", "Young")


def figures(model, data):
    faces = data.test.images[:8]
    return {
        "conditioned": plots.conditioned(model, ASKED, n=16),
        "edits": plots.edits(model, faces, CHANGES),
        "traversals": plots.traversals(model, faces[0], TRAVERSED),
    }


def main():
    names = ("celeba_conditional", "celeba_conditional_infogan")
    experiments.run_script(__doc__, *names, figures=figures)


if __name__ == "__main__":
    main()
