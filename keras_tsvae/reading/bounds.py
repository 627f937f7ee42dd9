"""How much memory a file may ask for: so many times its own size.

A few bytes can claim to hold terabytes: a header that gives any shape, a zip member or a chunk
that is packed a thousand to one. What is read of a file is held against the file's size before
memory is taken for it.
"""

import os
import stat
import zipfile
from collections.abc import Iterable

from keras_tsvae.arrays.types import PathLike

EXPANSION = 100  # no real arrays or pictures are packed as tightly, unless they are all but empty
ALWAYS = 2**26  # bytes that any file may ask for, 64 MiB
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # that of LZMA asks for more memory


def file_size(path: PathLike) -> int:
    """Returns the bytes of a regular file; of a link, of what it leads to.

    Raises:
        ValueError: If it is a pipe or a device, which may have no end, or a folder.
        OSError: If it is not there.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a regular file")
    return found.st_size


def check_bytes(wanted: Iterable[int], size: int, always: int = ALWAYS) -> None:
    """Raises a `ValueError` if a file asks for more memory than it may.

    Args:
        wanted: Bytes that its parts ask for.
        size: Bytes of the file.
        always: Bytes that it may ask for whatever its size. Defaults to 64 MiB.
    """
    total, most = sum(wanted), max(always, EXPANSION * size)
    if total > most:
        raise ValueError(
            f"it asks for {total:,} bytes of memory, and may ask for {most:,}: it has {size:,}"
        )
