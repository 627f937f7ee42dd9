"""What becomes of damaged files: each kind that is read is damaged thousands of times.

Cut anywhere, bits flipped, lengths inflated, bytes put in or taken out, inside of archives as well
with a checksum that fits. Counted is whether the right arrays came, other ones (from formats
without checksums, or packed anew with one), or a `ValueError` that names the file; anything else is
wrong: another error, an error without a name, files left behind, a program or a connection
started, memory beyond the limit, or a process that ended or took longer than a minute. They are
read in processes with little memory to spare; a process that ends is counted and replaced.
"""

import argparse
import collections
import json
import os
import pathlib
import resource
import signal
import sys
import tempfile

import keras
import numpy as np
import record

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from tests import hostile  # noqa: E402

SECONDS = 60  # for one file
SPARE = 2**31  # bytes of address space beyond what the process has
BATCH = 100  # files that one process reads
STARTS = {"os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=2000, help="of each kind of file")
    parser.add_argument("--kinds", nargs="+", default=list(hostile.KINDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=pathlib.Path, help="JSON file; other kinds in it stay")
    args = parser.parse_args()
    seeds = range(args.seed, args.seed + args.mutations)
    kinds = {}
    for name in args.kinds:
        kinds[name] = summary(all_attempts(name, seeds))
        print(name, kinds[name], flush=True)
    if args.output:
        if args.output.exists():
            kinds = {**json.loads(args.output.read_text())["kinds"], **kinds}
        backend = keras.backend.backend()
        record.save(args.output, [keras, np], backend=backend, seed=args.seed, kinds=kinds)


def all_attempts(name, seeds):
    """Returns what came of each seed: outcome, seconds, MiB at the most, and the error."""
    attempts, waiting = [], list(seeds)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KERAS_HOME"] = f"{folder}/keras"
        while waiting:
            batch, waiting = waiting[:BATCH], waiting[BATCH:]
            done, status = in_a_process(name, pathlib.Path(folder, "files"), batch)
            attempts += done
            if len(done) < len(batch):
                seed, rest = batch[len(done)], batch[len(done) + 1 :]
                signal_name = signal.Signals(os.WTERMSIG(status)).name
                attempts.append(["ended", 0.0, 0.0, f"{signal_name}, seed {seed}"])
                waiting = rest + waiting
    return attempts


def in_a_process(name, folder, seeds):
    """Returns what came of the seeds until a process ended, and how it ended."""
    reads, writes = os.pipe()
    process = os.fork()
    if not process:
        os.close(reads)
        try:
            with open(writes, "w") as lines:
                for done in attempts_of(name, folder, seeds):
                    print(json.dumps(done), file=lines, flush=True)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)
    os.close(writes)
    with open(reads) as lines:
        done = [json.loads(line) for line in lines]
    return done, os.waitpid(process, 0)[1]


def attempts_of(name, folder, seeds):
    files, started = hostile.Files(hostile.KINDS[name], folder), []
    sys.addaudithook(lambda event, arguments: event in STARTS and started.append(event))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what libraries say of damaged files
    used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + SPARE, resource.RLIM_INFINITY))
    for seed in seeds:
        signal.alarm(SECONDS)
        before, seconds = reset_peak(), os.times().elapsed
        attempt = files.attempt(seed)
        signal.alarm(0)
        seconds = os.times().elapsed - seconds
        outcome = "started a program" if started else attempt.outcome
        error = attempt.error
        while error is not None:
            outcome = "too much memory" if isinstance(error, MemoryError) else outcome
            error = error.__cause__ or error.__context__
        told = "" if outcome in ("right", "other", "refused") else f"seed {seed}: {attempt.error!r}"
        yield [outcome, seconds, peak() - before, told]


def reset_peak():
    """Lets the kernel measure the peak of this process's memory anew; returns MiB in use."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak():
    """Returns MiB of memory that this process has had at the most."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def summary(attempts):
    outcomes = collections.Counter(outcome for outcome, *_ in attempts)
    return {
        "mutations": len(attempts),
        "outcomes": dict(outcomes),
        "median_seconds": round(float(np.median([seconds for _, seconds, *_ in attempts])), 4),
        "most_seconds": round(max(seconds for _, seconds, *_ in attempts), 2),
        "most_mib": round(max(mib for *_, mib, _ in attempts), 1),
        "wrong": [told for *_, told in attempts if told],
    }


if __name__ == "__main__":
    main()
