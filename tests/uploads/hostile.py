"""Files that somebody might send, made by code: those that are refused, those that come out clean.

Each of CLEAN carries MARK outside its pixels, but for those in UNMARKED.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from itertools import groupby
from random import Random

from PIL import Image
from PIL.PngImagePlugin import PngInfo

MARK = b"SECRET-4711"
TEXT = MARK.decode()
PNG = b"\x89PNG\r\n\x1a\n"
SCRIPT = b"<?php echo 1; ?><script>alert(1)</script>" + MARK
SIZE = (120, 80)
Builder = Callable[[], bytes]


def noise(size: tuple[int, int] = SIZE, mode: str = "RGB") -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, size, Random(7).randbytes(size[0] * size[1] * bands))


def saved(image: Image.Image, image_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def plain(image_format: str, size: tuple[int, int] = SIZE) -> bytes:
    return saved(noise(size), image_format)


# PNG by hand


def chunk(kind: bytes, content: bytes = b"", crc: int = 0) -> bytes:
    """crc: added to the right one."""
    total = (zlib.crc32(kind + content) + crc) & 0xFFFFFFFF
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", total)


def header(size: tuple[int, int], depth: int = 8, colour: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))


def zeros(length: int) -> bytes:
    """Deflated, without ever being whole in memory."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(min(1 << 20, length - at))) for at in range(0, length, 1 << 20)]
    return b"".join([*parts, packer.flush()])


