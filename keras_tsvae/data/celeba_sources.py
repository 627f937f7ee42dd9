"""Where CelebA's pictures lie: in a folder, or in the zip file as it was downloaded."""

import functools
import os
import pathlib
import zipfile
from collections.abc import Iterator, Mapping

from keras_tsvae.data import pictures
from keras_tsvae.reading.bounds import EXPANSION, ZIP_METHODS, file_size

_ENCRYPTED = 0x1
_MOST = 2**24  # bytes of any member; larger ones may not be packed more than `EXPANSION` to one


class FolderSource:
    """Pictures that are files in a folder.

    Args:
        path: Path of the folder.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path

    def stats(
        self, partition: pathlib.Path, listed: Mapping[str, int]
    ) -> Iterator[tuple[str, os.stat_result]]:
        """Yields the name and the `os.stat` of every picture used.

        Args:
            partition: Path of the list of pictures, for the message.
            listed: Dict from the names of pictures to the lines they are listed in.

        Raises:
            ValueError: If one is not there.
        """
        for name, line in listed.items():
            try:
                yield name, os.stat(self.path / name)
            except OSError as error:
                raise _missing(partition, line, self.path, name) from error

    def check(self, partition: pathlib.Path, listed: Mapping[str, int]) -> None:
        """Does nothing more: `stats` has looked for every picture."""

    def label(self, name: str) -> str:
        """Returns what messages call the picture."""
        return str(self.path / name)

    def read(self, name: str) -> bytes:
        """Returns the bytes of the picture."""
        return pictures.read(self.path / name)

    def close(self) -> None:
        """Does nothing."""


class ZipSource:
    """Pictures in the folder of a zip file, which is opened when the first is needed.

    Args:
        path: Path of the zip file.
        folder: Name of the folder within, which may lie in another one of the same name.
    """

    def __init__(self, path: pathlib.Path, folder: str):
        self.path = path
        self.folder = folder

    def stats(
        self, partition: pathlib.Path, listed: Mapping[str, int]
    ) -> Iterator[tuple[str, os.stat_result]]:
        """Yields the name and the `os.stat` of the zip file."""
        yield self.path.name, os.stat(self.path)

    def check(self, partition: pathlib.Path, listed: Mapping[str, int]) -> None:
        """Raises a `ValueError` if the zip file is not safe, or lacks one of the pictures."""
        members = set(self._archive.namelist())
        for name, line in listed.items():
            if self._member(name) not in members:
                raise _missing(partition, line, self.path, name)

    def label(self, name: str) -> str:
        """Returns what messages call the picture."""
        return f"{self.path}/{self._member(name)}"

    def read(self, name: str) -> bytes:
        """Returns the bytes of the picture, or raises a `ValueError` that names it."""
        try:
            return self._archive.read(self._member(name))
        except Exception as error:  # there is hardly an error that a damaged file cannot cause
            raise ValueError(
                f"The picture {self.label(name)!r} cannot be read. Received: {error}"
            ) from error

    def close(self) -> None:
        """Closes the zip file if it was opened."""
        if "_archive" in self.__dict__:
            self._archive.close()

    def _member(self, name):
        return self._prefix + name

    @functools.cached_property
    def _prefix(self):
        nested = f"{self.folder}/{self.folder}/"
        members = self._archive.namelist()
        return nested if any(name.startswith(nested) for name in members) else f"{self.folder}/"

    @functools.cached_property
    def _archive(self):
        try:
            file_size(self.path)
            archive = zipfile.ZipFile(self.path)
        except Exception as error:  # likewise
            raise ValueError(f"{str(self.path)!r} must be a zip file. Received: {error}") from error
        for info in archive.infolist():
            self._check_member(info)
        return archive

    def _check_member(self, info):
        parts = info.filename.replace("\\", "/").split("/")
        if parts[0] == "" or ":" in parts[0] or ".." in parts:
            rule = "must hold relative paths that stay within it"
        elif info.flag_bits & _ENCRYPTED:
            rule = "must not be encrypted"
        elif info.compress_type not in ZIP_METHODS:
            rule = "must be stored or deflated"
        elif info.file_size > max(_MOST, EXPANSION * info.compress_size):
            rule = "must not be packed more tightly than pictures can be"
        else:
            return
        raise ValueError(f"{str(self.path)!r} {rule}. Received: the member {info.filename!r}")


def _missing(partition, line, place, name):
    return ValueError(
        f"Line {line} of {str(partition)!r} must name a picture in {str(place)!r}. "
        f"Received: {name!r}, which is not there"
    )
