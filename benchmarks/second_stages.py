"""Second stages on the latent vectors of one first stage: quality for seconds of training.

A first stage is trained once. On its posteriors every second stage is trained anew for each of
--budgets, in seconds by the clock, and each of --seeds: the paper's VAE, Gaussian mixtures, the
flow that starts as one, and "auto". Learning rates fall along a cosine of the time spent, in which
a first step that compiles does not count; a round of expectation maximisation that has begun is
finished. What is measured, and how, says `second_stage_judge.py`; beside it, the share of samples
that replay training images, draws per second and parameters. The first rows are what no second
stage can beat, z of training images' posteriors, and what all have to, N(0, I). With --pythae, that
library's samplers are trained on the same posteriors (`pythae_samplers.py`).

--data-dir holds mnist.npz, fashion_mnist's files, cifar10.npz or CelebA's folder; the digits come
with scikit-learn. Several processes can share the work by the files of --first-stage and --judge:

    python second_stages.py FILES --stages               # trains both, and nothing else
    python second_stages.py FILES --seeds 0 --output 0.json
    python second_stages.py --join 0.json 1.json 2.json --output all.json
"""

import argparse
import dataclasses
import pathlib
import time

import keras
import numpy as np
import rich
import second_stage_results as results
from second_stage_judge import Judge, print_diagnosis

import keras_tsvae as tsvae

FAST = {
    "gamma": "optimal",
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "batch_size": 128,
    "epochs": 1,
}
DATA = {
    "digits": ("digits", {"gamma": "optimal", "epochs": 60}),
    "mnist": ("mnist_infogan", FAST),
    "fashion_mnist": ("fashion_mnist_infogan", FAST),
    "cifar10": ("cifar10_infogan", {**FAST, "epochs": 2}),
    "celeba": ("celeba_infogan", {**FAST, "epochs": 4}),
}
HIGHEST_RATES = {"vae": 2e-3, "vae, width 512": 1e-3, "flow": 2e-3, "auto": 2e-3}
BATCH_SIZES = {"vae": 512, "vae, width 512": 128, "flow": 256, "auto": 256}
STAGES = {
    "vae": lambda d, seed: tsvae.SecondStageVAE(d, gamma="computed"),
    "vae, width 512": lambda d, seed: tsvae.SecondStageVAE(d, width=512, gamma="optimal"),
    "mixture, 10": lambda d, seed: tsvae.SecondStageMixture(d, 10, seed=seed),
    "mixture, 50": lambda d, seed: tsvae.SecondStageMixture(d, 50, seed=seed),
    "mixture": lambda d, seed: tsvae.SecondStageMixture(d, seed=seed),
    "flow": lambda d, seed: tsvae.SecondStageFlow(d, seed=seed),
    "auto": lambda d, seed: tsvae.SecondStageAuto(d, seed=seed),
}
STEPS_PER_RATE = 20


class Budget(keras.callbacks.Callback):
    """Ends a training after some seconds, and lowers its learning rate, if it has one, on the way.

    The first step of one, which compiles it, takes no time of the budget.
    """

    def __init__(self, seconds, highest_rate=None):
        super().__init__()
        self.seconds, self.highest_rate = seconds, highest_rate
        self.start, self.compiling = time.perf_counter(), 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self.step_start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if self.highest_rate is not None and not self.compiling:
            self.compiling = now - self.step_start
        done = min((now - self.start - self.compiling) / self.seconds, 1.0)
        self.model.stop_training = done == 1.0
        if self.highest_rate is not None and batch % STEPS_PER_RATE == 0:
            getattr(self.model, "jax_state_sync", bool)()  # or JAX goes on with the former rate
            rate = 0.5 * self.highest_rate * (1.0 + np.cos(np.pi * done))
            self.model.optimizer.learning_rate = rate

    def on_epoch_end(self, epoch, logs=None):
        self.on_train_batch_end(0)


def loaded_or_made(path, make):
    """Returns the model of a file, or makes and saves it; and the seconds that took."""
    if path is not None and path.exists():
        return keras.saving.load_model(path, compile=False), None
    keras.utils.set_random_seed(0)
    start = time.perf_counter()
    model = make()
    seconds = time.perf_counter() - start
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path)
    return model, seconds


