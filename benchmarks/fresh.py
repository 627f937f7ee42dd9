"""Runs programs in processes of their own, whose imports and memory owe nothing to others."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
WATCH = """
import re, threading
most, done = [0], threading.Event()
def own_memory():
    status = open("/proc/self/status").read()
    return 1024 * int(re.search(r"RssAnon:\\s+(\\d+)", status)[1])
def watch():
    while not done.wait(0.02):
        most[0] = max(most[0], own_memory())
threading.Thread(target=watch, daemon=True).start()
def own_peak():
    done.set()
    return max(most[0], own_memory())
"""  # a program's start: `own_peak()` are the most bytes that it had, pages of files left out


def numbers(program):
    """Returns the numbers in the last line that a Python program prints."""
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    if result.returncode:
        raise RuntimeError(f"The program failed:\n{result.stderr}")
    return [float(word) for word in result.stdout.splitlines()[-1].split()]
