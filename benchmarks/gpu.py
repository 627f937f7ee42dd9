"""Both stages of the CIFAR-10 preset on a GPU, with JAX: how fast, and how good in minutes.

    python gpu.py --throughput 260 --output results/gpu.json
    python gpu.py --train 300 --data cifar10.npz --output results/gpu.json

Either is given the seconds that it may take, and may be left out. JAX and PyTorch must be there,
TensorFlow need not be. What is measured is written at once, so that a run that is cut off counts.
Other keys of the JSON file stay as they are.

throughput: images or posteriors per second of training and sampling, in float32 (TF32, and the
error of a matrix product that shows it) and bfloat16, by keras_tsvae (`gpu_jax.py`) and by the same
network in PyTorch (`gpu_torch.py`), each in a process of its own. All ways are compiled and warmed
up, then timed in turn, block by block, in as many rounds as fit. Speed does not depend on what the
images show, so random ones are used. How "fit" compares with "step" and "scan" is what Keras's
loop and the gathering of batches on the host cost.

train: the preset is trained on real images for the time there is, and measured (`gpu_train.py`).
"""

import argparse
import json
import os
import pathlib
import queue
import statistics
import subprocess
import sys
import threading
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import record  # noqa: E402
import rich.console  # noqa: E402
import rich.table  # noqa: E402

HERE = pathlib.Path(__file__).parent
LIBRARIES = ("jax", "torch")
PREPARING = 0.6  # of the time for throughput, after which no further way is prepared
WAITING = 0.8  # of that time, for the last one
BLOCK_SECONDS = 0.6
console = rich.console.Console(stderr=True, width=110)


class Results:
    """What has been measured, written to a JSON file as it comes."""

    def __init__(self, path):
        self.path = path
        self.figures = json.loads(path.read_text()) if path.exists() else {}
        self.figures["machine"] = record.machine()

    def update(self, section, **figures):
        self.figures.setdefault(section, {}).update(figures)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(self.figures, indent=1) + "\n")
        partial.replace(self.path)


class Worker:
    """A library's process (see `gpu_worker.py`), and the ways that it has prepared."""

    def __init__(self, library, settings):
        self.library, self.facts, self.ways = library, {}, []
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "gpu_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.4", **os.environ},  # some for PyTorch
        )
        self._answers = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._ask({"library": library, **settings})

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("{"):  # and not what some library prints
                self._answers.put(json.loads(line))
        self._answers.put(None)

    def _ask(self, question):
        print(json.dumps(question), file=self.process.stdin, flush=True)

    def _answer(self, deadline):
        """Returns the next answer, or None if the process has ended or is late."""
        try:
            return self._answers.get(timeout=max(deadline - time.monotonic(), 0.01))
        except queue.Empty:
            return None

    def prepared(self, deadline):
        """Gathers the ways that are ready in time; returns whether any is."""
        while (answer := self._answer(deadline)) is not None and "ready" not in answer:
            if "facts" in answer:
                self.facts = answer
            else:
                console.print(f"{answer['way']}: {answer['prepare_seconds']:.0f} s to prepare")
                self.ways.append({**answer, "per_second": []})
        if answer is None:
            console.print(f"{self.library}: given up after {len(self.ways)} ways")
            self.process.kill()
        return answer is not None

    def measure(self, index, deadline):
        """Times one block; returns whether there was time, and the process lives."""
        try:
            self._ask(index)
        except BrokenPipeError:
            return False
        answer = self._answer(deadline)
        if answer is not None:
            self.ways[index]["per_second"].append(answer["examples"] / answer["seconds"])
        return answer is not None

    def measure_all(self, deadline):
        """Times a block of every way; returns whether there was time, and the process lives."""
        return all(self.measure(index, deadline) for index in range(len(self.ways)))


def throughput(seconds, results, tiny):
    """Compares the libraries."""
    start = time.monotonic()
    settings = {
        "images": 200 if tiny else 50_000,
        "batch_sizes": [8] if tiny else [64, 512],
        "sample_batch_size": 16 if tiny else 1024,
        "chunk": 2 if tiny else 50,
        "prepare_seconds": PREPARING * seconds,
        "block_seconds": 0.01 if tiny else BLOCK_SECONDS,
    }
    workers = [Worker(library, settings) for library in LIBRARIES]
    try:
        ready = [w for w in workers if w.prepared(start + WAITING * seconds)]
        facts = {w.library: w.facts for w in workers}
        results.update("throughput", settings=settings, libraries=facts)
        ways = [way for worker in ready for way in worker.ways]
        while ready:  # a worker leaves when its time is up, or when it has failed
            ready = [w for w in ready if w.measure_all(start + seconds)]
            results.update("throughput", ways=ways)
    finally:
        for worker in workers:
            worker.process.kill()
    show([way for way in ways if way["per_second"]])


def show(ways):
    """Prints a table of all ways, and ratios to PyTorch's fastest of the same."""
    table = rich.table.Table(
        "", "", "batch", "", "", "per second", "min to max", "times torch's best"
    )
    medians = {tuple(way["way"]): statistics.median(way["per_second"]) for way in ways}
    for way in sorted(ways, key=lambda way: way["way"][:3]):
        key, speeds = tuple(way["way"]), way["per_second"]
        theirs = [m for k, m in medians.items() if k[:3] == key[:3] and k[3] == "torch"]
        ratio = f"{medians[key] / max(theirs):.2f}" if theirs else ""
        between = f"{min(speeds):,.0f} to {max(speeds):,.0f}"
        table.add_row(*map(str, key), f"{medians[key]:,.0f}", between, ratio)
    console.print(table)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--throughput", type=float, metavar="SECONDS", help="compare the libraries")
    add("--train", type=float, metavar="SECONDS", help="train and measure the preset")
    add("--output", type=pathlib.Path, required=True, help="JSON file; all else goes beside it")
    add("--tiny", action="store_true", help="next to nothing of everything, to try it on a CPU")
    add("--data", type=pathlib.Path, help="the images: an .npz as Keras has it, or JPEG-encoded")
    add("--preset", default="cifar10", help="default: cifar10")
    add("--dtype-policy", default="mixed_bfloat16", help="default: mixed_bfloat16")
    add("--batch-size", type=int, default=256, help="of the first stage; default: 256")
    add("--second-stage-batch-size", type=int, default=512, help="default: 512")
    add("--learning-rate", type=float, default=1e-3, help="at first; default: 1e-3")
    add("--gamma", default="learned", help="of the first stage; default: learned")
    add("--share", type=float, default=0.6, help="of the training: stage 1's; default: 0.6")
    args = parser.parse_args()
    if args.train and not (args.data and args.data.is_file()):
        parser.error(f"--data must name an .npz file of images. Received: --data {args.data}")
    args.output.parent.mkdir(parents=True, exist_ok=True)
    results = Results(args.output)
    if args.throughput:
        throughput(args.throughput, results, args.tiny)
    if args.train:
        import gpu_train

        gpu_train.run(args, results, console)


if __name__ == "__main__":
    main()
