"""Samples, encodes, edits and evaluates in a loop: memory stays flat, and nothing is traced anew.

From the model in Python and from a SavedModel, which TensorFlow has written and runs. After a
warm-up of a fifth of the time, memory of the process (without pages of files) is measured every
second; its slope is that of the least squares line. Compilations are counted as the backends count
them.

    KERAS_BACKEND=jax python soak.py --minutes 30 --output results/soak_jax.json
"""

import argparse
import collections
import gc
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import keras
import numpy as np
import record

import keras_tsvae as tsvae

WARM_UP = 0.2  # of the time
PIPELINES = ("Dataset_",)  # functions of data sets, as TensorFlow names them
SIZES = (1, 7, 64, 100)  # of batches, as users ask for them


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for the figures")
    parser.add_argument("--export", type=pathlib.Path, help="only write the SavedModel, here")
    args = parser.parse_args()
    if args.export:
        trained().export(args.export)
        return
    with tempfile.TemporaryDirectory() as folder:
        work = steps(pathlib.Path(folder))
        counter = Compilations()
        figures = soak(work, counter, 60 * args.minutes)
    print(figures["summary"])
    if args.output:
        backend = keras.backend.backend()
        record.save(args.output, [keras, np], backend=backend, minutes=args.minutes, **figures)


def trained():
    """Returns a model of digits after one epoch of each stage."""
    first = tsvae.TwoStageVAE.from_preset("digits").first_stage
    second = tsvae.SecondStageVAE(first.latent_dim, width=64, depth=2, condition_dim=10)
    model = tsvae.ConditionalTwoStageVAE(first, second, tsvae.conditions.Classes(10))
    model.compile()
    model.fit(digits(), batch_size=64, epochs=1, second_stage_epochs=1, verbose=0)
    return model


def steps(folder):
    """Returns functions without arguments, each of which is one use of a model."""
    images, labels = digits()
    model = trained()
    judge = tsvae.metrics.ClassifierFeatures.fit(images, labels, epochs=1)
    rng = np.random.default_rng(0)

    def some():
        n = int(rng.choice(SIZES))
        start = int(rng.integers(len(images) - n))
        return images[start : start + n], labels[start : start + n]

    def sample():
        model.sample(int(rng.choice(SIZES)), seed=int(rng.integers(1000)), condition=3)
        model.sample(int(rng.choice(SIZES)), stage=1)

    def encode():
        model.encode(some())
        model.reconstruct(some()[0])

    def edit():
        x, y = some()
        model.edit(x, int(rng.integers(10)), condition=y)
        model.edit(x[:7], int(rng.integers(10)))

    def evaluate():
        model.evaluate((images[:192], labels[:192]), batch_size=64, verbose=0)
        model.evaluate_generation(
            tsvae.data.Split(images[:100], labels[:100]), judge, num_samples=100, verbose=0
        )

    saved = from_saved_model(folder / "exported", some, rng)
    return [sample, encode, edit, evaluate, saved]


def digits():
    split = tsvae.data.load("digits").train
    return split.images, split.labels


def from_saved_model(folder, some, rng):
    import tensorflow as tf

    command = [sys.executable, __file__, "--export", str(folder)]
    subprocess.run(command, env={**os.environ, "KERAS_BACKEND": "tensorflow"}, check=True)
    loaded = tf.saved_model.load(str(folder))

    def use():
        # As tensors: TensorFlow traces a loaded function anew for every number of Python's.
        loaded.sample(
            tf.constant(int(rng.choice(SIZES))), seed=tf.constant(int(rng.integers(1000)))
        )
        images, labels = some()
        loaded.encode(images, np.eye(10, dtype="float32")[labels])

    return use


class Compilations:
    """Counts what TensorFlow traces and JAX compiles from now on."""

    def __init__(self):
        self.names = collections.Counter()
        if keras.backend.backend() == "jax":
            import jax

            jax.monitoring.register_event_duration_secs_listener(self._event)
        from tensorflow.python.eager.polymorphic_function import tracing_compilation

        trace = tracing_compilation._create_concrete_function

        def counting(function_type, type_context, graph, options):
            self.names[options.name] += 1
            return trace(function_type, type_context, graph, options)

        tracing_compilation._create_concrete_function = counting

    def _event(self, name, seconds, **kwargs):
        self.names[name] += name.endswith("backend_compile_duration")


def soak(work, counter, seconds):
    """Returns rounds, memory over time and its slope, and compilations after the warm-up."""
    start = time.perf_counter()
    times, mib, compiled, rounds = [], [], None, 0
    while (now := time.perf_counter() - start) < seconds:
        for use in work:
            use()
        rounds += 1
        if now < WARM_UP * seconds:
            continue
        compiled = collections.Counter(counter.names) if compiled is None else compiled
        if not times or now - times[-1] >= 1:
            gc.collect()
            times.append(now)
            mib.append(own_memory())
    slope = float(np.polyfit(times, mib, 1)[0]) * 3600
    late = dict(counter.names - compiled)
    # Whoever reads a data set in a new pipeline, as Keras does, has small functions of it traced.
    anew = sum(n for name, n in late.items() if not name.startswith(PIPELINES))
    summary = f"{rounds} rounds, {slope:+.1f} MiB an hour from {mib[0]:.0f} MiB on, "
    summary += f"{anew} compilations after the warm-up"
    return {
        "summary": summary,
        "rounds": rounds,
        "mib_an_hour": round(slope, 2),
        "compilations_before": compiled.total(),
        "compilations_after": late,
        "seconds": [round(each, 1) for each in times],
        "mib": [round(each, 1) for each in mib],
    }


def own_memory():
    """Returns MiB of this process's memory, without pages of files."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024


if __name__ == "__main__":
    main()
