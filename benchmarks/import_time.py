"""Seconds that `import keras_tsvae` takes beyond `import keras`, in fresh processes in turn."""

import statistics

import compare
import fresh
import keras
import record

PROGRAM = """
import time
start = time.perf_counter()
import keras
between = time.perf_counter()
import keras_tsvae
print(between - start, time.perf_counter() - between)
"""


def main():
    args = compare.parser(__doc__).parse_args()
    rounds = [fresh.numbers(PROGRAM) for _ in range(args.rounds + 1)]
    names = ("import keras", "import keras_tsvae, beyond it")
    seconds = dict(zip(names, (list(part) for part in zip(*rounds[1:]))))
    for name, each in seconds.items():
        median = statistics.median(each)
        print(f"{name}: {median:.3f} s ({min(each):.3f} to {max(each):.3f})")
    if args.output:
        record.save(args.output, [keras], seconds=seconds)


if __name__ == "__main__":
    main()
