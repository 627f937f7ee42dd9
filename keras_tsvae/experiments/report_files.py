"""What a report shows of a run's folder, as far as it can be read."""

import csv
import json
import pathlib
import typing
from collections.abc import Callable

from keras_tsvae.reading.bounds import ALWAYS, file_size

_LARGEST = ALWAYS // 4  # bytes of a file: of pictures and settings none is as large
_TABLES = ("stage1", "stage2")
_PNG = b"\x89PNG\r\n\x1a\n"
_FIRST = ("samples_stage2", "samples_mixture", "samples_stage1", "classes", "attributes")
_FIRST += ("reconstructions",)
_OVER_TIME = "_epoch_"
_MOST = 12  # pictures over time of one kind: the first, the last, and some in between
_MOST_BYTES = ALWAYS  # of all pictures
_DRAWN_ANEW = "curves"


class ReportFiles:
    """The files of a run that a report shows, read in bounds.

    Args:
        folder: Path of the folder.

    Attributes:
        folder: The same path.
        config: Dict of the settings, empty if there are none.
        evaluation: Dict of the figures, likewise.
        tables: Dict from `"stage1"` and `"stage2"` to dicts of columns of floats.
        pictures: Dict from names to PNGs as bytes, those that say most first.
        notes: What could not be read, a line for each.

    Raises:
        ValueError: If the folder is not there, or holds none of all that.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self.config: dict[str, typing.Any] = self._read("config.json", _json) or {}
        self.evaluation: dict[str, typing.Any] = self._read("evaluation.json", _json) or {}
        tables = {name: self._read(f"{name}.csv", _table) for name in _TABLES}
        self.tables = {name: table for name, table in tables.items() if table}
        self.pictures = self._pictures()
        if not (self.config or self.evaluation or self.tables or self.pictures or self.notes):
            raise ValueError(
                "`run_folder` must be the folder of a run, with config.json, stage1.csv or "
                f"pictures in it. Received: run_folder={str(folder)!r}"
            )

    def _pictures(self):
        """Returns the pictures by their names, without endings."""
        names = sorted(path.stem for path in (self.folder / "pictures").glob("*.png"))
        names = [name for name in names if name != _DRAWN_ANEW or not self.tables]
        over_time: dict[str, list[str]] = {}
        for name in names:
            if _OVER_TIME in name:
                over_time.setdefault(_kind(name), []).append(name)
        last = [name for names in over_time.values() for name in _some(names)]
        others = [name for name in names if _OVER_TIME not in name]
        first = [name for name in _FIRST if name in others]
        order = [*first, *(name for name in others if name not in first), *last]
        found: dict[str, bytes] = {}
        for number, name in enumerate(order):
            if sum(map(len, found.values())) > _MOST_BYTES:
                self.notes.append(f"{len(order) - number} more pictures are too many for a page")
                break
            content = self._read(f"pictures/{name}.png", _png)
            if content is not None:
                found[name] = content
        return found

    def _read(self, name: str, read: Callable[[bytes], typing.Any]) -> typing.Any:
        """Returns what a file holds, None with a note if it cannot be read, None if it is gone."""
        path = self.folder / name
        try:
            size = file_size(path)
            if size > _LARGEST:
                raise ValueError(f"it has {size:,} bytes, more than {_LARGEST:,}")
            return read(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError, csv.Error) as error:
            self.notes.append(f"{name} cannot be read: {error}")
            return None


def _json(content):
    settings = json.loads(content.decode("utf-8"))
    if not isinstance(settings, dict):
        raise ValueError("it is no JSON object")
    return settings


def _table(content):
    """Returns the columns of a CSV table."""
    rows = csv.reader(content.decode("utf-8").splitlines())
    header = next(rows, [])
    columns = zip(*([float(value) for value in row] for row in rows if row), strict=True)
    return dict(zip(header, map(list, columns)))


def _png(content):
    if not content.startswith(_PNG):
        raise ValueError("it is no PNG")
    return content


def _kind(name):
    """Returns the name of a picture without its epoch."""
    before, _, after = name.partition(_OVER_TIME)
    return f"{before}{after.lstrip('0123456789')}"


def _some(names):
    """Returns names in even steps, the first and the last among them."""
    if len(names) <= _MOST:
        return names
    return [names[round(i * (len(names) - 1) / (_MOST - 1))] for i in range(_MOST)]
