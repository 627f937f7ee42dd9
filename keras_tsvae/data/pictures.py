"""Picture files to arrays, with Pillow.

A picture is turned as its EXIF tag says. Grey, palette, CMYK and other pictures are converted to
the channels asked for; transparency is dropped; 16-bit grey is scaled to 8 bits (`value // 257`);
of an animation the first frame is taken. A file that cannot be decoded raises a `ValueError` that
names it, and so does one with more pixels than its size can account for (see `_MOST`).
"""

import concurrent.futures
import contextlib
import io
import os
import pathlib
import stat as kinds
import typing
from collections.abc import Callable, Generator, Mapping, Sequence

import numpy as np

from keras_tsvae.reading.bounds import EXPANSION

if typing.TYPE_CHECKING:
    from PIL.Image import Image as Picture

RESIZES = ("crop", "pad", "stretch")
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")  # Pillow's others may run programs
_MOST = 2**24  # pixels of any picture; larger ones have at most `EXPANSION` for a byte
_TILE = (0x0142, 0x0143)  # the TIFF tags of a tile's sides
_CHUNK_IMAGES = 1024
_CHUNK_BYTES = 2**24
_ORIENTATION = 0x0112  # the EXIF tag


class BrokenPictures(ValueError):
    """Pictures that cannot be used, all of them.

    Args:
        broken: Dict from pictures, as they were to be decoded, to what is wrong with each.
    """

    def __init__(self, broken: Mapping[typing.Any, str]) -> None:
        self.broken = dict(broken)
        text = "; ".join(self.broken.values())
        super().__init__(text if len(broken) == 1 else f"{len(broken)} broken pictures: {text}")


def read(path: pathlib.Path) -> bytes:
    """Returns the bytes of the file, or raises a `ValueError` that names it."""
    require_file(path)
    with _named(path):
        return path.read_bytes()


def require_file(path: pathlib.Path) -> None:
    """Raises a `ValueError` unless it is a regular file: pipes and devices may have no end."""
    if not kinds.S_ISREG(stat(path).st_mode):
        raise ValueError(f"The picture {str(path)!r} cannot be read. Received: no regular file")


def stat(path: pathlib.Path) -> os.stat_result:
    """Returns the `os.stat` of the file, or raises a `ValueError` that names it."""
    with _named(path):
        return path.stat()


@contextlib.contextmanager
def _named(path):
    try:
        yield
    except OSError as error:
        raise ValueError(f"The picture {str(path)!r} cannot be read. Received: {error}") from error


def decode(
    data: bytes,
    name: str,
    transform: Callable[["Picture", Callable[["Picture"], "Picture"]], "Picture"],
    channels: int = 3,
) -> np.ndarray:
    """Returns a uint8 array `(height, width, channels)` of an encoded picture.

    Args:
        data: Bytes of a picture file.
        name: What messages call it.
        transform: Function from the upright Pillow picture, and a function that converts a Pillow
            picture to 8-bit grey or RGB, to the Pillow picture to return.
        channels: 1 for grey or 3 for RGB. Defaults to 3.

    Raises:
        ValueError: If the picture is truncated, corrupt, of another format or of no use to
            `transform`.
    """
    from PIL import UnidentifiedImageError

    def convert(image):
        return _eight_bits(image).convert("RGB" if channels == 3 else "L")

    try:
        with _opened(io.BytesIO(data), len(data)) as image:
            pixels = np.asarray(transform(_upright(image), convert))
    except UnidentifiedImageError as error:
        raise ValueError(
            f"The picture {name!r} must be one of {', '.join(_FORMATS)}. Received: another file"
        ) from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds
        raise ValueError(f"The picture {name!r} cannot be used. Received: {error!r}") from error
    return pixels.reshape(*pixels.shape[:2], channels)


def load(
    path: pathlib.Path,
    channels: int = 3,
    size: Sequence[int] | None = None,
    resize: str = "crop",
) -> np.ndarray:
    """Returns the picture of a file as a uint8 array, or raises as `decode` does.

    Args:
        path: The file.
        channels: 1 for grey or 3 for RGB. Defaults to 3.
        size: `(height, width)` that it comes to. Defaults to None: its own.
        resize: One of `RESIZES`, how. Defaults to `"crop"`.
    """

    def transform(image, convert):
        image = convert(image)
        return image if size is None else resized(image, size, resize)

    return decode(read(path), str(path), transform, channels)


def resized(image: "Picture", size: Sequence[int], resize: str = "crop") -> "Picture":
    """Returns a Pillow picture of that size, resized bilinearly.

    Args:
        image: A Pillow picture of 8-bit grey or RGB.
        size: `(height, width)`.
        resize: `"crop"` cuts it about its centre to the shape asked for, `"pad"` keeps all of it
            and fills up with black, `"stretch"` changes its shape. Defaults to `"crop"`.
    """
    from PIL import Image, ImageOps

    sides, bilinear = (size[1], size[0]), Image.Resampling.BILINEAR
    if resize == "stretch":
        return image.resize(sides, bilinear)
    return (ImageOps.pad if resize == "pad" else ImageOps.fit)(image, sides, method=bilinear)