def train_first_stage(name, data, epochs):
    """Returns a trained first stage; `epochs` in place of this script's own, unless None."""
    preset, changes = DATA[name]
    changes = changes if epochs is None else {**changes, "epochs": epochs}
    size = {"train_size": len(data.train.images), "image_shape": data.image_shape}
    model = tsvae.TwoStageVAE.from_preset(preset, **changes, **size)
    model.compile()
    model.fit(data.train.images, second_stage_epochs=0, verbose=2)
    return model.first_stage


def train_judge(data, epochs):
    """Returns a classifier of the training images."""
    wide = {"dimensions": 128} if data.train.labels.ndim == 2 else {}  # of attributes
    return tsvae.metrics.ClassifierFeatures.fit(
        data.train.images[:], data.train.labels, epochs, verbose=2, **wide
    )


def train(name, posteriors, seconds, seed):
    """Returns a second stage that is trained for some seconds, and how many it took."""
    keras.utils.set_random_seed(seed)
    second = STAGES[name](posteriors.latent_dim, seed)
    rate = HIGHEST_RATES.get(name)
    second.compile(None if rate is None else tsvae.optimizers.FusedAdam(rate))
    budget = Budget(seconds, rate)
    second.fit(
        posteriors,
        epochs=100_000,
        batch_size=BATCH_SIZES.get(name),
        verbose=0,
        callbacks=[budget],
    )
    return second, time.perf_counter() - budget.start - budget.compiling


def chosen(second):
    """Returns what a second stage has chosen by itself, and by which figures."""
    facts, choice = {}, getattr(second, "choice", None)
    mixture = second if choice is None else second.mixture
    if choice is not None:
        own = {"chosen": choice.chosen, "gain": choice.gain, "least_gain": choice.least_gain}
        facts["choice"] = {**own, **dataclasses.asdict(choice)}
    if isinstance(mixture, tsvae.SecondStageMixture):
        weights = keras.ops.convert_to_numpy(mixture.log_weights)
        facts["components"] = int((weights > -100.0).sum())
    return facts


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, path = parser.add_argument, pathlib.Path
    add("--data", choices=DATA, default="mnist")
    add("--data-dir")
    add("--image-size", type=int, default=32, help="of CelebA")
    add("--first-stage", type=path, help="file to load it from, or, where there is none, to save")
    add("--first-stage-epochs", type=int)
    add("--judge", type=path, help="file of the classifier, likewise")
    add("--judge-epochs", type=int)
    add("--stages", nargs="*", choices=STAGES, default=list(STAGES))
    add("--pythae", action="store_true", help="its samplers as well")
    add("--budgets", type=float, nargs="+", default=(20.0, 60.0, 300.0))
    add("--seeds", type=int, nargs="+", default=(0, 1, 2))
    add("--samples", type=int, default=10_000)
    add("--limit", type=int, help="use no more than so many images of each split")
    add("--output", type=path, help="JSON file for the figures; pictures and plots beside it")
    add("--join", type=path, nargs="+", help="such files, to be made one; nothing is trained")
    args = parser.parse_args()
    if args.join and not args.output:
        parser.error("--join needs --output")
    return args


def main():
    args = arguments()
    if args.join:
        results.join(args.join, args.output)
        return
    size = {"image_size": args.image_size} if args.data == "celeba" else {}
    data = tsvae.data.load(args.data, args.data_dir, limit=args.limit, **size)
    first, seconds = loaded_or_made(
        args.first_stage, lambda: train_first_stage(args.data, data, args.first_stage_epochs)
    )
    features, _ = loaded_or_made(args.judge, lambda: train_judge(data, args.judge_epochs))
    judge = Judge(first, data, features, args.samples)
    facts = {"data": args.data, "devices": keras.distribution.list_devices()}
    facts["first_stage_seconds"] = seconds
    trainings = dict.fromkeys(args.stages, train)
    if args.pythae:
        import pythae_samplers

        trainings |= dict.fromkeys(pythae_samplers.SAMPLERS, pythae_samplers.train)
    points = judge.baselines()
    for seed in args.seeds:
        for budget in sorted(args.budgets):
            for name, trained in trainings.items():
                second, taken = trained(name, judge.train, budget, seed)
                about = {"name": name, "budget": budget, "seed": seed, "seconds": taken}
                points.append({**about, **judge(name, second), **chosen(second)})
                rich.print(points[-1])
                if args.output:
                    results.save(args.output, facts, points, judge)
    print_diagnosis(judge.diagnosis())
    results.show(points)
    if args.output:
        results.draw(points, judge.pictures, args.output)


if __name__ == "__main__":
    main()
