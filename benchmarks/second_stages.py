"""Second stages on the latent vectors of one first stage: quality for seconds of training.

A first stage is trained once. On its posteriors every second stage is trained anew for each of
--budgets, in seconds by the clock, and each of --seeds: the paper's VAE, Gaussian mixtures, the
flow that starts as one, and "auto". Learning rates fall along a cosine of the time spent; a round
of expectation maximisation that has begun is finished. Measured are FID, KID, precision and recall
of samples in the features of a classifier of the training images, the log density of the test
images' posteriors, the share of samples that replay training images, draws per second, and
parameters. The first rows are what no second stage can beat, z of training images' posteriors, and
what all have to, N(0, I).

--data-dir holds mnist.npz, fashion_mnist's files, cifar10.npz or CelebA's folder; the digits come
with scikit-learn.
"""

import argparse
import pathlib
import statistics
import time

import keras
import numpy as np
import record
import rich
import rich.table

import keras_tsvae as tsvae
from keras_tsvae import metrics, plots
from keras_tsvae.evaluation.generation import measure_all

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
    "celeba": ("celeba_infogan", {**FAST, "epochs": 4, "image_shape": (32, 32, 3)}),
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
FIGURES = (
    "fid",
    "kid",
    "precision",
    "recall",
    "nats",
    "replay",
    "draws_per_second",
    "parameters",
)
MOST_IMAGES = 60_000
SHOWN = 32


class Budget(keras.callbacks.Callback):
    """Ends a training after some seconds, and lowers its learning rate on the way."""

    def __init__(self, seconds, highest_rate=None):
        super().__init__()
        self.seconds, self.highest_rate = seconds, highest_rate
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        done = min((time.perf_counter() - self.start) / self.seconds, 1.0)
        if self.highest_rate is not None:
            rate = 0.5 * self.highest_rate * (1.0 + np.cos(np.pi * done))
            self.model.optimizer.learning_rate = rate
        self.model.stop_training = done == 1.0

    def on_epoch_end(self, epoch, logs=None):
        self.on_train_batch_end(None)


class Judge:
    """Measures second stages on the latent vectors of one first stage."""

    def __init__(self, model, data, samples):
        self.model, self.samples, self.pictures = model, samples, {}
        keep = slice(0, MOST_IMAGES)
        images, labels = data.train.images[keep], data.train.labels[keep]
        self.train, self.test = model.posteriors(images), model.posteriors(data.test.images)
        judge = metrics.ClassifierFeatures.fit(images, labels, verbose=2)
        self.fid = metrics.FrechetInceptionDistance(data.test.images, judge)
        real = np.concatenate(
            [self.fid.features_of(images[i : i + 1000]) for i in range(0, len(images), 1000)]
        )
        self.replay = metrics.Replay(real, self.fid.reference.sample.features)

    def of_images(self, images):
        """Returns the figures of images, as floats."""
        self.fid.reset()
        scores = measure_all(self.fid, [self.fid.features_of(images)], None, self.replay)
        return {name: float(score) for name, score in scores.items()}

    def __call__(self, name, second):
        """Returns the figures of a fitted second stage; keeps some of its images."""
        z, start = second.sample(self.samples, seed=1), time.perf_counter()
        second.sample(self.samples, seed=1)  # again: compiled
        draws = self.samples / (time.perf_counter() - start)
        nats = metrics.held_out_log_prob(second, self.test, self.train)
        images = self.model.decode(z)
        self.pictures[name] = images[:SHOWN]
        return {
            **self.of_images(images),
            "nats": nats.get("log_prob", nats.get("log_prob_bound")),
            "draws_per_second": draws,
            "parameters": second.count_params(),
        }

    def baselines(self):
        """Returns figures of the rows that no second stage makes."""
        rng, d = np.random.default_rng(0), self.model.latent_dim
        rows = rng.permutation(len(self.train))[: self.samples]
        noise = rng.normal(size=(2, self.samples, d)).astype("float32")
        self.pictures["stage 1"] = self.model.decode(noise[1][:SHOWN])
        best = self.train.mean[rows] + self.train.std[rows] * noise[0][: len(rows)]
        nats = metrics.held_out_log_prob(tsvae.SecondStageMixture(d, 1), self.test, self.train)
        return [
            {"name": "z of training images", **self.of_images(self.model.decode(best))},
            {
                "name": "N(0, I), stage 1",
                **self.of_images(self.model.decode(noise[1])),
                "nats": nats["log_prob_normal"],
            },
            {"name": "one Gaussian", "nats": nats["log_prob_gaussian"]},
        ]


