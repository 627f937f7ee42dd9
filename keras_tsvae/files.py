"""Paths, and writing files so that no reader ever meets half of one."""

import contextlib
import errno
import functools
import hashlib
import os
import pathlib
import re
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator

from keras_tsvae.arrays.types import PathLike

_PARTIAL = re.compile(r"\.tsvae-(new|old)-([0-9a-f]{8})-([0-9]{1,9})-[0-9a-f]{8}-(.+)")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # pathlib makes one slash of two
_EARLIER = r"\.[0-9a-f]{12}-"  # what partial files began with before they named their process
_A_DAY = 24 * 60 * 60
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
_own: set[str] = set()  # names of this process's partial files


def expanded(path: PathLike) -> pathlib.Path:
    """Returns a `pathlib.Path`, with `~` expanded; every path a user gives goes through here.

    Raises:
        ValueError: If it is an address such as `gs://bucket/model.keras`.
    """
    if _ADDRESS.match(os.fspath(path)):
        raise ValueError(
            "Paths must be those of local files: write to one, and upload what was written, or "
            f"download what is to be read. Received: path={os.fspath(path)!r}"
        )
    return pathlib.Path(os.path.expanduser(path))


@contextlib.contextmanager
def written_beside(
    path: PathLike, unless: Callable[[], object] | None = None, flushed: bool = False
) -> Iterator[pathlib.Path]:
    """Yields a fresh path next to `path`; when the body succeeds, it takes the place of `path`.

    The body may write a file or a folder; a folder also takes the place of a folder that is not
    empty. If the body fails, what it wrote is removed and whatever stood at `path` before is
    untouched. Several processes may write one path at once. What processes that were killed have
    left in the folder is removed.

    Args:
        path: Path; `~` is expanded.
        unless: Function without arguments. If it returns true when the body is done, what was
            written is dropped and what stands at `path` is kept: another process was first.
            Defaults to None.
        flushed: Whether a file is on the disk before it takes its place, and its place before this
            returns, so that it outlives a loss of power. Defaults to False.
    """
    path = expanded(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    with _partial(path) as partial:
        yield partial
        if flushed:
            _flush(partial)
        _put(partial, path, unless or (lambda: False))
        if flushed and os.name == "posix":  # elsewhere folders cannot be opened
            _flush(path.parent)


def writable_folder(name: str, folder: PathLike) -> pathlib.Path:
    """Returns the path of a folder, made if it does not exist, or raises a `ValueError`."""
    folder = expanded(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"`{name}` must not be a file. Received: {name}={str(folder)!r}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(
            f"`{name}` must be a folder that can be made and written to. "
            f"Received: {name}={str(folder)!r} ({error})"
        ) from error
    return folder


@contextlib.contextmanager
def scratch_folder(path: PathLike) -> Iterator[pathlib.Path]:
    """Yields a new folder next to `path` that is removed at the end, or once its process is gone.

    Args:
        path: Path of what the folder is for; `~` is expanded.
    """
    path = expanded(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    with _partial(path) as folder:
        folder.mkdir()
        yield folder


def cache_folder(*parts: str) -> pathlib.Path:
    """Returns the folder of what can be fetched or computed again; it need not exist yet.

    Args:
        *parts: Str, names of folders inside of this package's part of Keras's cache folder, which
            is what the environment variable `KERAS_HOME` names, or `~/.keras`; where that is not
            there and cannot be made, it is `/tmp/.keras`, as with Keras.
    """
    keras = expanded(os.environ.get("KERAS_HOME") or "~/.keras")
    if not os.environ.get("KERAS_HOME") and not keras.exists():
        keras = keras if os.access(keras.parent, os.W_OK) else pathlib.Path("/tmp/.keras")
    return keras.joinpath("keras_tsvae", *parts)


def _flush(path: pathlib.Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(path: PathLike) -> str:
    """Returns the SHA-256 digest of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(2**20):
            digest.update(part)
    return digest.hexdigest()


def _put(new: pathlib.Path, path: pathlib.Path, unless: Callable[[], object]) -> None:
    """Renames `new` to `path`; of several processes the last one wins, and none fails."""
    while not unless():
        try:
            # Onto a file, nothing, or an empty folder.
            (os.rename if new.is_dir() else os.replace)(new, path)
            return
        except OSError as error:
            if error.errno not in _TAKEN or not new.is_dir() or path.is_file():
                raise
        if _exchange(new, path):
            return


def _exchange(new: pathlib.Path, path: pathlib.Path) -> bool:
    """Puts the folder `new` in place of `path`; False if another process has come between."""
    old = _fresh(path, "old")
    try:
        os.rename(path, old)
        os.rename(new, path)
        return True
    except OSError as error:
        if error.errno not in (*_TAKEN, errno.ENOENT):
            raise
        return False
    finally:
        if not path.exists():
            with contextlib.suppress(OSError):
                os.rename(old, path)
        if path.exists():
            _remove(old)
        _own.discard(old.name)


@contextlib.contextmanager
def _partial(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a fresh path next to `path` that is removed at the end."""
    partial = _fresh(path, "new")
    try:
        yield partial
    finally:
        _remove(partial)
        _own.discard(partial.name)


def _fresh(path: pathlib.Path, kind: str) -> pathlib.Path:
    """Returns a path next to `path` whose name tells its process."""
    name = f".tsvae-{kind}-{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}-{path.name[-64:]}"
    _own.add(name)
    return path.with_name(name)


@functools.cache
def _machine() -> str:
    """Returns 8 hex digits for the processes among which a number means one process."""
    space = ""
    with contextlib.suppress(OSError):  # containers may share a host's name, not its processes
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{socket.gethostname()}{space}".encode()).hexdigest()[:8]


def _remove_abandoned(path: pathlib.Path) -> None:
    """Removes what processes that are gone have left in the folder of `path`."""
    earlier = re.compile(_EARLIER + re.escape(path.name))
    with contextlib.suppress(OSError):
        for name in os.listdir(path.parent):
            found, place = _PARTIAL.fullmatch(name), path.with_name(name)
            if found and found[1] == "old" and not path.with_name(found[4]).exists():
                continue  # its process was killed before the new folder was in its place
            if found and name not in _own and _is_gone(*found.group(2, 3)):
                _remove(place)
            elif (found and name not in _own) or earlier.fullmatch(name):
                if time.time() - _last_change(place) > _A_DAY:
                    _remove(place)


def _is_gone(machine: str, pid: str) -> bool:
    """Whether it is known that a process has ended."""
    if machine != _machine() or os.name != "posix":
        return False
    if int(pid) == os.getpid():
        return True  # another one, with the same number
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's
        pass
    return False


def _last_change(path: pathlib.Path) -> float:
    return max(entry.lstat().st_mtime for entry in (path, *path.rglob("*")))


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
