"""One library's process of `gpu.py throughput`: prepares its ways to do things, times them.

Settings come as a JSON line on stdin; every line on stdout is JSON. First one for each way that is
compiled and warm, and one that says "ready"; then, for each line on stdin, the index of a way, one
with the examples that a block of it took and its seconds.
"""

import importlib
import json
import sys
import time

import numpy as np

LATENT_DIM = 64


def say(**facts):
    print(json.dumps(facts), file=answers, flush=True)


def error_of(product):
    """Returns the relative error of a float32 matrix product: near 3e-4 with TF32, 1e-7 without."""
    a, b = np.random.default_rng(0).normal(size=(2, 512, 512)).astype("float32")
    exact = a.astype("float64") @ b.astype("float64")
    return float(np.linalg.norm(product(a, b) - exact) / np.linalg.norm(exact))


def seconds_of(function, steps):
    start = time.perf_counter()
    examples = function(steps)
    return examples, time.perf_counter() - start


def prepare(function, chunk, block_seconds):
    """Compiles and warms a way up; returns the steps of a block, a multiple of `chunk`."""
    seconds_of(function, chunk)
    _, seconds = seconds_of(function, chunk)
    steps = chunk * max(round(block_seconds / seconds), 1)
    if steps > chunk:
        _, seconds = seconds_of(function, steps)  # a first estimate holds what is paid only once
        steps = chunk * max(round(block_seconds / seconds * steps / chunk), 1)
    return steps


def main(library, images, prepare_seconds, block_seconds, **settings):
    start = time.monotonic()
    module = importlib.import_module(f"gpu_{library}")
    say(facts=module.facts(), matmul_error=error_of(module.product))
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (images, 32, 32, 3), "uint8")
    mean = rng.normal(size=(images, LATENT_DIM)).astype("float32")
    posteriors = (mean, np.full_like(mean, 0.1))
    functions = []
    for *labels, function in module.ways(pictures, posteriors, **settings):
        began = time.monotonic()
        steps = prepare(function, settings["chunk"], block_seconds)
        functions.append((function, steps))
        seconds = time.monotonic() - began
        say(way=[*labels[:3], library, labels[3]], steps=steps, prepare_seconds=seconds)
        if time.monotonic() > start + prepare_seconds:
            break
    say(ready=True)
    for line in sys.stdin:
        function, steps = functions[int(line)]
        examples, seconds = seconds_of(function, steps)
        say(examples=examples, seconds=seconds)


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # nothing else may answer
    main(**json.loads(sys.stdin.readline()))
