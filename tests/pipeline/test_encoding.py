"""Colours become a file of any format, read back here by its own rules and by Pillow."""

import io
import itertools
import zlib

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, JpegImagePlugin
from PIL.PngImagePlugin import PngInfo

from generation.pipeline.encoding import encode_picture, round_colours
from generation.spec.formats import FORMATS, JPEG, PNG, PNG16, WEBP, FileFormat

SIZES = [(8, 16), (1, 1), (1, 9), (9, 1), (33, 20)]
TEXTS = ["plain", "café", "日本の城 🏰\nSteps: 3", "two\nlines\n\nand a blank one"]
ALL = pytest.mark.parametrize("file_format", FORMATS.values(), ids=FORMATS)
LOSSLESS = pytest.mark.parametrize("file_format", [PNG, PNG16], ids=["png", "png16"])


def some_colours(height: int = 32, width: int = 48) -> torch.Tensor:
    """A gradient with noise, black and white included; in memory plane by plane, as decoded."""
    noise = torch.rand(3, height, width, generator=torch.Generator().manual_seed(5))
    slope = torch.linspace(-0.2, 1.2, width)
    return (slope + 0.1 * noise).clamp(0, 1).permute(1, 2, 0)


def chunks_of(file: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of each chunk of a PNG, whose check sums are right."""
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = [], 8
    while at < len(file):
        end = at + 8 + int.from_bytes(file[at : at + 4])
        assert int.from_bytes(file[end : end + 4]) == zlib.crc32(file[at + 4 : end])
        chunks.append((file[at + 4 : at + 8], file[at + 8 : end]))
        at = end + 4
    return chunks


def pixels_of(file: bytes) -> np.ndarray:
    """The whole numbers of an RGB PNG, [height, width, 3], by the specification alone."""
    chunks = dict(chunks_of(file))
    width, height = int.from_bytes(chunks[b"IHDR"][:4]), int.from_bytes(chunks[b"IHDR"][4:8])
    bits, kind, *others = chunks[b"IHDR"][8:]
    assert (bits in (8, 16), kind, others) == (True, 2, [0, 0, 0])
    step = 3 * bits // 8
    packed = iter(zlib.decompress(chunks[b"IDAT"]))
    above = [0] * (step * (width + 1))
    rows = bytearray()
    for _row in range(height):
        assert next(packed) == 4
        here = [0] * step
        for at, difference in enumerate(itertools.islice(packed, step * width), start=step):
            here.append((difference + paeth(here[at - step], above[at], above[at - step])) % 256)
        rows += bytes(here[step:])
        above = here
    assert not list(packed)
    return np.frombuffer(rows, ">u2" if bits == 16 else "u1").reshape(height, width, 3)


def paeth(left: int, above: int, corner: int) -> int:
    """The specification's predictor; of equally near ones the first wins."""
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))


def text_of(file: bytes) -> str:
    image = Image.open(io.BytesIO(file))
    if image.format == "PNG":
        assert set(image.info) == set(image.text) == {"parameters"}
        return image.text["parameters"]
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    assert comment.startswith(b"UNICODE\0")
    return comment[8:].decode("utf-16-be")


@LOSSLESS
@pytest.mark.parametrize("size", SIZES)
def test_a_png_holds_the_nearest_whole_numbers(
    file_format: FileFormat, size: tuple[int, int]
) -> None:
    colours = some_colours(*size)
    highest = 2**file_format.bits - 1

    pixels = pixels_of(encode_picture(colours, "t", file_format))

    assert pixels.shape == (*size, 3)
    assert np.abs(pixels / highest - colours.numpy()).max() <= 0.501 / highest
    assert np.array_equal(pixels, round_colours(colours, file_format.bits))


def test_sixteen_bits_are_of_the_colours_and_not_of_rounded_ones() -> None:
    pixels = pixels_of(encode_picture(some_colours(), "t", PNG16))

    assert (pixels.min(), pixels.max()) == (0, 65535)
    assert np.count_nonzero(pixels % 257) > pixels.size / 2
    assert len(np.unique(pixels)) > 1000


def test_pillow_reads_the_same_pixels() -> None:
    colours = some_colours()
    shown = {
        file_format: np.asarray(Image.open(io.BytesIO(encode_picture(colours, "t", file_format))))
        for file_format in (PNG, PNG16)
    }

    assert np.array_equal(shown[PNG], round_colours(colours, 8))
    assert np.array_equal(shown[PNG16], round_colours(colours, 16) >> 8)


@LOSSLESS
@pytest.mark.parametrize("text", TEXTS)
def test_a_png_has_four_chunks_and_the_text_as_pillow_writes_it(
    file_format: FileFormat, text: str
) -> None:
    own = chunks_of(encode_picture(some_colours(), text, file_format))
    info = PngInfo()
    info.add_text("parameters", text)
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG", pnginfo=info)

    assert [kind for kind, _content in own if kind not in (b"tEXt", b"iTXt")] == [
        b"IHDR",
        b"IDAT",
        b"IEND",
    ]
    assert own[1] == chunks_of(file.getvalue())[1]


@ALL
@pytest.mark.parametrize("text", TEXTS)
def test_the_text_is_read_back_exactly(file_format: FileFormat, text: str) -> None:
    assert text_of(encode_picture(some_colours(), text, file_format)) == text


@ALL
def test_the_same_colours_and_text_give_the_same_bytes(file_format: FileFormat) -> None:
    colours = some_colours()
    file = encode_picture(colours, "t", file_format)

    assert encode_picture(colours.clone(), "t", file_format) == file
    assert encode_picture(colours, "u", file_format) != file


@pytest.mark.parametrize("file_format", [WEBP, JPEG], ids=["webp", "jpeg"])
@pytest.mark.parametrize("size", SIZES)
def test_a_lossy_file_is_near_the_colours(file_format: FileFormat, size: tuple[int, int]) -> None:
    colours = torch.full((*size, 3), 0.25)
    image = Image.open(io.BytesIO(encode_picture(colours, "t", file_format)))

    assert (image.format, image.mode, image.size) == (
        file_format.name.upper(),
        "RGB",
        (size[1], size[0]),
    )
    assert np.abs(np.asarray(image) - 63.75).max() < 4


def test_a_jpeg_keeps_each_pixels_colour() -> None:
    """Columns of red and blue, which halved chroma would blend."""
    colours = torch.zeros(16, 16, 3)
    colours[:, ::2, 0] = colours[:, 1::2, 2] = 1.0
    image = Image.open(io.BytesIO(encode_picture(colours, "t", JPEG)))

    assert JpegImagePlugin.get_sampling(image) == 0
    assert np.abs(np.asarray(image) - 255.0 * colours.numpy()).max() < 40


@pytest.mark.parametrize("words", ["x" * 40_000, "🏰" * 20_001])
def test_a_text_too_long_for_a_jpeg_loses_words_and_no_settings(words: str) -> None:
    settings = "Steps: 30, Sampler: DPM++ 2M, Seed: 1"
    text = f"{words}\n{settings}"

    kept, told = text_of(encode_picture(some_colours(), text, JPEG)).split("…\n")

    assert told == settings
    assert words.startswith(kept)
    assert 64_000 < len(kept.encode("utf-16-be")) < 65_533
    assert text_of(encode_picture(some_colours(), text, WEBP)) == text


@LOSSLESS
def test_a_flat_picture_is_small(file_format: FileFormat) -> None:
    assert len(encode_picture(torch.full((256, 256, 3), 0.5), "t", file_format)) < 4000
