"""Folders of small pictures: two classes, several formats, and what is no picture."""

import numpy as np
from PIL import Image

from tests import tiny

KINDS = ("png", "jpg", "bmp", "webp")


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write(folder, sides=(8,), n=12):
    """Writes `n` pictures: bright ones in `b`, half as bright in `a`, all grey to look at."""
    for number, image in enumerate(tiny.images(n)[..., 0]):
        side = sides[number % len(sides)]
        pixels = np.asarray(Image.fromarray(image).resize((side, side)))
        pixels = pixels // 2 if number % 2 else pixels
        pixels = np.repeat(pixels[..., None], 3, 2) if number % 3 else pixels
        name = f"{'ab'[number % 2]}/{number:03}.{KINDS[number % len(KINDS)]}"
        save(folder / name, pixels)
    (folder / "a" / "notes.txt").write_text("no picture")
    (folder / ".hidden").write_text("no picture")
    return folder