def check_resize(resize: str) -> str:
    """Returns `resize`, one of `RESIZES`, or raises a `ValueError`."""
    if resize not in RESIZES:
        raise ValueError(
            f"`resize` must be one of {', '.join(RESIZES)}. Received: resize={resize!r}"
        )
    return resize


def header(path: pathlib.Path) -> tuple[str, tuple[int, int]] | None:
    """Returns Pillow's mode, and `(width, height)`; None of what fails when it is decoded."""
    try:
        require_file(path)
        with open(path, "rb") as file, _opened(file, path.stat().st_size) as image:
            return image.mode, image.size
    except Exception:  # Pillow raises errors of many kinds
        return None


def is_colour(path: pathlib.Path) -> bool:
    """Whether a picture's header says that it is no grey one; False where there is none."""
    mode = (header(path) or ("L",))[0]
    return mode not in ("1", "L", "LA") and not mode.startswith("I")


def decoded(
    parts: Mapping[str, Sequence[typing.Any]],
    decode_one: Callable[[typing.Any], np.ndarray],
    image_bytes: int,
) -> Generator[tuple[str, np.ndarray], None, None]:
    """Yields `(part, images)` in order, decoded by a few threads in chunks of bounded size.

    Args:
        parts: Dict from names of parts to lists of whatever `decode_one` takes.
        decode_one: Function from one of them to a uint8 array; a `ValueError` says that the
            picture is broken.
        image_bytes: Bytes of such an array.

    Raises:
        BrokenPictures: At the end, if there are any.
    """
    rows = chunk_rows(image_bytes)
    broken: dict[typing.Any, str] = {}

    def attempt(item):
        try:
            return decode_one(item)
        except ValueError as error:
            broken[item] = str(error)
            return None

    with concurrent.futures.ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for part, items in parts.items():
            for start in range(0, len(items), rows):
                images = list(pool.map(attempt, items[start : start + rows]))
                if not broken:
                    yield part, np.stack(images)
    if broken:
        raise BrokenPictures({item: broken[item] for item in sorted(broken)})


def chunk_rows(image_bytes: int) -> int:
    """Returns how many images `decoded` puts into a chunk."""
    return max(1, min(_CHUNK_IMAGES, _CHUNK_BYTES // image_bytes))


def through_jpeg(images: np.ndarray, quality: int) -> np.ndarray:
    """Returns RGB images `(n, height, width, 3)` as they come out of JPEG files of that quality."""
    from PIL import Image

    result = np.empty_like(images)
    for target, pixels in zip(result, images):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        target[:] = np.asarray(Image.open(file))
    return result


def _opened(file, size):
    """Returns Pillow's picture of an open file of `size` bytes, if it is not too large for that."""
    from PIL import Image

    most = max(_MOST, EXPANSION * size)
    sides = _webp_sides(file.read(30))
    if sides[0] * sides[1] > most:  # Pillow takes memory for all of them as it opens the file
        raise ValueError(_too_large(sides, size, most))
    file.seek(0)
    image = Image.open(file, formats=_FORMATS)
    tags = getattr(image, "tag_v2", {})
    for sides in (image.size, [tags.get(tag, 0) for tag in _TILE]):
        if sides[0] * sides[1] > most:
            image.close()
            raise ValueError(_too_large(sides, size, most))
    return image


def _too_large(sides, size, most):
    return (
        f"it has {sides[0]:,} x {sides[1]:,} pixels, and may have {most:,} in all, of a size of "
        f"{size:,} bytes"
    )


def _webp_sides(head):
    """Returns width and height that the first 30 bytes of a WebP file say, of others `(0, 0)`."""
    kind = head[12:16] if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else b""
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:], "little")
    if kind == b"VP8L":
        both = int.from_bytes(head[21:25], "little")
        return 1 + (both & 0x3FFF), 1 + (both >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        both = int.from_bytes(head[26:30], "little")
        return both & 0x3FFF, both >> 16 & 0x3FFF
    return 0, 0


def _upright(image):
    """Returns the picture as it is meant to be seen; a damaged tag counts as none."""
    from PIL import Image

    image.load()  # of a TIFF this turns the picture, too
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # damaged tags raise errors of many kinds
        return image
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def _eight_bits(image):
    from PIL import Image

    if image.mode in ("P", "PA"):
        return image.convert("RGBA")
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("grey values must be of 16 bits at the most")
        return Image.fromarray((values // 257).astype("uint8"))
    return image
