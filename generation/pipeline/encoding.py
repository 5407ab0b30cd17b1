"""From colours to a file that carries its settings where readers look for them."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image

from generation.pipeline.parameters import KEYWORD
from generation.spec.formats import JPEG, PNG, PNG16, WEBP, FileFormat

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""[height, width, 3]; those of 16 bits are big-endian, as a PNG wants them."""

LOSSY_QUALITY = 95
FULL_CHROMA = 0
"""Pillow's word for 4:4:4: a JPEG whose colours are as sharp as its light."""
MAX_EXIF_BYTES = 65_533
"""What fits into a JPEG's segment, whose length is a 16-bit number that counts itself."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TRUECOLOUR = 2
PAETH = 4


def encode_picture(colours: torch.Tensor, text: str, file_format: FileFormat) -> bytes:
    """Write the colours as a whole file of this format, with the text as its `parameters`.

    colours: [height, width, 3], 0 to 1, finite, float32 on the CPU.
    Nothing else goes into it: the same colours and text give the same bytes.
    """
    return _WRITERS[file_format.name](round_colours(colours, file_format.bits), text)


def round_colours(colours: torch.Tensor, bits: int) -> Pixels:
    """The nearest whole numbers of so many bits, 8 or 16, row after row; of 8, diffusers' own."""
    scaled = (colours.numpy() * (2**bits - 1)).round()
    return scaled.astype(np.uint8 if bits == 8 else ">u2", order="C")


def _write_png(pixels: Pixels, text: str) -> bytes:
    """By hand, since Pillow writes no RGB of 16 bits. 0.1 s for 1024 x 1024 of 8 bits, 0.2 of 16.

    Deflate packs runs alone: beyond them filtered pictures repeat nothing that is worth a search.
    Source: Portable Network Graphics (PNG) Specification, W3C, chapters 5, 9, 11.
    """
    height, width, _channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, TRUECOLOUR, 0, 0, 0)
    packer = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    packed = [*map(packer.compress, _filtered_rows(pixels)), packer.flush()]
    chunks = (
        _chunk(b"IHDR", header),
        _text_chunk(text),
        _chunk(b"IDAT", b"".join(packed)),
        _chunk(b"IEND"),
    )
    return PNG_SIGNATURE + b"".join(chunks)


def _chunk(kind: bytes, content: bytes = b"") -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def _text_chunk(text: str) -> bytes:
    """tEXt where the text is Latin-1, else iTXt, uncompressed and of no language."""
    keyword = KEYWORD.encode()
    try:
        return _chunk(b"tEXt", keyword + b"\0" + text.encode("latin-1"))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", keyword + bytes(5) + text.encode())


def _filtered_rows(pixels: Pixels) -> Iterator[bytes]:
    """Each row as its difference from what Paeth's predictor makes of its neighbours.

    Every byte counts by itself: of left, above and upper left it is the nearest to
    left + above - upper left. Before the row stands the filter's number.
    """
    step = 3 * pixels.itemsize
    rows = pixels.view(np.uint8).reshape(len(pixels), -1)
    above = np.zeros(step + rows.shape[1], np.int16)
    for row in rows:
        here = np.concatenate((np.zeros(step, np.int16), row))
        left, up, corner = here[:-step], above[step:], above[:-step]
        vertical, horizontal = up - corner, left - corner
        far_left, far_up = np.abs(vertical), np.abs(horizontal)
        far_corner = np.abs(vertical + horizontal)
        is_left = (far_left <= far_up) & (far_left <= far_corner)
        guess = np.where(is_left, left, np.where(far_up <= far_corner, up, corner))
        yield bytes((PAETH,)) + (row - guess.astype(np.uint8)).tobytes()
        above = here


def _write_jpeg(pixels: Pixels, text: str) -> bytes:
    """Of a text that is longer than a JPEG can keep, the words end early, the settings never."""
    exif = _exif(text)
    if (excess := len(exif) - MAX_EXIF_BYTES) > 0:
        exif = _exif(_shortened(text, excess))
    return _save(pixels, "JPEG", quality=LOSSY_QUALITY, subsampling=FULL_CHROMA, exif=exif)


def _write_webp(pixels: Pixels, text: str) -> bytes:
    return _save(pixels, "WEBP", quality=LOSSY_QUALITY, exif=_exif(text))


def _save(pixels: Pixels, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def _exif(text: str) -> bytes:
    """The text as EXIF's UserComment, big-endian, as A1111's readers expect it."""
    exif = Image.Exif()
    comment = b"UNICODE\0" + text.encode("utf-16-be")
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return exif.tobytes()


def _shortened(text: str, excess: int) -> str:
    """The text without so many bytes of UTF-16 at the end of its words; an ellipsis tells of it."""
    words, settings = text.rsplit("\n", 1)
    kept = words.encode("utf-16-be")[: -excess - len("…".encode("utf-16-be"))]
    return kept.decode("utf-16-be", "ignore") + "…\n" + settings


_WRITERS: dict[str, Callable[[Pixels, str], bytes]] = {
    PNG.name: _write_png,
    PNG16.name: _write_png,
    WEBP.name: _write_webp,
    JPEG.name: _write_jpeg,
}
