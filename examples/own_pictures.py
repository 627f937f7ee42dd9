"""Trains a Two-Stage VAE on a folder of your own pictures, of any sizes and formats.

    python examples/own_pictures.py FOLDER --output runs/mine --budget 30m

Subfolders are classes, which the model then draws one by one; an attributes.csv in FOLDER, with a
row of 1 and 0 for each picture, are attributes. What is not said here is chosen from the pictures,
the epochs so that the training takes the minutes of --budget. Started again, it goes on.
"""

import argparse

from keras_tsvae import experiments


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="folder of pictures")
    parser.add_argument("--output", default="runs/own_pictures", help="folder for all results")
    parser.add_argument("--budget", default="10m", help="such as 10m, 2h or '30 epochs'")
    args = parser.parse_args()
    run = experiments.RunFolder(args.output)
    if run.is_run:
        experiment = run.experiment
    else:
        experiment = experiments.choose(args.folder, budget=args.budget)
    experiments.train(experiment, run.path)
    features = "judge" if run.config["data"]["labels"] else "inception"
    print(experiments.evaluate(run.path, features))


if __name__ == "__main__":
    main()
