"""A folder of numbered backups, each whole and with its checksum, or not there at all."""

import contextlib
import hashlib
import json
import math
import pathlib
import re
import typing
import zipfile

import numpy as np

from keras_tsvae.arrays.types import PathLike
from keras_tsvae.backend import gather
from keras_tsvae.files import expanded, written_beside

_MAGIC = b"keras_tsvae backup\n"
_DIGEST = len(hashlib.sha256().hexdigest())
_NAME = re.compile(r"([0-9]{6,12})\.backup")
_MANIFEST = "manifest.json"
_AT_ONCE = 2**20


class BackupFolder:
    """Backups of arrays and of what JSON can hold, of which the newest are kept.

    A backup is a file that begins with the SHA-256 digest of what follows, a ZIP archive of
    `manifest.json` and of one `.npy` a piece. It is written beside, flushed to the disk and
    renamed; only then older ones are removed.

    Args:
        folder: Path of the folder; `~` is expanded.
        keep: Positive int, how many backups stay.
    """

    def __init__(self, folder: PathLike, keep: int) -> None:
        self.folder = expanded(folder)
        self.keep = keep
        self.damaged: list[pathlib.Path] = []  # of those that `newest` has looked at
        self._last: int | None = None  # the number of the one that was read or written last

    def paths(self) -> list[pathlib.Path]:
        """Returns the paths of all backups, the newest one first."""
        if not self.folder.is_dir():
            return []
        named = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(filter(pathlib.Path.is_file, named), key=_number, reverse=True)

    def write(
        self, manifest: typing.Any, arrays: dict[str, np.ndarray], alone: bool = False
    ) -> pathlib.Path:
        """Writes a backup, and then removes those that are not kept.

        Args:
            manifest: What JSON can hold.
            arrays: Arrays of numbers, by name.
            alone: Whether to keep no other. Defaults to False.

        Raises:
            OSError: If it cannot be written; then those before are untouched.
        """
        earlier = self.paths()
        last = self._last
        if last is None or alone:
            last = _number(earlier[0]) if earlier else 0
        path = self.folder / f"{last + 1:06}.backup"
        with written_beside(path, flushed=True) as partial:
            _write(partial, manifest, arrays)
        self._last = last + 1
        earlier = [other for other in earlier if other != path]
        kept = [other for other in earlier if other not in self.damaged]
        for other in earlier:
            if alone or other in self.damaged or other in kept[self.keep - 1 :]:
                with contextlib.suppress(OSError):  # the next write tries again
                    other.unlink()
        return path

    def newest(
        self, at_most: int | None = None
    ) -> tuple[pathlib.Path, typing.Any, dict[str, np.ndarray]] | None:
        """Returns path, manifest and arrays of the newest backup that is whole, None if none is.

        Those that are not are in `damaged` then. The next one that is written follows it.

        Args:
            at_most: Int, the greatest number of a backup. Defaults to None: any.
        """
        self.damaged, self._last = [], None
        for path in self.paths():
            if at_most is not None and _number(path) > at_most:
                continue
            try:
                found = path, *read(path)
            except ValueError:
                self.damaged.append(path)
            else:
                self._last = _number(path)
                return found
        return None

    def newest_of_all(self) -> tuple[pathlib.Path, typing.Any, dict[str, np.ndarray]] | None:
        """Returns what `newest` does of one that all processes have, which train one model."""
        found = self.newest()
        numbers = np.concatenate(gather(np.array([self.number])))
        while len(set(numbers.tolist())) > 1:
            found = self.newest(at_most=int(numbers.min()))
            numbers = np.concatenate(gather(np.array([self.number])))
        return found

    @property
    def number(self) -> int:
        """The number of the backup that was read or written last, 0 if none was."""
        return self._last or 0


def read(path: pathlib.Path) -> tuple[typing.Any, dict[str, np.ndarray]]:
    """Returns manifest and arrays of a backup. Nothing is read of it before its digest is right.

    No code of the file is run, and no more memory taken than the file is long.

    Raises:
        ValueError: If the file is not whole.
    """
    try:
        with open(path, "rb") as file:
            magic, digest = file.read(len(_MAGIC)), file.read(_DIGEST)
            if magic != _MAGIC or digest != _digest(file):
                raise ValueError("its checksum does not fit")
            length = file.tell()
            with zipfile.ZipFile(file) as archive:
                if sum(info.file_size for info in archive.infolist()) > length:
                    raise ValueError("its parts are longer than the file")
                manifest = json.loads(archive.read(_stored(archive, _MANIFEST)))
                names = [name for name in archive.namelist() if name != _MANIFEST]
                arrays = {name.removesuffix(".npy"): _array(archive, name) for name in names}
        return manifest, arrays
    except Exception as error:  # there is hardly an error that a damaged file cannot cause
        raise ValueError(
            f"A backup must be as it was written. Received: {str(path)!r}, which is damaged "
            f"({error})"
        ) from error


def _number(path):
    return int(path.name.split(".")[0])


def _write(path, manifest, arrays):
    with open(path, "w+b") as file:
        file.write(_MAGIC + bytes(_DIGEST))
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(_MANIFEST, json.dumps(manifest))
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
        file.seek(len(_MAGIC) + _DIGEST)
        digest = _digest(file)
        file.seek(len(_MAGIC))
        file.write(digest)


def _digest(file):
    """Returns the digest of the rest of a file, in hexadecimal."""
    digest = hashlib.sha256()
    while part := file.read(_AT_ONCE):
        digest.update(part)
    return digest.hexdigest().encode()


def _stored(archive, name):
    """Returns a member that is as long as it says, since it is not compressed."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ValueError(f"{name} is compressed")
    return info


def _array(archive, name):
    """Returns an array, which is not longer than what there is of it."""
    info = _stored(archive, name)
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version != (1, 0):
            raise ValueError(f"{name} is of another format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(member)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or size > info.file_size:
            raise ValueError(f"{name} is longer than the file")
        data = member.read(size)
    if len(data) < size:
        raise ValueError(f"{name} is cut off")
    return np.ndarray(shape, dtype, bytearray(data), order="F" if fortran else "C")
