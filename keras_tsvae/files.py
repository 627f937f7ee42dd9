"""Writing files so that no reader ever meets half of one."""

import contextlib
import os
import pathlib
import shutil
import uuid


@contextlib.contextmanager
def written_beside(path):
    """Yields a fresh path next to `path`; when the body succeeds, it takes the place of `path`.

    The body may write a file or a folder. If it fails, what it wrote is removed and whatever
    stood at `path` before is untouched.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{uuid.uuid4().hex[:12]}-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)
