"""`keras-tsvae fid` beside pytorch-fid's command: two folders of pictures, the same weights.

usage: python fid_command.py A B --weights pt_inception-2015-12-05-6726825d.pth
           [--pytorch PYTHON] [--rounds 3] [--output results/fid_command.json]

Each program runs in a process of its own, in turn, from its start to its answer. pytorch-fid has
its own environment if `--pytorch` names the interpreter of it. The weights may be made up, if both
read the same. With fewer than 2,048 pictures a covariance is singular, and SciPy warns
pytorch-fid that the matrix root of it may be inexact.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import compare
import keras
import numpy as np

import keras_tsvae

NAME = "pt_inception-2015-12-05-6726825d.pth"  # which pytorch-fid looks for in Torch's folder


def main():
    """Runs both programs in turn; prints and saves times and distances."""
    parser = compare.parser(__doc__.splitlines()[0])
    parser.add_argument("folders", nargs=2, metavar=("A", "B"), type=pathlib.Path)
    parser.add_argument("--weights", type=pathlib.Path, required=True)
    parser.add_argument("--pytorch", default=sys.executable, help="interpreter with pytorch-fid")
    parser.set_defaults(rounds=3)
    args = parser.parse_args()
    a, b = (str(folder.resolve()) for folder in args.folders)
    with tempfile.TemporaryDirectory() as torch_home:
        checkpoints = pathlib.Path(torch_home) / "hub" / "checkpoints"
        checkpoints.mkdir(parents=True)
        shutil.copy(args.weights, checkpoints / NAME)
        ours = [sys.executable, "-m", "keras_tsvae", "fid", a, b, "--json"]
        ours += ["--features", str(args.weights.resolve())]
        theirs = [args.pytorch, "-m", "pytorch_fid", a, b]
        seconds, answers = {"ours": [], "pytorch-fid": []}, {}
        for _ in range(args.rounds):
            for name, command in zip(seconds, (ours, theirs)):
                start = time.perf_counter()
                answers[name] = answer(command, torch_home)
                seconds[name].append(time.perf_counter() - start)
    found = json.loads(answers["ours"])
    fids = {"ours": found["fid"], "pytorch-fid": float(answers["pytorch-fid"].split()[-1])}
    pictures = found["num_samples"] + found["num_reference"]
    compare.show("FID of two folders", pictures, "pictures", seconds)
    print(f"FID: {fids}, relative difference {abs(np.diff(list(fids.values()))[0]) / fids['ours']}")
    modules = (keras_tsvae, keras, np)
    compare.save(args.output, modules, pictures, "pictures", seconds, fid=fids, counts=found)


def answer(command, torch_home):
    """Returns what a program prints."""
    environment = {**os.environ, "TORCH_HOME": torch_home, "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode:
        raise RuntimeError(f"{command} failed:\n{result.stderr}")
    return result.stdout


if __name__ == "__main__":
    main()
