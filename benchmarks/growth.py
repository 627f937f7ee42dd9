"""How time and memory grow with the images' size and number, with posteriors and samples.

Each point is a process of its own: seconds of the work alone, without imports and compilation, and
the most memory of its own that the process had at any time. Pages of the posteriors' file, which
the system keeps as long as nobody else needs the room, are not counted. Writes a plot beside the
JSON. Needs `pip install -e ".[examples]"`.
"""

import statistics

import compare
import fresh
import matplotlib
import matplotlib.figure
import record

START = (
    fresh.WATCH
    + """
import time
import numpy as np
import keras_tsvae as tsvae
"""
)
REPORT = """
print(seconds, own_peak() / 2**20)
"""
IMAGES = """
shape, scales = (AMOUNT, AMOUNT, 3), {32: 3, 64: 4, 128: 5}[AMOUNT]
images = np.random.default_rng(0).integers(0, 256, (160, *shape), dtype="uint8")
stage = tsvae.FirstStageVAE(
    tsvae.networks.ResNetEncoder(shape, 64, num_scale=scales),
    tsvae.networks.ResNetDecoder(shape, 64),
)
stage.compile()
stage.fit(images[:32], batch_size=16, verbose=0)
start = time.perf_counter()
stage.fit(images, batch_size=16, verbose=0)
seconds = time.perf_counter() - start
"""
STREAMED = """
import keras
class Images(keras.utils.PyDataset):
    batches = AMOUNT // 100
    def __len__(self):
        return self.batches
    def __getitem__(self, index):
        return np.random.default_rng(index).integers(0, 256, (100, 16, 16, 3), dtype="uint8")
small = {"image_shape": (16, 16, 3), "base_dim": 8, "fc_dim": 64, "second_stage_width": 64}
model = tsvae.TwoStageVAE.from_preset("cifar10_infogan", **small)
model.compile()
first, images = Images(), Images()
first.batches = 2
model.fit(first, batch_size=100, second_stage_epochs=1, verbose=0)
start = time.perf_counter()
arguments = {"batch_size": 100, "posteriors_memory_limit": 2**20, "verbose": 0}
model.fit(images, second_stage_epochs=1, **arguments)
seconds = time.perf_counter() - start
"""
POSTERIORS = """
rng = np.random.default_rng(0)
batches = ([rng.normal(size=(1000, 64)).astype("float32") ** 2] * 2 for _ in range(AMOUNT // 1000))
posteriors = tsvae.Posteriors.from_batches(batches, memory_limit=2**20)
stage = tsvae.SecondStageVAE(64, width=256)
stage.compile()
stage.fit(posteriors, batch_size=1000, steps_per_epoch=2, verbose=0)
start = time.perf_counter()
stage.fit(posteriors, batch_size=1000, verbose=0)
seconds = time.perf_counter() - start
"""
SAMPLES = """
model = tsvae.TwoStageVAE.from_preset("mnist_infogan", base_dim=8, second_stage_width=256)
model.build((None, 28, 28, 1))
model.sample(1000, seed=0)
start = time.perf_counter()
count = sum(len(images) for images in model.sample_batches(AMOUNT, seed=0, batch_size=1000))
seconds = time.perf_counter() - start
assert count == AMOUNT
"""
WORK = {
    "first stage, 160 images of a size": (IMAGES, (32, 64, 128)),
    "both stages, an epoch of small images": (STREAMED, (1_000, 10_000, 100_000)),
    "second stage, an epoch of posteriors": (POSTERIORS, (10_000, 100_000, 1_000_000)),
    "samples": (SAMPLES, (1_000, 10_000, 100_000, 1_000_000)),
}


def main():
    args = compare.parser(__doc__).parse_args()
    points = {name: {} for name in WORK}
    for _ in range(args.rounds):
        for name, (program, amounts) in WORK.items():
            for amount in amounts:
                code = START + program.replace("AMOUNT", str(amount)) + REPORT
                seconds, mebibytes = fresh.numbers(code)
                points[name].setdefault(amount, []).append((seconds, mebibytes))
                print(f"{name}, {amount:,}: {seconds:.3g} s, {mebibytes:.0f} MiB", flush=True)
    if args.output:
        record.save(args.output, [matplotlib], seconds_and_mebibytes=points)
        plot(points).savefig(args.output.with_suffix(".png"))


def plot(points):
    """Returns a figure of seconds and memory, medians of all rounds, against amounts."""
    figure = matplotlib.figure.Figure(figsize=(16, 5), layout="constrained")
    for column, (axes, (name, amounts)) in enumerate(
        zip(figure.subplots(2, len(points), sharex="col").T, points.items())
    ):
        medians = [
            [statistics.median(rounds) for rounds in zip(*points_of)]
            for points_of in amounts.values()
        ]
        for axis, values, label in zip(axes, zip(*medians), ("seconds", "MiB")):
            axis.plot(list(amounts), values, "o-")
            axis.set_xscale("log")
            axis.minorticks_off()
            axis.set_xticks(list(amounts), [f"{amount:,}" for amount in amounts])
            axis.set_ylabel(label if column == 0 else None)
        axes[0].set_yscale("log")
        axes[0].set_title(name)
        axes[1].set_ylim(0, 1.1 * max(memory for _, memory in medians))
        axes[1].set_xlabel("pixels a side" if column == 0 else "number")
    return figure


if __name__ == "__main__":
    main()
