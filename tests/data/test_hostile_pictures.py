"""Pictures that claim to be large, lead elsewhere, or never end: named, and never read."""

import io
import os
import struct
import warnings
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from keras_tsvae.data import celeba_lists, pictures
from keras_tsvae.data.picture_folder import picture_batches
from tests.data import faces
from tests.data.test_celeba import as_zip

pytestmark = pytest.mark.backend_free

SIDE = 60_000


def png(side, rows=b""):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def bmp(side):
    return b"BM" + struct.pack(
        "<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0
    )


def gif(side):
    return (
        b"GIF89a" + struct.pack("<HHBBB", side, side, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;"
    )


def jpeg(side):
    data = bytearray(faces.encoded(Image.new("RGB", (8, 8))))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def tiff(side, changed=(256, 257)):
    data = bytearray(faces.encoded(Image.new("RGB", (16, 16)), "TIFF", compression="tiff_lzw"))
    (offset,) = struct.unpack("<I", data[4:8])
    for entry in range(*struct.unpack("<H", data[offset : offset + 2])):
        place = offset + 2 + 12 * entry
        if struct.unpack("<H", data[place : place + 2])[0] in changed:
            data[place + 2 : place + 12] = struct.pack("<HII", 4, 1, side)
    return bytes(data)


def tiled_tiff(side):
    """A picture of 16 x 16 pixels whose tiles are far larger: the tags of its strips, renamed."""
    data = bytearray(tiff(side, (278, 279)))
    for old, new in ((278, 322), (279, 323)):
        data = data.replace(struct.pack("<HH", old, 4), struct.pack("<HH", new, 4))
    return bytes(data)


def webp(side):
    sides = 2 * (side - 1).to_bytes(3, "little")
    frame = b"ANMF" + struct.pack("<I", 24) + bytes(24)
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + sides
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lossless_webp(side):
    side = min(side, 2**14)
    both = (side - 1) | (side - 1) << 14
    body = b"WEBPVP8L" + struct.pack("<I", 5) + b"\x2f" + struct.pack("<I", both)
    return b"RIFF" + struct.pack("<I", len(body)) + body


MAKERS = (png, bmp, gif, jpeg, tiff, tiled_tiff, webp, lossless_webp)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_large_claims_are_refused_by_name(make, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(make(SIDE))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("it was read"))
    with pytest.raises(ValueError, match=r"a\.png.*(pixels|DecompressionBomb)"):
        pictures.load(path)
    with pytest.raises(ValueError, match=r"a\.png"):
        list(picture_batches(tmp_path))


def test_pixels_are_held_against_the_size(tmp_path):
    """Of 36 million pixels: those of an empty picture are refused, real ones are not."""
    side = 6000
    rows = zlib.compress(bytes(side * (3 * side + 1)))
    with pytest.raises(ValueError, match="6,000 x 6,000 pixels, and may have 16,777,216"):
        pictures.decode(png(side, rows), "empty", lambda image, convert: image)
    noise = np.random.default_rng(0).integers(0, 256, 400_000, "uint8").tobytes()
    file = png(side, rows) + noise  # as large as a real one
    seen = pictures.decode(file, "real", lambda image, convert: image.resize((1, 1)))
    assert seen.shape == (1, 1, 3)


@pytest.mark.parametrize("place", ["/dev/zero", "pipe"])
def test_what_never_ends_is_not_read(place, tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "b.png").symlink_to(place)
    with pytest.raises(ValueError, match=r"b\.png.*no regular file"):
        list(picture_batches(tmp_path))


def zip_with(folder, name, data, method=zipfile.ZIP_STORED, mode=0o100644):
    """Packs CelebA's folder, with other bytes for one picture."""
    file = io.BytesIO()
    as_zip(folder)
    with zipfile.ZipFile(folder / "img_align_celeba.zip") as old, zipfile.ZipFile(file, "w") as new:
        for info in old.infolist():
            if info.filename.endswith(name):
                info.external_attr, info.compress_type = mode << 16, method
                new.writestr(info, data)
            else:
                new.writestr(info, old.read(info))
    (folder / "img_align_celeba.zip").write_bytes(file.getvalue())


@pytest.mark.parametrize(
    "data, method, mode, message",
    [
        (bytes(2**25), zipfile.ZIP_DEFLATED, 0o100644, "packed more tightly than"),
        (b"x", zipfile.ZIP_LZMA, 0o100644, "must be stored or deflated"),
        (b"../secret.jpg", zipfile.ZIP_STORED, 0o120777, "000003.jpg' must be one of JPEG"),
    ],
)
def test_members_of_zip_files(data, method, mode, message, celeba_dir):
    (celeba_dir / "secret.jpg").write_bytes(faces.encoded(faces.picture(2)))
    zip_with(celeba_dir, faces.name(2), data, method, mode)
    with pytest.raises(ValueError, match=message):
        faces.load(celeba_dir)


def test_lists_that_claim_much(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("9" * 5000 + "\na b\n")
    with pytest.raises(ValueError, match="must start with a line of the number of rows"):
        celeba_lists.read_attributes(path)
    n = 2000
    path.write_text(f"{n}\n{'x ' * 10**6}\n" + "a.jpg 1\n" * n)  # 2 GB of values, it claims
    with warnings.catch_warnings(), pytest.raises(ValueError, match="Line 3 .* 1000000 values"):
        warnings.simplefilter("error")
        celeba_lists.read_attributes(path)
