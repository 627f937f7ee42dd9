"""The two text files that come with CelebA's pictures."""

import numpy as np

PARTITION = "list_eval_partition.txt"
ATTRIBUTES = "list_attr_celeba.txt"
_VALUES = {"1": 1, "-1": -1}


def read_partition(path, parts):
    """Returns a dict from each of `parts` to a dict from its pictures to their lines' numbers.

    Args:
        path: Path of a file of lines `NAME 0`, `NAME 1` or `NAME 2`.
        parts: The names of the parts 0, 1 and 2.

    Raises:
        ValueError: If the file is anything else, lists a picture twice, or none at all.
    """
    result = {part: {} for part in parts}
    seen = set()
    for number, line in _lines(path):
        name, *values = line.split()
        if len(values) != 1 or values[0] not in ("0", "1", "2"):
            raise _error(path, number, "must be `NAME 0`, `NAME 1` or `NAME 2`", line)
        _check_name(path, number, name, seen)
        seen.add(name)
        result[parts[int(values[0])]][name] = number
    if not seen:
        raise ValueError(f"{str(path)!r} must list pictures. Received: an empty file")
    return result


def read_attributes(path):
    """Returns the attributes' names, a dict from pictures to row numbers, and the int8 rows.

    Args:
        path: Path of a file of the number of rows, the attributes' names, and lines of a picture's
            name and as many values of 1 or -1.

    Raises:
        ValueError: If the file is anything else or lists a picture twice.
    """
    lines = _lines(path)
    if len(lines) < 2 or not lines[0][1].strip().isdecimal():
        raise ValueError(
            f"{str(path)!r} must start with a line of the number of rows and one of names. "
            f"Received: {lines[0][1][:80] if lines else ''!r}"
        )
    count, names, rows = int(lines[0][1]), lines[1][1].split(), lines[2:]
    if count != len(rows):
        raise ValueError(
            f"{str(path)!r} must have {count} rows, as its line 1 says. Received: {len(rows)} rows"
        )
    values, index = np.empty((count, len(names)), "int8"), {}
    for row, (number, line) in enumerate(rows):
        name, *words = line.split()
        if len(words) != len(names):
            raise _error(path, number, f"must have {len(names)} values", f"{len(words)} values")
        try:
            values[row] = [_VALUES[word] for word in words]
        except KeyError as error:
            raise _error(path, number, "must have values of 1 and -1", error.args[0]) from None
        _check_name(path, number, name, index)
        index[name] = row
    return tuple(names), index, values


def _lines(path):
    """Returns the lines that are not blank, with their numbers."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} must be a text file. Received: {error}") from error
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _check_name(path, number, name, seen):
    if name in seen:
        raise _error(path, number, "must not list a picture twice", name)
    if "/" in name or "\\" in name or name in (".", ".."):
        raise _error(path, number, "must start with the name of a file, without a folder", name)


def _error(path, number, rule, received):
    return ValueError(f"Line {number} of {str(path)!r} {rule}. Received: {received[:80]!r}")
