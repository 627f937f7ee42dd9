"""Writes what a benchmark measured, and on which machine."""

import json
import os
import pathlib
import platform
import re


def machine():
    """Returns what is known of the machine."""
    information = pathlib.Path("/proc/cpuinfo")
    text = information.read_text() if information.exists() else ""
    model = re.search(r"model name\s*:\s*(.+)", text)
    return {
        "processor": model[1] if model else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def save(path, modules, **figures):
    """Writes figures with the machine and the modules' versions as JSON."""
    versions = {module.__name__: module.__version__ for module in modules}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"machine": machine(), "versions": versions, **figures}, indent=1) + "\n"
    )
