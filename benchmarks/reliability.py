"""Trainings that are killed at random moments, started again each time, and none the worse.

    python benchmarks/reliability.py [--kills 50] [--backends tensorflow jax] [--output JSON]

Each training is a process that is killed (SIGKILL) up to 15 ms after a random event of the
recognizer's training, stage 1, encoding or stage 2, or up to 1 ms after one of the writing of a
backup, and started again, until it ends. Its weights, state of optimisers, History, CSV file and
posteriors must then be those of a training that was never killed, bit for bit, with no files left
over. There are as many trainings as it takes; kills are counted by what the process was doing.
Exits with an error if any differ.
"""

import argparse
import collections
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import keras
import numpy as np
import record

import keras_tsvae

# Most of the time of a start on JAX is to compile what the one before has compiled.
QUICK = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
QUICK |= {"JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
WORKER = pathlib.Path(__file__).with_name("reliability_worker.py")
# Where one training is killed: each of these a random number of events after a start.
PLACES = ("recognizer", "recognizer", "writing", "recognizer", "stage1", "stage1", "writing")
PLACES += ("stage1", "encoding", "encoding", "encoding", "stage2", "writing", "stage2", "stage2")
MOST_EVENTS = {"recognizer": 12, "stage1": 15, "encoding": 2, "stage2": 15, "writing": 14}
OUTPUT = pathlib.Path(__file__).parent / "results" / "reliability.json"


def start(folder, backend, conditional, *kills):
    """Starts the training, and again after each kill but the last; returns whether it has ended.

    Args:
        folder: Where its files go.
        backend: Keras's backend.
        conditional: Whether the model is.
        *kills: Tuples of a place, a number of events and seconds after the last of them.
    """
    command = [sys.executable, WORKER, folder, *(["--conditional"] if conditional else [])]
    for kill in kills:
        command += ["--kill", *kill]
    compiled = {"JAX_COMPILATION_CACHE_DIR": str(folder.parent / "compiled"), **QUICK}
    settings = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [str(part) for part in command],
        env={**compiled, **os.environ, **settings},
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, -9):
        raise RuntimeError(f"A training failed:\n{done.stderr[-4000:]}")
    return done.returncode == 0


def differences(folder, other):
    """Returns the names of the files of two trainings that are not equal."""
    names = [n for n in ("history.json", "log.csv", "posteriors.h5") if not _same(folder, other, n)]
    ours, theirs = (np.load(path / "result.npz") for path in (folder, other))
    if ours.files != theirs.files or not all(
        np.array_equal(ours[name], theirs[name]) for name in ours.files
    ):
        names.append("result.npz")
    return names + [path.name for path in folder.rglob(".tsvae-*")]


def _same(folder, other, name):
    if name.endswith(".h5"):  # whose header has the time in it
        ours, theirs = (keras_tsvae.Posteriors.load(path / name).arrays for path in (folder, other))
        return all(np.array_equal(*pair) for pair in zip(ours, theirs))
    return (folder / name).read_bytes() == (other / name).read_bytes()


def killed(parent, backend, conditional, kills, rng):
    """Kills trainings so many times; returns counts by place, and what differs."""
    start(parent / "unbroken", backend, conditional)
    counts, different, trainings = collections.Counter(), [], 0
    while counts.total() < kills:
        folder = parent / f"killed{trainings}"
        trainings += 1
        places = [place for place in PLACES if conditional or place != "recognizer"]
        plan = [moment(place, rng) for place in places[: kills - counts.total()]]
        if not start(folder, backend, conditional, *plan):
            start(folder, backend, conditional)
        counts.update((folder / "killed").read_text().split())
        different += differences(folder, parent / "unbroken")
        print(f"{backend}: {dict(counts)}, different: {different}", flush=True)
    return {"kills": dict(counts), "trainings": trainings, "different": different}


def moment(place, rng):
    """Returns a place, a number of its events and seconds after them, at random."""
    seconds = max(0.0, rng.uniform(-0.001, 0.001)) if place == "writing" else rng.uniform(0, 0.015)
    return place, rng.randint(1, MOST_EVENTS[place]), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of each of the four; default: 50")
    parser.add_argument("--backends", nargs="+", default=["tensorflow", "jax"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=pathlib.Path, default=OUTPUT)
    args = parser.parse_args()
    results = {}
    for backend in args.backends:
        for conditional in (False, True):
            rng = random.Random(args.seed)
            name = f"{backend}, {'conditional' if conditional else 'unconditional'}"
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder)
                results[name] = killed(path, backend, conditional, args.kills, rng)
            print(name, results[name], flush=True)
            record.save(args.output, (keras, keras_tsvae), trainings=results)
    sys.exit(any(result["different"] for result in results.values()))


if __name__ == "__main__":
    main()