def grey_png(
    *extra: bytes, size: tuple[int, int] = (32, 32), tail: bytes = b"", depth: int = 8
) -> bytes:
    """A black one. extra: chunks before the pixels. tail: bytes between them and the end."""
    rows = zeros(size[1] * (1 + (size[0] * depth + 7) // 8))
    body = chunk(b"IDAT", rows)
    return PNG + header(size, depth) + b"".join(extra) + body + tail + chunk(b"IEND")


def with_chunk(content: bytes, kind: bytes) -> bytes:
    """A noise picture with one chunk more, right before its pixels."""
    whole = plain("PNG")
    at = whole.index(b"IDAT") - 4
    return whole[:at] + chunk(kind, content) + whole[at:]


def corrupt(whole: bytes, at: int, new: bytes) -> bytes:
    return whole[:at] + new + whole[at + len(new) :]


# WebP by hand


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP"
    for kind, content in chunks:
        body += kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def lossless(size: tuple[int, int]) -> bytes:
    """A VP8L stream of one colour: no bit for a pixel, so 16383 x 16383 take fewer than 20 bytes.

    After the sizes: no transform, no colour cache, no meta codes, five codes of one symbol each.
    """
    fields = [(0x2F, 8), (size[0] - 1, 14), (size[1] - 1, 14), (0, 4), (0, 3)]
    bits = at = 0
    for value, width in [*fields, *[(0b0001, 4)] * 5]:
        bits |= value << at
        at += width
    return bits.to_bytes((at + 7) // 8, "little")


def canvas(size: tuple[int, int], flags: int = 0) -> tuple[bytes, bytes]:
    wide, high = ((side - 1).to_bytes(3, "little") for side in size)
    return b"VP8X", bytes([flags, 0, 0, 0]) + wide + high


# JPEG by hand


def jpeg_of_claimed_size(side: int) -> bytes:
    whole = plain("JPEG")
    return corrupt(whole, whole.index(b"\xff\xc0") + 5, struct.pack(">HH", side, side))


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segment(content: bytes, marker: int) -> bytes:
    return b"\xff\xd8" + segment(marker, content) + plain("JPEG")[2:]


def endless_scans() -> bytes:
    """A progressive JPEG of MAX_PIXELS whose last scan comes 4,000 times, each a full pass."""
    whole = saved(Image.new("L", (4096, 4096), 90), "JPEG", progressive=True)
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + scan * 4000 + whole[-2:]


# Metadata and profiles


def exif(orientation: int = 1) -> Image.Exif:
    """With a place in Paris."""
    result = Image.Exif()
    result[0x0112] = orientation
    result[0x010E] = TEXT
    result.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    return result


def icc(space: bytes = b"RGB ", gamma: float = 2.2) -> bytes:
    """Version 2, primaries of Adobe RGB (1998) adapted to D50, or a grey curve."""
    curve = b"curv" + struct.pack(">IIHxx", 0, 1, round(gamma * 256))
    if space == b"GRAY":
        tags = {b"kTRC": curve}
    else:
        tags = {
            b"rXYZ": xyz(0.60974, 0.31111, 0.01947),
            b"gXYZ": xyz(0.20528, 0.62567, 0.06087),
            b"bXYZ": xyz(0.14919, 0.06322, 0.74457),
            b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
        }  # fmt: skip
    tags |= {b"wtpt": xyz(0.9642, 1.0, 0.8249), b"cprt": b"text" + bytes(4) + MARK + b"\0"}
    at = 132 + 12 * len(tags)
    table = body = b""
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    start = struct.pack(">I4xI4s4s4s12x4s28x", at + len(body), 0x02400000, b"mntr", space, b"XYZ ",
                        b"acsp") + xyz(0.9642, 1.0, 0.8249)[8:]  # fmt: skip
    return start.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def xyz(*values: float) -> bytes:
    return b"XYZ " + struct.pack(">Iiii", 0, *(round(value * 65536) for value in values))


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>' + MARK + b"</rdf:RDF></x:xmpmeta>"


# Other containers


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", MARK)
    return file.getvalue()


def frames(image_format: str, count: int = 3, size: tuple[int, int] = SIZE) -> bytes:
    others = [Image.new("RGB", size, (at + 1, 80, 9)) for at in range(count - 1)]
    return saved(noise(size), image_format, save_all=True, append_images=others)


def text_bomb(kind: bytes, count: int, length: int) -> bytes:
    packed = zeros(length)
    before = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[kind]
    return grey_png(*[chunk(kind, before + packed)] * count)


def text_png(**options: str) -> bytes:
    text = PngInfo()
    text.add_text("Comment", TEXT)
    text.add_text("Packed", TEXT * 3, zip=True)
    text.add_itxt("International", TEXT, zip=True)
    return saved(noise(), "PNG", pnginfo=text, **options)


def palette(transparency: int | bytes | None = None) -> bytes:
    options = {} if transparency is None else {"transparency": transparency}
    return saved(noise().quantize(16), "PNG", exif=exif(), **options)


def grey16() -> bytes:
    return saved(Image.new("I;16", SIZE, 0x80FF), "PNG", exif=exif())


def rgb16(*extra: bytes) -> bytes:
    row = b"\0" + b"\x40\xff\x80\xff\xc0\xff" * 32
    return (
        PNG + header((32, 32), 16, 2) + b"".join(extra) + chunk(b"tEXt", b"a\0" + MARK)
        + chunk(b"IDAT", zlib.compress(row * 32)) + chunk(b"IEND")
    )  # fmt: skip


def _truncated() -> Iterator[tuple[str, tuple[Builder, str]]]:
    for image_format in ("PNG", "JPEG", "WEBP"):
        for part in (0.003, 0.05, 0.3, 0.6, 0.9, 0.99):

            def build(image_format: str = image_format, part: float = part) -> bytes:
                whole = plain(image_format, (200, 150))
                return whole[: max(16, int(len(whole) * part))]

            yield f"{image_format} cut at {part:.1%}", (build, "broken")


def _foreign() -> Iterator[tuple[str, tuple[Builder, str]]]:
    for image_format in ("AVIF", "GIF", "BMP", "TIFF", "ICO", "PPM", "PCX", "TGA", "PDF", "EPS",
                         "JPEG2000", "DDS", "SGI"):  # fmt: skip
        yield image_format, (lambda name=image_format: plain(name), "not_a_picture")


REFUSED: dict[str, tuple[Builder, str]] = {
    "no byte": (lambda: b"", "empty"),
    "one byte": (lambda: b"\x89", "not_a_picture"),
    "larger than 20 MB": (lambda: plain("PNG") + bytes(20 << 20), "too_large"),
    "20 MB of nothing": (lambda: bytes(20 << 20), "not_a_picture"),
    **dict(_foreign()),
    "AVIF bomb": (lambda: saved(Image.new("L", (4000, 4000)), "AVIF", speed=10), "not_a_picture"),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "not_a_picture"),
    "SVG of entities": (
        lambda: b'<!DOCTYPE s [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>',
        "not_a_picture",
    ),
    "HTML before a JPEG": (lambda: b"<html>" + plain("JPEG"), "not_a_picture"),
    "PostScript that runs": (lambda: b"%!PS\n(/etc/passwd) (r) file\n", "not_a_picture"),
    "ZIP": (zipped, "not_a_picture"),
    "ZIP before a PNG": (lambda: zipped() + plain("PNG"), "not_a_picture"),
    "GIF that is a ZIP": (lambda: plain("GIF") + zipped(), "not_a_picture"),
    "line break before a PNG": (lambda: b"\n" + plain("PNG"), "not_a_picture"),
    "RIFF that is a WAVE": (lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "not_a_picture"),
    "PNG signature, then a JPEG": (lambda: PNG + plain("JPEG"), "broken"),
    "JPEG signature, then a PNG": (lambda: b"\xff\xd8\xff" + plain("PNG"), "broken"),
    "WebP signature, then a GIF": (lambda: b"RIFF\0\1\0\0WEBP" + plain("GIF"), "broken"),
    "PNG signature alone": (lambda: PNG, "broken"),
    "JPEG of two markers": (lambda: b"\xff\xd8\xff\xd9", "broken"),
    "PNG without pixels": (lambda: PNG + header((32, 32)) + chunk(b"IEND"), "broken"),
    "PNG of width 0": (lambda: grey_png(size=(0, 32)), "broken"),
    "PNG with a header of 2**31 a side": (
        lambda: PNG + header((1 << 31, 1 << 31)) + chunk(b"IDAT", zeros(9)), "too_many_pixels"
    ),
    "PNG of 20000 x 20000": (
        lambda: grey_png(size=(20000, 20000), depth=1), "too_many_pixels"
    ),
    "PNG of 4097 x 4097": (lambda: grey_png(size=(4097, 4097)), "too_many_pixels"),
    "PNG with a wrong header check": (
        lambda: corrupt(plain("PNG"), 29, b"\0\0\0\0"), "broken"
    ),
    "PNG with broken pixels": (
        lambda: corrupt(plain("PNG"), plain("PNG").index(b"IDAT") + 900, bytes(64)), "broken"
    ),
    "PNG with a lost chunk name": (
        lambda: corrupt(plain("PNG"), plain("PNG").index(b"IDAT"), b"\0DAT"), "broken"
    ),
    "PNG with a chunk of 4 GB": (
        lambda: PNG + header((32, 32)) + b"\xff\xff\xff\xffIDAT" + bytes(99), "broken"
    ),
    "zTXt bomb": (lambda: text_bomb(b"zTXt", 1, 100 << 20), "broken"),
    "zTXt, 100 smaller bombs": (lambda: text_bomb(b"zTXt", 100, 1 << 20), "broken"),
    "iTXt bomb": (lambda: text_bomb(b"iTXt", 1, 100 << 20), "broken"),
    "iCCP bomb": (lambda: text_bomb(b"iCCP", 1, 100 << 20), "broken"),
    "WebP of 16383 x 16383": (
        lambda: riff((b"VP8L", lossless((16383, 16383)))), "too_many_pixels"
    ),
    "WebP of 16000 x 11000": (
        lambda: riff(canvas((16000, 11000)), (b"VP8L", lossless((16000, 11000)))),
        "too_many_pixels",
    ),
    "WebP of 5000 x 5000": (
        lambda: riff((b"VP8L", lossless((5000, 5000)))), "too_many_pixels"
    ),
    "WebP whose picture is larger than its canvas": (
        lambda: riff(canvas((64, 64)), (b"VP8L", lossless((16383, 16383)))), "broken"
    ),
    "WebP of a canvas alone": (lambda: riff(canvas((64, 64))), "broken"),
    "JPEG that claims 65500 x 65500": (lambda: jpeg_of_claimed_size(65500), "too_many_pixels"),
    "JPEG of width 0": (lambda: jpeg_of_claimed_size(0), "broken"),
    "JPEG of 4,000 scans": (endless_scans, "too_costly"),
    "PNG of 1 x 16000": (lambda: grey_png(size=(1, 16000)), "shape"),
    "PNG of 16000 x 1": (lambda: grey_png(size=(16000, 1)), "shape"),
    "JPEG of 401 x 100": (lambda: plain("JPEG", (401, 100)), "shape"),
    "WebP of 16383 x 16": (lambda: riff((b"VP8L", lossless((16383, 16)))), "shape"),
    "PNG of 1 x 1": (lambda: grey_png(size=(1, 1)), "too_small"),
    "JPEG of 15 x 15": (lambda: plain("JPEG", (15, 15)), "too_small"),
    "animated PNG": (lambda: frames("PNG"), "animated"),
    "animated WebP": (lambda: frames("WEBP"), "animated"),
    "animated WebP of 800 frames": (lambda: frames("WEBP", 800, (400, 400)), "animated"),
    **dict(_truncated()),
}  # fmt: skip
"""Name: how it is made, and the reason."""

CLEAN: dict[str, Builder] = {
    "PNG": lambda: plain("PNG"),
    "JPEG": lambda: plain("JPEG"),
    "WebP": lambda: plain("WEBP"),
    "PNG of 4096 x 4096": lambda: grey_png(size=(4096, 4096)),
    "PNG of 8192 x 2048, 16-bit": lambda: grey_png(size=(8192, 2048), depth=16),
    "JPEG that claims 4000 x 4000, the rest grey": lambda: jpeg_of_claimed_size(4000),
    "JPEG of 4096 x 4096, progressive": lambda: saved(
        Image.new("CMYK", (4096, 4096)), "JPEG", progressive=True
    ),
    "WebP of 4096 x 4096 in 28 bytes": lambda: riff((b"VP8L", lossless((4096, 4096)))),
    "PNG whose pixels unpack to 100 MB": lambda: (
        PNG + header((32, 32)) + chunk(b"IDAT", zeros(100 << 20)) + chunk(b"IEND")
    ),
    "PNG with texts": text_png,
    "PNG with EXIF": lambda: saved(noise(), "PNG", exif=exif(6)),
    "PNG with XMP": lambda: with_chunk(b"XML:com.adobe.xmp\0\0\0\0\0" + XMP, b"iTXt"),
    "PNG with a profile": lambda: saved(noise(), "PNG", icc_profile=icc(), exif=exif()),
    "PNG with a private chunk": lambda: with_chunk(SCRIPT, b"prVt"),
    "PNG with a script behind": lambda: plain("PNG") + SCRIPT,
    "PNG with a ZIP behind": lambda: plain("PNG") + zipped(),
    "PNG with an HTML page behind": lambda: plain("PNG") + b"<html>" + SCRIPT,
    "PNG with a second PNG behind": lambda: plain("PNG") + text_png(),
    "PNG with text behind its pixels": lambda: grey_png(tail=chunk(b"tEXt", b"a\0" + MARK)),
    "PNG with a palette": palette,
    "PNG with a transparent colour": lambda: palette(3),
    "PNG with a palette of alphas": lambda: palette(bytes(range(0, 256, 16))),
    "PNG of one bit": lambda: saved(noise().convert("1"), "PNG", exif=exif()),
    "PNG of one bit, white transparent": lambda: saved(
        noise().convert("1"), "PNG", exif=exif(), transparency=1
    ),
    "PNG of 16-bit grey": grey16,
    "PNG of 16-bit colours": rgb16,
    "PNG of 16-bit colours, one transparent": lambda: rgb16(
        chunk(b"tRNS", b"\x40\xff\x80\xff\xc0\xff")
    ),
    "PNG of 16-bit grey, one transparent": lambda: grey_png(
        chunk(b"tRNS", b"\x40\xff"), chunk(b"tEXt", b"a\0" + MARK), depth=16
    ),
    "PNG of grey and alpha": lambda: saved(noise(mode="LA"), "PNG", exif=exif(5)),
    "PNG of an animation of one": lambda: grey_png(
        chunk(b"acTL", struct.pack(">II", 1, 0)),
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 32, 32, 0, 0, 1, 1, 0, 0)),
        chunk(b"tEXt", b"a\0" + MARK),
    ),
    "PNG with a wrong pixel check": lambda: (
        PNG + header((32, 32)) + chunk(b"tEXt", b"a\0" + MARK)
        + chunk(b"IDAT", zeros(32 * 33), crc=1) + chunk(b"IEND")
    ),
    "JPEG with a comment": lambda: saved(noise(), "JPEG", comment=SCRIPT),
    "JPEG with GPS": lambda: saved(noise(), "JPEG", exif=exif(6)),
    "JPEG with XMP": lambda: with_segment(b"http://ns.adobe.com/xap/1.0/\0" + XMP, 0xE1),
    "JPEG with a profile": lambda: saved(noise(), "JPEG", icc_profile=icc()),
    "JPEG with a broken profile": lambda: saved(noise(), "JPEG", icc_profile=MARK * 40),
    "JPEG with a profile cut short": lambda: saved(noise(), "JPEG", icc_profile=icc()[:300] + MARK),
    "JPEG with a profile for grey": lambda: saved(noise(), "JPEG", icc_profile=icc(b"GRAY")),
    "JPEG with broken EXIF": lambda: saved(noise(), "JPEG", exif=b"Exif\0\0" + MARK * 9),
    "JPEG with EXIF that loops": lambda: saved(
        noise(),
        "JPEG",
        exif=b"Exif\0\0II*\0" + struct.pack("<IHHHII", 8, 1, 0x8769, 4, 1, 8) + MARK,
    ),
    "JPEG with Photoshop's block": lambda: with_segment(b"Photoshop 3.0\x008BIM" + MARK * 3, 0xED),
    "JPEG with a preview inside": lambda: with_segment(
        b"Exif\0\0" + plain("JPEG")[:500] + MARK, 0xE1
    ),
    "JPEG with a ZIP behind": lambda: plain("JPEG") + zipped(),
    "JPEG that is HTML too": lambda: saved(noise(), "JPEG", comment=b"--><html>" + SCRIPT),
    "JPEG of CMYK": lambda: saved(noise(mode="CMYK"), "JPEG", exif=exif()),
    "JPEG of CMYK with a profile for RGB": lambda: saved(
        noise(mode="CMYK"), "JPEG", icc_profile=icc()
    ),
    "JPEG of grey with a profile for RGB": lambda: saved(
        noise(mode="L"), "JPEG", icc_profile=icc()
    ),
    "JPEG of several pictures": lambda: frames("MPO") + MARK,
    "WebP with EXIF": lambda: saved(noise(), "WEBP", exif=exif(8).tobytes()),
    "WebP with XMP": lambda: saved(noise(), "WEBP", xmp=XMP),
    "WebP with a profile and alpha": lambda: saved(
        noise(mode="RGBA"), "WEBP", lossless=True, icc_profile=icc()
    ),
    "WebP with a private chunk": lambda: plain("WEBP") + b"prVt\x0b\0\0\0" + MARK + b"\0",
}  # fmt: skip
"""Name: how it is made."""

