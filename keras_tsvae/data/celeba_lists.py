"""The lists that come with CelebA's pictures: text files, or CSV files as Kaggle makes them."""

import pathlib
import re
from collections.abc import Sequence

import numpy as np

PARTITION = ("list_eval_partition.txt", "list_eval_partition.csv")
ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
_VALUES = {"1": 1, "-1": -1}
_OWN_VALUES = {**_VALUES, "0": -1}
_COUNT = re.compile(r"\d{1,9}")


def read_partition(path: pathlib.Path, parts: Sequence[str]) -> dict[str, dict[str, int]]:
    """Returns a dict from each of `parts` to a dict from its pictures to their lines' numbers.

    Args:
        path: Path of a file of lines `NAME 0`, `NAME 1` or `NAME 2`, or `NAME,0` and so on, below
            a header or not.
        parts: The names of the parts 0, 1 and 2.

    Raises:
        ValueError: If the file is anything else, lists a picture twice, or none at all.
    """
    result: dict[str, dict[str, int]] = {part: {} for part in parts}
    seen: set[str] = set()
    rows, separator = _rows(path)
    for number, line, (name, *values) in rows:
        if separator == "," and number == rows[0][0] and not "".join(values).isdecimal():
            continue  # the header
        if len(values) != 1 or values[0] not in ("0", "1", "2"):
            raise _error(path, number, "must be `NAME 0`, `NAME 1` or `NAME 2`", line)
        _check_name(path, number, name, seen)
        seen.add(name)
        result[parts[int(values[0])]][name] = number
    if not seen:
        raise ValueError(f"{str(path)!r} must list pictures. Received: an empty file")
    return result


def read_attributes(
    path: pathlib.Path, own: bool = False
) -> tuple[tuple[str, ...], dict[str, int], np.ndarray]:
    """Returns the attributes' names, a dict from pictures to row numbers, and the int8 rows.

    Args:
        path: Path of a file of the number of rows, the attributes' names, and lines of a picture's
            name and as many values of 1 or -1; or of a CSV file without the number, whose header
            has a word before the attributes' names.
        own: Whether it may be one of a user's own: with 0 in place of -1, and with pictures in
            folders, as `cats/1.png`. Defaults to False.

    Raises:
        ValueError: If the file is anything else or lists a picture twice.
    """
    rows, separator = _rows(path)
    if separator == ",":
        (_, *names), rows = rows[0][2], rows[1:]
        if not names or {*names} & {*_VALUES}:
            raise _error(path, 1, "must be a header of the attributes' names", ",".join(names))
    elif len(rows) < 2 or not _COUNT.fullmatch(rows[0][1].strip()):
        raise ValueError(
            f"{str(path)!r} must start with a line of the number of rows and one of names. "
            f"Received: {rows[0][1][:80] if rows else ''!r}"
        )
    else:
        count, names, rows = int(rows[0][1]), rows[1][2], rows[2:]
        if count != len(rows):
            raise ValueError(
                f"{str(path)!r} must have {count} rows, as its line 1 says. "
                f"Received: {len(rows)} rows"
            )
    for number, _, (_, *words) in rows:  # before memory is taken for all
        if len(words) != len(names):
            raise _error(path, number, f"must have {len(names)} values", f"{len(words)} values")
    known, rule = (_OWN_VALUES, "1 and 0, or -1") if own else (_VALUES, "1 and -1")
    values = np.empty((len(rows), len(names)), "int8")
    index: dict[str, int] = {}
    for row, (number, _, (name, *words)) in enumerate(rows):
        try:
            values[row] = [known[word] for word in words]
        except KeyError as error:
            raise _error(path, number, f"must have values of {rule}", error.args[0]) from None
        name = name.replace("\\", "/") if own else name
        _check_name(path, number, name, index, own)
        index[name] = row
    return tuple(names), index, values


def _rows(path):
    """Returns `(number, line, words)` of the lines that are not blank, and what separates words."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} must be a text file. Received: {error}") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if lines and "," in lines[0][1]:
        cells = ((number, line, line.split(",")) for number, line in lines)
        rows = [(number, line, [cell.strip(' \t"') for cell in row]) for number, line, row in cells]
        return rows, ","
    return [(number, line, line.split()) for number, line in lines], " "


def _check_name(path, number, name, seen, folders=False):
    if name in seen:
        raise _error(path, number, "must not list a picture twice", name)
    if folders:
        return
    if "/" in name or "\\" in name or name in (".", ".."):
        raise _error(path, number, "must start with the name of a file, without a folder", name)


def _error(path, number, rule, received):
    return ValueError(f"Line {number} of {str(path)!r} {rule}. Received: {received[:80]!r}")
