"""System calls that write files, and fail one after the other.

Those of Python are counted: each `open` of a file to be written, `write`, `fsync`, `rename` and
`replace`. What libraries write by themselves, as HDF5 does, fails once a file is as long as it may
be.
"""

import builtins
import contextlib
import errno
import io
import os
import resource

RENAMES = ("rename", "replace")


class FailingCalls:
    """Counts the calls, and lets those fail that are asked for.

    Args:
        monkeypatch: pytest's fixture.
    """

    def __init__(self, monkeypatch):
        self.made, self.number, self.full = 0, None, False
        self._open = builtins.open
        for name in ("fsync", *RENAMES):
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))
        for module in (builtins, io):
            monkeypatch.setattr(module, "open", self._opened)

    @contextlib.contextmanager
    def fail(self, number, full):
        """Lets one call fail, and, if the disk is full, all that come later but for renames."""
        self.made, self.number, self.full = 0, number, full
        try:
            yield
        finally:
            self.number = None

    def happens(self, name):
        number, self.made = self.made, self.made + 1
        if self.number is None or number < self.number:
            return
        if number == self.number or (self.full and name not in RENAMES):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _counted(self, call):
        def counted(*args, **kwargs):
            self.happens(call.__name__)
            return call(*args, **kwargs)

        return counted

    def _opened(self, file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, **kw):
        if isinstance(file, int) or not set(mode) & set("wxa+"):
            return self._open(file, mode, buffering, encoding, errors, newline, **kw)
        self.happens("open")
        raw = _Written(file, mode.replace("b", "").replace("t", ""), **kw)
        raw.calls = self
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)


class _Written(io.FileIO):
    """A file each `write` of which is counted."""

    def write(self, data):
        self.calls.happens("write")
        return super().write(data)


@contextlib.contextmanager
def files_no_longer_than(size):
    """Lets what is written beyond so many bytes of a file fail, whoever writes it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
