"""Where pictures go: a folder of PNGs, a grid, or arrays."""

import math
import os
import pathlib
from collections.abc import Sequence

import numpy as np
import typer

from keras_tsvae.arrays.grids import image_grid
from keras_tsvae.data.pictures import SUFFIXES
from keras_tsvae.files import expanded, scratch_folder, writable_folder, written_beside


def check_output(output: str, overwrite: bool) -> pathlib.Path:
    """Returns the path to write to; raises before anything is computed if that will not do.

    Args:
        output: A path that ends in `.png` or `.npz`, or that of a folder.
        overwrite: Whether files of the same name are replaced.

    Raises:
        typer.BadParameter: If it ends like a file of another kind, such as `.jpg`.
        ValueError: If it exists, and is not to be replaced, or cannot be written.
    """
    path = expanded(output)
    if path.suffix.lower() in (*SUFFIXES, ".npz") and path.suffix not in (".png", ".npz"):
        raise typer.BadParameter(
            f"{output!r} must end in .png or .npz, or be a folder", param_hint="'--output'"
        )
    check_free(path, overwrite)
    is_file = path.suffix in (".png", ".npz")
    if path.exists() and path.is_dir() == is_file:
        kind = "a file" if is_file else "a folder"
        raise ValueError(f"--output must be {kind}. Received: {output!r}, which is none")
    writable_folder("--output", path.parent if is_file or not path.exists() else path)
    return path


def check_free(path: pathlib.Path, overwrite: bool) -> None:
    """Raises a `ValueError` if something is at `path` that is not to be replaced."""
    taken = any(path.iterdir()) if path.is_dir() else path.exists()
    if taken and not overwrite:
        raise ValueError(f"--output exists: {str(path)!r}; --overwrite replaces what is there")


def write_pictures(
    path: pathlib.Path, images: np.ndarray, names: Sequence[str], columns: int | None = None
) -> str:
    """Writes images, whole or not at all, and returns what to say of it.

    Args:
        path: As `check_output` returns it. A `.png` becomes a grid; an `.npz` holds `images`,
            float32 in [0, 1], and `names`; a folder gets a PNG for each image.
        images: Float array `(n, height, width, channels)` in [0, 1].
        names: One name for each, of PNGs in the folder.
        columns: Images in a row of a grid. Defaults to None: as many as make it square.
    """
    if path.suffix == ".npz":
        with written_beside(path) as partial, open(partial, "wb") as file:
            np.savez(file, images=images, names=np.array(names))
        return f"{path}: {len(images)} images"
    if path.suffix == ".png":
        grid = image_grid(images, columns or math.ceil(math.sqrt(len(images))))
        with written_beside(path) as partial:
            _write_png(partial, grid)
        return f"{path}: {len(images)} images"
    _write_folder(path, images, names)
    return "\n".join(str(path / name) for name in names)


def _write_folder(path, images, names):
    with scratch_folder(path) as scratch:
        for name, image in zip(names, images, strict=True):
            file = scratch / name
            file.parent.mkdir(parents=True, exist_ok=True)
            _write_png(file, image)
        if path.exists():
            for name in names:
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(scratch / name, path / name)
        else:
            os.rename(scratch, path)


def _write_png(path, pixels):
    from PIL import Image

    pixels = np.rint(255 * np.clip(pixels, 0, 1)).astype("uint8")
    pixels = pixels[..., 0] if pixels.shape[2:] == (1,) else pixels
    Image.fromarray(pixels).save(path, "PNG")
