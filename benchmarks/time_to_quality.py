"""Time to quality on MNIST: seconds of training until stage-2 samples have a given FID.

The official settings and ours train the network of the preset `mnist_infogan`, in one process and
on the same threads, and one judge measures both: the Fréchet distance between 10,000 samples and
the test images, in the features of a classifier that is trained here on the training images. Only
training and encoding count, by the clock and in seconds of the processors, which other work on the
machine disturbs less; drawing and measuring samples does not. Ours trains each kind of second stage
on its one first stage, whose seconds count for each of them.

Official are Adam 1e-4, batches of 64 and a learned gamma. One first stage is trained on and on; at
each of --official-epochs a new second stage is trained on its posteriors, for up to twice as many
epochs, as published, and measured on the way. Ours is trained anew for each of --rounds, with other
random numbers. --data-dir holds mnist.npz.
"""

import argparse
import contextlib
import itertools
import pathlib
import statistics
import time

import keras
import record
import rich
import rich.table
import tensorflow as tf

import keras_tsvae as tsvae

NAME = "mnist_infogan"
OURS = {
    "gamma": "optimal",
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "batch_size": 128,
    "epochs": 1,
}
SECOND_STAGES = {
    "vae": {
        "second_stage_gamma": "computed",
        "second_stage_batch_size": 512,
        "second_stage_epochs": 9,
    },
    "mixture": {"second_stage_epochs": 10},
    "flow": {"second_stage_batch_size": 256, "second_stage_epochs": 10},
}
OFFICIAL_PARTS = 4  # figures on the way through a second stage


class Clock:
    """Adds up the seconds that pass inside `with clock:`, by the clock and of the processors."""

    def __init__(self, seconds=0.0, processor_seconds=0.0):
        self.seconds, self.processor_seconds = seconds, processor_seconds

    @contextlib.contextmanager
    def __call__(self):
        start = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - start[0]
        self.processor_seconds += time.process_time() - start[1]

    def copy(self):
        return Clock(self.seconds, self.processor_seconds)


class Judge:
    """Measures models against the test images."""

    def __init__(self, data):
        self.test = data.test.images
        self.features = tsvae.metrics.ClassifierFeatures.fit(
            data.train.images, data.train.labels, verbose=2
        )
        self.reference = tsvae.metrics.ReferenceStatistics.from_images(self.test, self.features)
        self.train_fid = self(data.train.images[:10_000])

    def __call__(self, images_or_model, **kwargs):
        distance = tsvae.metrics.frechet_inception_distance
        return float(distance(images_or_model, self.reference, **kwargs))

    def of_first_stage(self, model):
        return {
            "reconstruction": self(model.reconstruct(self.test)),
            "stage1": self(model, stage=1),
        }


def ours(images, judge, seed, policy):
    """Trains our recipe; yields the figures of every second stage, all of one first stage."""
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(policy)
    model = tsvae.TwoStageVAE.from_preset(NAME, **OURS)
    model.compile()
    first, clock = model.first_stage, Clock()
    with clock():
        first.fit(images, batch_size=OURS["batch_size"], epochs=OURS["epochs"], verbose=2)
        posteriors = first.posteriors(images)
    of_first_stage = judge.of_first_stage(model)
    for kind, changes in SECOND_STAGES.items():
        keras.config.set_dtype_policy(policy)
        changes = {**OURS, "second_stage": kind, **changes}
        preset = tsvae.presets.get(NAME, **changes)
        second = tsvae.TwoStageVAE.from_preset(NAME, **changes).second_stage
        second.compile(tsvae.presets.optimizers(preset)[1])
        branch, epochs = clock.copy(), preset.second_stage_epochs
        with branch():
            size = preset.second_stage_batch_size
            second.fit(posteriors, batch_size=size, epochs=epochs, verbose=2)
        fid = judge(tsvae.TwoStageVAE(first, second))
        name = f"ours, {kind}, {policy}"
        yield point(name, (OURS["epochs"], epochs), branch, fid, of_first_stage)


