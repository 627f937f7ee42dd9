"""Trainings that are killed at random moments, started again each time, and none the worse.

    python benchmarks/reliability.py [--kills 50] [--backends tensorflow jax] [--output JSON]

Each training is a process that is killed (SIGKILL) up to 15 ms after a random event of the
recognizer's training, stage 1, encoding, stage 2 or the writing of a backup, and started again,
until it ends. Its weights, state of optimisers, History, CSV file and posteriors must then be those
of a training that was never killed, bit for bit. Trainings that end before all kills are done
begin anew, in a new folder. Exits with an error if any differ.
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
from reliability_worker import PLACES

import keras_tsvae

WORKER = pathlib.Path(__file__).with_name("reliability_worker.py")
MOST_EVENTS = {"recognizer": 25, "stage1": 25, "encoding": 1, "stage2": 25, "writing": 30}
MOST_DELAY = 0.015  # seconds
OUTPUT = pathlib.Path(__file__).parent / "results" / "reliability.json"


def start(folder, backend, conditional, kill=None, after=1, delay=0.0):
    """Starts the training once; returns whether it has ended, or was killed."""
    command = [sys.executable, WORKER, folder, *(["--conditional"] if conditional else [])]
    if kill is not None:
        command += ["--kill", kill, "--after", after, "--delay", delay]
    quiet = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **quiet},
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
    return names


def _same(folder, other, name):
    if name.endswith(".h5"):  # whose header has the time in it
        ours, theirs = (keras_tsvae.Posteriors.load(path / name).arrays for path in (folder, other))
        return all(np.array_equal(*pair) for pair in zip(ours, theirs))
    return (folder / name).read_bytes() == (other / name).read_bytes()


def killed(parent, backend, conditional, kills, rng):
    """Kills trainings so many times; returns counts by place, and what differs."""
    start(parent / "unbroken", backend, conditional)
    places = [place for place in PLACES if conditional or place != "recognizer"]
    counts, different, trainings = collections.Counter(), [], 0
    while sum(counts.values()) < kills:
        folder, ended = parent / f"killed{trainings}", False
        trainings += 1
        while not ended:
            place = None
            if sum(counts.values()) < kills:
                place = min(places, key=lambda name: (counts[name], places.index(name)))
            after = rng.randint(1, MOST_EVENTS.get(place, 1))
            ended = start(folder, backend, conditional, place, after, rng.uniform(0, MOST_DELAY))
            if not ended:
                counts[place] += 1
                print(f"{backend}: {sum(counts.values())} killed, now in {place}", flush=True)
        different += differences(folder, parent / "unbroken")
    return {"kills": dict(counts), "trainings": trainings, "different": different}


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
