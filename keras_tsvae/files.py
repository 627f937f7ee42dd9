"""Writing files so that no reader ever meets half of one."""

import contextlib
import os
import pathlib
import shutil
import uuid


@contextlib.contextmanager
def written_beside(path):
    """Yields a fresh path next to `path`; when the body succeeds, it takes the place of `path`.

    The body may write a file or a folder; a folder also takes the place of a folder that is not
    empty. If the body fails, what it wrote is removed and whatever stood at `path` before is
    untouched.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    try:
        yield partial
        if partial.is_dir() and path.is_dir():
            _replace_folder(partial, path)
        else:
            os.replace(partial, path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)


def cache_folder(*parts):
    """Returns the folder of what can be fetched or computed again; it need not exist yet.

    Args:
        *parts: Str, names of folders inside of this package's part of Keras's cache folder, which
            is `~/.keras` or what the environment variable `KERAS_HOME` names.
    """
    home = pathlib.Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    return home.joinpath("keras_tsvae", *parts)


def _replace_folder(new, path):
    old = _beside(path)
    os.rename(path, old)
    try:
        os.rename(new, path)
    except BaseException:
        os.rename(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(path):
    return path.with_name(f".{uuid.uuid4().hex[:12]}-{path.name}")