def train_first_stage(name, data):
    """Returns a model whose first stage is trained, and the seconds that took."""
    preset, changes = DATA[name]
    keras.utils.set_random_seed(0)
    size = {"train_size": len(data.train.images)}
    model = tsvae.TwoStageVAE.from_preset(preset, **changes, **size)
    model.compile()
    start = time.perf_counter()
    model.fit(data.train.images, second_stage_epochs=0, verbose=2)
    return model, time.perf_counter() - start


def train(name, latent_dim, posteriors, seconds, seed):
    """Returns a second stage that is trained for some seconds, and how many it took."""
    keras.utils.set_random_seed(seed)
    second = STAGES[name](latent_dim, seed)
    rate = HIGHEST_RATES.get(name)
    second.compile(None if rate is None else tsvae.optimizers.FusedAdam(rate))
    start = time.perf_counter()
    second.fit(
        posteriors,
        epochs=100_000,
        batch_size=BATCH_SIZES.get(name),
        verbose=0,
        callbacks=[Budget(seconds, rate)],
    )
    return second, time.perf_counter() - start


def show(points):
    """Prints medians over seeds."""
    table = rich.table.Table("", "seconds", "seeds", *FIGURES)
    groups = {}
    for point in points:
        groups.setdefault((point["name"], point.get("budget")), []).append(point)
    for (name, _), group in groups.items():
        cells = []
        for figure in ("seconds", *FIGURES):
            values = [point[figure] for point in group if point.get(figure) is not None]
            cells.append(f"{statistics.median(values):.4g}" if values else "")
        table.add_row(name, cells[0], str(len(group)), *cells[1:])
    rich.print(table)


def draw(points, path):
    """Plots FID and nats over seconds of training."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, key, label in zip(axes, ("fid", "nats"), ("FID", "held-out log p(z), nats")):
        for name in STAGES:
            mine = [point for point in points if point["name"] == name]
            budgets = sorted({point["budget"] for point in mine})
            of = [[p for p in mine if p["budget"] == budget] for budget in budgets]
            seconds = [statistics.median(p["seconds"] for p in group) for group in of]
            axis.plot(seconds, [statistics.median(p[key] for p in g) for g in of], "o-", label=name)
        axis.set(xlabel="seconds of training", ylabel=label, xscale="log")
    axes[0].set_yscale("log")
    axes[1].legend(fontsize="small")
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", choices=DATA, default="mnist")
    add("--data-dir")
    add("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    add("--budgets", type=float, nargs="+", default=(20.0, 60.0, 300.0))
    add("--seeds", type=int, default=3)
    add("--samples", type=int, default=10_000)
    add("--limit", type=int, help="use no more than so many images of each split")
    add(
        "--output",
        type=pathlib.Path,
        help="JSON file for the figures; a plot and samples beside it",
    )
    args = parser.parse_args()
    data = tsvae.data.load(args.data, args.data_dir, limit=args.limit)
    model, seconds = train_first_stage(args.data, data)
    judge = Judge(model, data, args.samples)
    points = judge.baselines()
    for seed in range(args.seeds):
        for budget in args.budgets:
            for name in args.stages:
                second, taken = train(name, model.latent_dim, judge.train, budget, seed)
                facts = {"name": name, "budget": budget, "seed": seed, "seconds": taken}
                points.append({**facts, **judge(name, second)})
                rich.print(points[-1])
        if args.output:
            facts = {"data": args.data, "first_stage_seconds": seconds}
            record.save(args.output, [keras, tsvae], **facts, points=points)
            draw(points[3:], args.output.with_suffix(".png"))
            pictures = plots.side_by_side(judge.pictures)
            pictures.savefig(args.output.with_name(args.output.stem + "_samples.png"), dpi=100)
    show(points)


if __name__ == "__main__":
    main()