UNMARKED = tuple(CLEAN)[:9]
"""The plain and the large ones."""


def mutations(count: int, seed: int = 1) -> Iterator[bytes]:
    """Good files of all kinds with one to twelve bytes changed, cut out or put in twice."""
    draw = Random(seed)
    size = (48, 40)
    originals = [
        text_png(), palette(3), frames("PNG", 2, size), frames("WEBP", 2, size),
        saved(noise(size), "JPEG", exif=exif(6), icc_profile=icc(), comment=TEXT),
        saved(noise(size, "CMYK"), "JPEG", progressive=True, exif=exif(3)), frames("MPO", 2, size),
        saved(noise(size, "RGBA"), "WEBP", lossless=True, exif=exif(8).tobytes(), xmp=XMP),
        saved(noise(size), "WEBP", icc_profile=icc()), saved(noise(size), "PNG", icc_profile=icc()),
    ]  # fmt: skip
    for number in range(count):
        file = bytearray(originals[number % len(originals)])
        # Half of the changes fall into the first bytes, where the structure is.
        for _ in range(draw.choice((1, 2, 4, 12))):
            at = draw.randrange(draw.choice((min(400, len(file)), len(file))))
            match draw.randrange(8):
                case 0:
                    del file[at : at + draw.randrange(1, 40)]
                case 1:
                    file[at:at] = file[at : at + draw.randrange(1, 40)]
                case 2:
                    file[at] = draw.choice((0, 0x7F, 0x80, 0xFF))
                case _:
                    file[at] ^= 1 << draw.randrange(8)
        yield bytes(file)


def kinds_of_chunks(png: bytes) -> list[bytes]:
    """In their order, neighbours of one kind as one; what is behind the end is b"?"."""
    at, kinds = len(PNG), []
    while at < len(png) and kinds[-1:] != [b"IEND"]:
        kinds.append(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4])
    return [kind for kind, _ in groupby(kinds)] + [b"?"] * (at != len(png))
