"""Ways of doing one thing, timed in turn in one process; the first way is ours."""

import argparse
import pathlib
import statistics
import time

import record
import rich
import rich.table


def parser(description):
    """Returns a parser with what all benchmarks take."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--rounds", type=int, default=5)
    result.add_argument("--output", type=pathlib.Path, help="JSON file for the figures")
    return result


def threaded_parser(description):
    """Returns a parser that also asks how many threads there are (see `set_threads`)."""
    result = parser(description)
    result.add_argument("--threads", type=int, default=2)
    return result


def set_threads(threads):
    """Sets how many threads TensorFlow and PyTorch may use."""
    import tensorflow as tf
    import torch

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    torch.set_num_threads(threads)


def in_turn(ways, rounds):
    """Returns the seconds of each way, one for each round, by name.

    Args:
        ways: Dict of functions without arguments. Each is called once before, so that what it
            compiles or allocates at first is not measured.
        rounds: Int.
    """
    seconds = {name: [] for name in ways}
    for index in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if index:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratios(seconds):
    """Returns, round by round, how many times as long each other way takes as the first."""
    first, *others = seconds
    return {name: [b / a for a, b in zip(seconds[first], seconds[name])] for name in others}


def show(title, amount, unit, seconds):
    """Prints a table: how much of `unit` is done per second, and how many times faster we are."""
    table = rich.table.Table(title, f"{unit}/s", "min to max", "we are faster by", "min to max")
    compared = ratios(seconds)
    for name, each in seconds.items():
        speeds = [amount / s for s in each]
        row = [
            name,
            _speed(statistics.median(speeds)),
            f"{_speed(min(speeds))} to {_speed(max(speeds))}",
        ]
        if name in compared:
            each = compared[name]
            row += [f"{statistics.median(each):.2f}", f"{min(each):.2f} to {max(each):.2f}"]
        table.add_row(*row)
    rich.print(table)


def _speed(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def save(path, modules, amount, unit, seconds, **facts):
    """Writes all seconds and ratios as JSON, if there is a path."""
    if path:
        figures = {"amount": amount, "unit": unit, "seconds": seconds, "ratios": ratios(seconds)}
        record.save(path, modules, **figures, **facts)
