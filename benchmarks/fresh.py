"""Runs programs in processes of their own, whose imports and memory owe nothing to others."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


def numbers(program):
    """Returns the numbers in the last line that a Python program prints."""
    lines = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=HERE
    ).stdout.splitlines()
    return [float(word) for word in lines[-1].split()]
