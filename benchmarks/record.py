"""Writes what a benchmark measured, and on which machine."""

import json
import platform


def save(path, modules, **figures):
    """Writes figures with the processor's name and the modules' versions as JSON."""
    machine = {"processor": platform.processor() or platform.machine()}
    versions = {module.__name__: module.__version__ for module in modules}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"machine": machine, "versions": versions, **figures}, indent=1) + "\n"
    )
