"""CelebA's folder layout, in small."""

import io

import numpy as np
from PIL import Image

from keras_tsvae.data import celeba

PARTS = (0, 2, 0, 1, 0, 2)  # of pictures 1, 2, ...
ATTRIBUTES = tuple(f"Attribute_{number}" for number in range(40))
RNG = np.random.default_rng(0)
VALUES = RNG.choice([-1, 1], (len(PARTS), 40))


def name(index):
    return f"{index + 1:06d}.jpg"


def picture(index, size=(178, 218)):
    """A smooth colour picture, another one for every index."""
    rng = np.random.default_rng(index)
    small = Image.fromarray(rng.integers(0, 256, (6, 5, 3), "uint8"))
    return small.resize(size, Image.Resampling.BICUBIC)


def encoded(image, kind="JPEG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def write(folder):
    """Writes six pictures, and both lists; the partition list is not in the pictures' order."""
    (folder / "img_align_celeba").mkdir(parents=True)
    for index in range(len(PARTS)):
        picture_path(folder, index).write_bytes(encoded(picture(index)))
    write_attributes(folder, VALUES)
    write_partition(folder, [f"{name(index)} {PARTS[index]}" for index in reversed(range(6))])
    return folder


def as_kaggle(folder, bom="\ufeff"):
    """Lays the same data set out as Kaggle does: CSV files, and the pictures nested twice."""
    pictures = folder / "img_align_celeba"
    pictures.rename(folder / "moved")
    pictures.mkdir()
    (folder / "moved").rename(pictures / "img_align_celeba")
    attributes = [",".join(("image_id", *ATTRIBUTES))]
    attributes += [",".join(map(str, (name(i), *row))) for i, row in enumerate(VALUES)]
    partition = (folder / "list_eval_partition.txt").read_text().split("\n")[:-1]
    partition = ["image_id,partition", *(line.replace(" ", ",") for line in partition)]
    for kind, lines in (("attr_celeba", attributes), ("eval_partition", partition)):
        (folder / f"list_{kind}.txt").unlink()
        text = bom + "\r\n".join(lines) + "\r\n"
        (folder / f"list_{kind}.csv").write_bytes(text.encode())
    return folder


def write_attributes(folder, values, count=None, extra=()):
    rows = [f"{name(i)}  {'  '.join(map(str, row))}" for i, row in enumerate(values)]
    lines = [str(len(rows) if count is None else count), " ".join(ATTRIBUTES) + " ", *rows, *extra]
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")


def write_partition(folder, lines):
    (folder / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")


def picture_path(folder, index):
    return folder / "img_align_celeba" / name(index)


def load(folder, **options):
    return celeba.load(folder, **{"image_size": 8, "verbose": 0, **options})
