"""Trains a preset on a GPU for a given time and measures it (see `gpu.py train`).

First the judge, `ClassifierFeatures` of the real images and their labels; then both stages, each
for its share of the time that is left, with a learning rate that falls along half a cosine of that
time; then Fréchet distances and so on of reconstructions, stage 1, stage 2 and a mixture of ten
Gaussians, in float32 whatever the dtype policy of the training. An epoch's steps are one program
on the device, of the stages' own `train_step`.

Beside the JSON file lie `judge.keras`, the weights as float16 (`stage1_0.npz`, `stage2_0.npz`, none
larger than 15 MiB; `load_weights` reads them) and pictures. Weights are written once a minute, too.
"""

import dataclasses
import io
import math
import time

import jax
import keras
import numpy as np
from gpu_loop import put_back, scanned, state_of
from PIL import Image

import keras_tsvae as tsvae
from keras_tsvae.arrays.grids import image_grid

MEASURING = 75  # seconds kept for what comes after the training
JUDGE_EPOCHS = 10
LARGEST_FILE = 15 * 2**20  # bytes
SIDE = 10  # images of a picture


def load(path, limit):
    """Returns the images and labels of both splits from an .npz as Keras has it, or of JPEGs."""
    file = np.load(path)
    if "x_train" in file:
        parts = [file[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    else:
        parts = []
        for split in ("train", "test"):
            blob, offsets = file[f"{split}_jpeg"], file[f"{split}_offsets"]
            pieces = [blob[a:b].tobytes() for a, b in zip(offsets, offsets[1:])][:limit]
            parts.append(np.stack([np.asarray(Image.open(io.BytesIO(piece))) for piece in pieces]))
            parts.append(file[f"{split}_labels"])
    images = [x if x.ndim == 4 else x[..., None] for x in parts[0::2]]
    labels = [y.reshape(-1).astype("int32") for y in parts[1::2]]
    return [part[:limit] for pair in zip(images, labels) for part in pair]


def save_weights(stage, folder, name):
    """Writes a stage's weights in files of at most `LARGEST_FILE`, matrices as float16."""
    files, size = [{}], 0
    for index, weight in enumerate(stage.weights):
        value = keras.ops.convert_to_numpy(weight)
        value = value.astype("float16") if value.ndim > 1 else value
        if files[-1] and size + value.nbytes > LARGEST_FILE:
            files.append({})
            size = 0
        files[-1][str(index)] = value
        size += value.nbytes
    for number, arrays in enumerate(files):
        np.savez(folder / f"{name}_{number}.npz", **arrays)


def load_weights(stage, folder, name):
    """Reads what `save_weights` wrote for a stage of the same architecture."""
    for path in sorted(folder.glob(f"{name}_*.npz")):
        for index, value in np.load(path).items():
            stage.weights[int(index)].assign(value)


@dataclasses.dataclass
class Training:
    """One stage's training within its time."""

    stage: keras.Model
    batch_size: int
    learning_rate: float
    seconds: float

    def run(self, arrays, on_minute):
        """Trains; returns the logs of each epoch. Calls `on_minute` with them once a minute."""
        start = saved = time.monotonic()
        arrays = jax.device_put(tuple(np.asarray(array) for array in arrays))
        self.stage.optimizer.learning_rate = self.learning_rate  # a variable, no schedule
        names = [variable.name for variable in self.stage.optimizer.variables]
        steps, state = scanned(self.stage), state_of(self.stage)
        n, logs, elapsed, epoch = len(arrays[0]), [], 0.0, 0.0
        rng = np.random.default_rng(0)
        while not logs or elapsed + epoch / 2 < self.seconds:
            rate = self.learning_rate * (1 + math.cos(math.pi * elapsed / self.seconds)) / 2
            state[2][names.index("learning_rate")] = np.float32(rate)
            state[3][:] = [np.zeros_like(total) for total in state[3]]
            rows = rng.permutation(n)[: n - n % self.batch_size].reshape(-1, self.batch_size)
            state, last = steps(state, arrays, rows.astype("int32"))
            logs.append({name: float(value) for name, value in last.items()})
            before, elapsed = elapsed, time.monotonic() - start
            epoch = elapsed - before
            logs[-1] |= {"seconds": elapsed, "learning_rate": rate}
            if not math.isfinite(logs[-1]["loss"]):
                break
            if time.monotonic() > saved + 60:
                put_back(self.stage, state)
                state = state_of(self.stage)
                on_minute(logs)
                saved = time.monotonic()
        put_back(self.stage, state)
        return logs


def picture(images, path):
    """Writes images as a grid."""
    grid = image_grid(images[: SIDE * SIDE], SIDE)
    Image.fromarray(np.round(255 * np.clip(grid, 0, 1)).astype("uint8")).save(path)


def make_judge(train, test, epochs, folder):
    """Returns a trained judge, and how often it is right about test images."""
    judge = tsvae.metrics.ClassifierFeatures.fit(*train, epochs=epochs)
    judge.save(folder / "judge.keras")
    features = judge.predict(test[0], batch_size=1000, verbose=0)
    return judge, float(np.mean(judge.class_logits(features).argmax(1) == test[1]))


def make_model(args, policy):
    """Returns the preset's model under a dtype policy."""
    keras.config.set_dtype_policy(policy)
    changes = {"gamma": args.gamma, "second_stage_gamma": "learned", "schedule": "constant"}
    model = tsvae.TwoStageVAE.from_preset(args.preset, **changes)
    keras.config.set_dtype_policy("float32")
    return model


def run(args, results, console):
    """Trains and measures."""
    start, folder = time.monotonic(), args.output.parent

    def report(**figures):
        console.print({"at": round(time.monotonic() - start), **figures})
        results.update("train", **figures)

    keras.utils.set_random_seed(0)
    x, y, x_test, y_test = load(args.data, 128 if args.tiny else None)
    arguments = {key: str(value) for key, value in vars(args).items()}
    report(arguments=arguments, device=jax.devices()[0].device_kind, jax=jax.__version__)
    epochs = 1 if args.tiny else JUDGE_EPOCHS
    judge, accuracy = make_judge((x, y), (x_test, y_test), epochs, folder)
    report(judge_epochs=epochs, judge_accuracy=accuracy, images=len(x))

    trained = make_model(args, args.dtype_policy)
    trained.compile()
    trained.build_optimizers()
    model = make_model(args, "float32")  # has the same weights, and is what is measured
    left = max(start + args.train - (0 if args.tiny else MEASURING) - time.monotonic(), 0)
    for name, share, size in (
        ("stage1", args.share, args.batch_size),
        ("stage2", 1 - args.share, args.second_stage_batch_size),
    ):
        arrays = (x,) if name == "stage1" else model.posteriors(x, batch_size=1000).arrays
        stage = trained.stages()[name]

        def keep(logs):
            save_weights(stage, folder, name)
            columns = {key: [log[key] for log in logs] for key in logs[0]}
            results.update("train", **{name: columns})

        logs = Training(stage, size, args.learning_rate, share * left).run(arrays, keep)
        keep(logs)
        for weight, value in zip(model.stages()[name].weights, stage.weights):
            weight.assign(value)
        report(**{f"{name}_epochs": len(logs), f"{name}_last": logs[-1]})
        samples = model.sample(SIDE * SIDE, stage=int(name[-1]), seed=0, batch_size=SIDE * SIDE)
        picture(samples, folder / f"{name}.png")
        if name == "stage1":
            pairs = np.stack([x_test[:50] / 255, model.reconstruct(x_test[:50])], 1)
            picture(pairs.reshape(-1, *x.shape[1:]), folder / "reconstructions.png")
    try:
        model.fit_mixture(model.posteriors(x, batch_size=1000), seed=0)
    except ImportError as error:  # scikit-learn is missing
        report(mixture=str(error))
    count = 100 if args.tiny else 10_000
    measured = model.evaluate_generation(
        x_test, features=judge, num_samples=count, train=x, batch_size=1000, verbose=0
    )
    console.print(measured)
    report(generation=measured.to_dict(), seconds=time.monotonic() - start)
