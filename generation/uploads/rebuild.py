"""A foreign picture on stdin, its pixels as a new PNG on stdout: the program of a child process.

Started by its path as `python -I -S -B rebuild.py FOLDER`, where FOLDER holds Pillow; it knows the
standard library and Pillow alone. It ties its own hands before it looks at the first byte. It exits
with 0, with a Refusal, or as Python does, which is then no fault of the picture.
"""

import contextlib
import enum
import io
import os
import resource
import struct
import sys
import warnings
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_FILE_BYTES = 20 << 20
MAX_SIDE = 4096
MAX_PIXELS = MAX_SIDE * MAX_SIDE
MIN_SIDE = 16
MAX_ASPECT = 4
"""The encoder scales the shorter side to 224 pixels: one of 1 x 4000 would take it 12 seconds."""
RESULT_SIDE = 1024
MAX_RESULT_BYTES = 4 << 20
"""More than the worst noise of RESULT_SIDE squared takes as a PNG."""

LIMITS = {
    resource.RLIMIT_AS: 768 << 20,
    resource.RLIMIT_CPU: 5,
    resource.RLIMIT_FSIZE: MAX_RESULT_BYTES,
    resource.RLIMIT_NOFILE: 16,
    resource.RLIMIT_NPROC: 0,
    resource.RLIMIT_CORE: 0,
}
NOBODY = 65534
ORIENTATION = 0x0112
TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
    6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90",
}  # fmt: skip
BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError,
    struct.error, zlib.error,
)  # fmt: skip
"""What Pillow raises over files that are not what they say."""


class Refusal(enum.IntEnum):
    """Why a picture is not taken: the exit status, clear of Python's and the shell's own."""

    NOT_A_PICTURE = 64
    ANIMATED = 65
    TOO_MANY_PIXELS = 66
    TOO_SMALL = 67
    SHAPE = 68
    BROKEN = 69
    TOO_COSTLY = 70


class Refused(Exception):
    """The picture is not taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal


def main(pillow: str) -> int:
    """The exit status."""
    limit_resources()
    file = sys.stdin.buffer.read(MAX_FILE_BYTES)
    try:
        image_format = format_of(file)
        load_pillow(pillow)
        lock_the_door()
        result = rebuild(file, image_format)
    except Refused as refused:
        return refused.refusal
    except MemoryError:
        return Refusal.TOO_COSTLY
    sys.stdout.buffer.write(result)
    return 0


def limit_resources() -> None:
    for name, value in LIMITS.items():
        resource.setrlimit(name, (value, value))


def format_of(file: bytes) -> str:
    """The one of FORMATS that the first bytes announce: nothing else is shown to Pillow."""
    if file.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if file.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if file.startswith(b"RIFF") and file[8:12] == b"WEBP":
        return "WEBP"
    raise Refused(Refusal.NOT_A_PICTURE)


def load_pillow(folder: str) -> None:
    """Import all that Pillow would import later, when no file can be opened any more."""
    sys.path.append(folder)
    from PIL import (  # noqa: F401
        Image,
        ImageCms,
        JpegImagePlugin,
        MpoImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    Image.preinit()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def lock_the_door() -> None:
    """No further file, socket or process, also for a root, who could raise each limit again."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    if os.geteuid() == 0:
        # A container's root without these rights cannot raise limits either.
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)


def rebuild(file: bytes, image_format: str) -> bytes:
    """A PNG of the picture as it is seen: upright, in sRGB, on white, RESULT_SIDE at most."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(file), formats=[image_format]) as source:
            _check(source)
            image = _plain(source)
            image.thumbnail((RESULT_SIDE, RESULT_SIDE), Image.Resampling.LANCZOS)
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused(Refusal.TOO_MANY_PIXELS) from error
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the system's answer, not the decoder's
        raise Refused(Refusal.BROKEN) from error
    profile = image.info.get("icc_profile")
    return _encode(_on_white(_upright(image), profile))


def _check(image: "Image.Image") -> None:
    """Refuse what the header tells.

    Animations: which of their pictures is meant, only their author knows. An MPO is a photograph
    and its by-products, whose first picture is the one that everybody shows.
    """
    longer, shorter = max(image.size), min(image.size)
    if longer > MAX_ASPECT * shorter:
        raise Refused(Refusal.SHAPE)
    if shorter < MIN_SIDE:
        raise Refused(Refusal.TOO_SMALL)
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise Refused(Refusal.ANIMATED)


def _plain(image: "Image.Image") -> "Image.Image":
    """In a mode that can be scaled: L, RGB or CMYK, the former two also with A."""
    from PIL import Image

    if image.mode == "I;16":  # `convert` would cut at 255
        info, image = image.info, Image.frombytes("L", image.size, image.tobytes(), "raw", "L;16")
        image.info = {key: info[key] for key in ("icc_profile", "exif") if key in info}
    is_grey = image.mode in ("1", "L", "LA")
    if image.has_transparency_data:
        return image.convert("LA" if is_grey else "RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if is_grey else "RGB")


def _upright(image: "Image.Image") -> "Image.Image":
    """Turned as EXIF says, where that can be read.

    ImageOps.exif_transpose also writes the EXIF anew, and fails at what it cannot write.
    """
    from PIL import Image

    turn = None
    with contextlib.suppress(*BROKEN):
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    return image.transpose(Image.Transpose[turn]) if turn else image


def _on_white(image: "Image.Image", profile: bytes | None) -> "Image.Image":
    from PIL import Image

    colours = _in_srgb(image.convert(image.mode.removesuffix("A")), profile)
    if image.mode not in ("LA", "RGBA"):
        return colours
    white = Image.new("RGB", image.size, "white")
    white.paste(colours, mask=image.getchannel("A"))
    return white


def _in_srgb(image: "Image.Image", profile: bytes | None) -> "Image.Image":
    """A profile that is broken, or made for another kind of picture, is as good as none."""
    from PIL import ImageCms

    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            if source.profile.xcolor_space == "RGB " and image.mode == "L":
                image = image.convert("RGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, *BROKEN):
            pass
        else:
            assert converted is not None
            return converted
    return image.convert("RGB")


def _encode(image: "Image.Image") -> bytes:
    """Made anew from the pixels alone: Pillow would copy an original's comments and profile."""
    from PIL import Image

    file = io.BytesIO()
    Image.frombytes(image.mode, image.size, image.tobytes()).save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