def official(images, judge, all_epochs):
    """Trains the official settings; yields figures, those of one first stage in order of time."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")
    model = tsvae.TwoStageVAE.from_preset(NAME)
    model.compile()
    first, clock, done = model.first_stage, Clock(), 0
    for epochs in all_epochs:
        with clock():
            first.fit(images, batch_size=64, initial_epoch=done, epochs=epochs, verbose=2)
        done, branch = epochs, clock.copy()
        with branch():
            posteriors = first.posteriors(images)
        keras.config.set_dtype_policy("float32")  # ours may have changed it meanwhile
        second = tsvae.SecondStageVAE(model.latent_dim)
        second.compile(tsvae.presets.optimizers(model.preset)[1])
        whole = tsvae.TwoStageVAE(first, second)
        of_first_stage = judge.of_first_stage(whole)
        steps = [2 * epochs * part // OFFICIAL_PARTS for part in range(OFFICIAL_PARTS + 1)]
        for before, after in zip(steps, steps[1:]):
            with branch():
                second.fit(posteriors, batch_size=64, initial_epoch=before, epochs=after, verbose=0)
            yield point("official", (epochs, after), branch, judge(whole), of_first_stage)


def point(name, epochs, clock, fid, of_first_stage):
    """Returns figures as a dict, and prints them."""
    result = {
        "settings": name,
        "epochs": epochs[0],
        "second_stage_epochs": epochs[1],
        "seconds": clock.seconds,
        "processor_seconds": clock.processor_seconds,
        "stage2": fid,
        **of_first_stage,
    }
    rich.print(result)
    return result


def show(points):
    """Prints all points, and how many times as long the official settings take."""
    table = rich.table.Table("", "epochs", "seconds", "processor", "reconstruction", "stage 1", "2")
    for p in points:
        epochs = f"{p['epochs']} + {p['second_stage_epochs']}"
        seconds = (f"{p['seconds']:.0f}", f"{p['processor_seconds']:.0f}")
        fids = (f"{p[key]:.1f}" for key in ("reconstruction", "stage1", "stage2"))
        table.add_row(p["settings"], epochs, *seconds, *fids)
    rich.print(table)
    for name in dict.fromkeys(p["settings"] for p in points):
        if name != "official":
            compare_with_official(name, points)


def compare_with_official(name, points):
    """Prints when the official settings were first as good as the median of our rounds."""
    rounds = [p for p in points if p["settings"] == name]
    fid = statistics.median(p["stage2"] for p in rounds)
    theirs = [p for p in points if p["settings"] == "official"]
    as_good = [p for p in theirs if p["stage2"] <= fid]
    for key in ("seconds", "processor_seconds"):
        time_taken = statistics.median(p[key] for p in rounds)
        if as_good:
            times = f"{min(p[key] for p in as_good) / time_taken:.1f}"
        else:
            times = f"more than {max(p[key] for p in theirs) / time_taken:.1f}"
        print(f"{name}: FID {fid:.1f} in {time_taken:.0f} {key}, {times} times faster")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--official-epochs", type=int, nargs="+", default=(6, 8, 11, 14))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--policies", nargs="+", default=("mixed_bfloat16",))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for the figures")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    keras.utils.set_random_seed(0)
    data = tsvae.data.load("mnist", args.data_dir, validation_size=0)
    images, judge = data.train.images, Judge(data)
    theirs = official(images, judge, args.official_epochs)
    points = []
    for seed in range(max(args.rounds, len(args.official_epochs))):
        if seed < args.rounds:
            for policy in args.policies:
                points += ours(images, judge, seed, policy)
        points += list(itertools.islice(theirs, OFFICIAL_PARTS))  # one first stage
        if args.output:
            recipe = {**OURS, "second_stages": SECOND_STAGES}
            facts = {"threads": args.threads, "ours": recipe, "train_fid": judge.train_fid}
            record.save(args.output, [keras, tf], **facts, points=points)
    show(points)


if __name__ == "__main__":
    main()
