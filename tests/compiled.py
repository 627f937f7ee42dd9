"""The folder in which JAX keeps what it has compiled, from one run of the tests to the next."""

import os
import pathlib
import shutil

FOLDER = pathlib.Path(__file__).parents[1] / ".pytest_cache" / "jax"
MOST_BYTES = 2**30


def folder():
    """Returns it, emptied first where it has grown too large and no run uses it."""
    of_a_worker = "PYTEST_XDIST_WORKER" in os.environ
    if not of_a_worker and sum(file.stat().st_size for file in FOLDER.glob("*")) > MOST_BYTES:
        shutil.rmtree(FOLDER, ignore_errors=True)
    return FOLDER
