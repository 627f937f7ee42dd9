"""Ways in which files are damaged."""

import io
import zipfile
from collections.abc import Callable

import numpy as np


def mutated(
    whole: bytes, rng: np.random.Generator, sealed: Callable[[bytes], bytes] | None = None
) -> tuple[bytes, bool]:
    """Returns the bytes of a file damaged in one of a few ways, and whether checksums fit them.

    Args:
        whole: The file.
        rng: Generator of random numbers.
        sealed: Function from what follows a file's checksum to the file with the right one.
            Defaults to None: the file does not begin with one.
    """
    if sealed is not None and rng.random() < 0.75:
        return sealed(mutated(whole[len(sealed(b"")) :], rng)[0]), True
    if zipfile.is_zipfile(io.BytesIO(whole)) and rng.random() < 0.5:
        return _inside(whole, rng), True
    return _damaged(whole, rng), False


def _inside(whole, rng):
    """Damages one member of a zip file and packs it anew, with the right checksum."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(file, "w") as new:
        chosen = rng.integers(len(old.infolist()))
        for number, info in enumerate(old.infolist()):
            content = old.read(info)
            new.writestr(info, _damaged(content, rng) if number == chosen else content)
    return file.getvalue()


def _damaged(whole, rng):
    made = bytearray(whole)
    way, size = rng.choice(["cut", "flip", "length", "erase", "insert", "repeat"]), len(made)
    # Headers stand at one end, and of most files there is little of them.
    near = int(min(size, rng.choice([64, 512, size])))
    place = int(rng.integers(near + 1))
    place = place if rng.random() < 0.6 else size - place
    if way == "cut":
        return bytes(made[:place])
    if way == "flip":
        for _ in range(int(rng.integers(1, 9))):
            if size:
                made[min(size - 1, place + int(rng.integers(16)))] ^= 1 << int(rng.integers(8))
    elif way == "length":
        width = int(rng.choice([1, 2, 4, 8]))
        numbers = (2 ** (8 * width) - 1, 2 ** (8 * width - 1) - 1, 2 ** (6 * width))
        number, order = numbers[rng.integers(3)], ("little", "big")[rng.integers(2)]
        made[place : place + width] = number.to_bytes(width, order)
    elif way == "erase":
        made[place : place + 16] = bytes(len(made[place : place + 16]))
    elif way == "insert":
        made[place:place] = rng.bytes(int(rng.integers(1, 40)))
    else:
        made[place:place] = made[place // 2 : place // 2 + 200]
    return bytes(made)
