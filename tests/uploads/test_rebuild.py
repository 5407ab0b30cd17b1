"""The child: what it may do, what it needs, and how the picture looks that comes out."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from generation.uploads import reading, rebuild
from generation.uploads.rebuild import MAX_RESULT_BYTES, RESULT_SIDE
from tests.uploads import hostile

FOLDER = str(Path(rebuild.__file__).parent)
PILLOW = reading._pillow_folder()
MEASURE = """
import json, resource, subprocess, sys
child = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([child.returncode, used.ru_maxrss << 10, used.ru_utime + used.ru_stime]))
"""
"""In a small process of its own: a child's peak begins with that of its parent."""


def seen(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(reading.read_upload(io.BytesIO(file))))


def pixel(file: bytes, at: tuple[int, int] = (20, 20)) -> tuple[int, int, int]:
    return seen(file).getpixel(at)


def confined(program: str, *, is_locked: bool = True) -> subprocess.CompletedProcess[str]:
    """The program after the child's own preparations."""
    lines = [
        "import os, resource, socket, sys",
        f"sys.path.insert(0, {FOLDER!r})",
        "import rebuild as r",
    ]
    lines += ["r.limit_resources()", f"r.load_pillow({PILLOW!r})"]
    lines += ["r.lock_the_door()"] if is_locked else []
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", "\n".join([*lines, program])],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("is_locked", [True, False])
def test_limits_hold_for_good(is_locked: bool) -> None:
    found = confined(
        "print([resource.getrlimit(name) == (n, n) for name, n in r.LIMITS.items()])\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))",
        is_locked=is_locked,
    ).stdout.splitlines()
    files = 0 if is_locked else 16
    assert found == [str([True, True, True, not is_locked, True, True]), f"({files}, {files})"]
    assert rebuild.LIMITS == {9: 768 << 20, 0: 5, 1: MAX_RESULT_BYTES, 7: 16, 6: 0, 4: 0}


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("open('/etc/passwd')", "Too many open files"),
        ("socket.socket()", "Too many open files"),
        ("os.fork()", "Resource temporarily unavailable"),
        ("import _thread; _thread.start_new_thread(print, ())", "can't start new thread"),
        ("os.execv('/bin/sh', ['sh', '-c', 'echo ran'])", ""),
        ("bytearray(768 << 20)", "MemoryError"),
        ("resource.setrlimit(0, (99, 99))", "not allowed to raise maximum limit"),
    ],
)
def test_door_is_locked(program: str, error: str) -> None:
    done = confined(program)
    assert error in done.stderr
    assert "ran" not in done.stdout


def test_limits_come_before_pillow(tmp_path) -> None:
    (tmp_path / "PIL.py").write_text(
        "import resource, sys\nprint(resource.getrlimit(resource.RLIMIT_AS), file=sys.stderr)"
    )
    done = run_child(hostile.plain("PNG"), str(tmp_path))
    assert str((768 << 20, 768 << 20)) in done.stderr.decode()


@pytest.fixture
def opening(tmp_path) -> Callable[[str], subprocess.CompletedProcess[bytes]]:
    """Runs the child with a Pillow whose Image.open is these lines."""

    def run(body: str) -> subprocess.CompletedProcess[bytes]:
        (tmp_path / "PIL").mkdir()
        for name in ("__init__", "ImageCms", "JpegImagePlugin", "MpoImagePlugin",
                     "PngImagePlugin", "TiffImagePlugin", "WebPImagePlugin"):  # fmt: skip
            (tmp_path / "PIL" / f"{name}.py").touch()
        (tmp_path / "PIL" / "Image.py").write_text(
            "import os, resource, sys\n"
            "DecompressionBombError = DecompressionBombWarning = UserWarning\n"
            "def preinit(): pass\n"
            f"def open(file, formats):\n    {body}\n"
        )
        return run_child(hostile.plain("PNG"), str(tmp_path))

    return run


def test_door_is_locked_before_pillow_sees_the_picture(opening) -> None:
    values = "resource.getrlimit(resource.RLIMIT_NOFILE), os.geteuid() != 0, formats"
    said = opening(f"print({values}, file=sys.stderr); raise AttributeError").stderr.decode()
    assert said.startswith("(0, 0) True ['PNG']")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("OSError('image file is truncated')", 69),
        ("OSError(24, 'Too many open files')", 1),
        ("AttributeError", 1),
        ("UserWarning", 66),
        ("MemoryError", 70),
    ],
)
def test_faults_of_the_system_are_not_those_of_the_file(opening, error, status) -> None:
    assert opening(f"raise {error}").returncode == status


def test_pillow_is_not_loaded_for_what_is_no_picture(tmp_path) -> None:
    assert run_child(hostile.plain("GIF"), str(tmp_path)).returncode == 64


def run_child(file: bytes, pillow: str = PILLOW) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(reading.PROGRAM), pillow],
        input=file, capture_output=True, env={}, timeout=30, check=False,
    )  # fmt: skip


def test_pillow_opens_no_file_while_it_decodes() -> None:
    """Whatever it imports late would fail once the door is locked, so it has to come before."""
    program = (
        "import sys; before = set(sys.modules)\n"
        "data = sys.stdin.buffer.read(); print(len(r.rebuild(data, r.format_of(data))))\n"
        "print(sorted(set(sys.modules) - before))"
    )
    lines = f"import sys\nsys.path.insert(0, {FOLDER!r})\nimport rebuild as r\n"
    lines += f"r.load_pillow({PILLOW!r})\n{program}"
    for name in ("JPEG of several pictures", "JPEG with GPS", "PNG with a profile",
                 "WebP with EXIF", "PNG with XMP", "JPEG with a broken profile"):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", lines],
            input=hostile.CLEAN[name](), capture_output=True, check=True, timeout=30,
        )  # fmt: skip
        assert done.stdout.splitlines()[1] == b"[]", name


@pytest.mark.parametrize(
    ("name", "mebibytes"),
    [
        ("PNG of 20000 x 20000", 40),
        ("zTXt bomb", 40),
        ("zTXt, 100 smaller bombs", 110),
        ("iCCP bomb", 40),
        ("WebP of 16383 x 16383", 40),
        ("AVIF bomb", 20),
        ("JPEG that claims 65500 x 65500", 40),
        ("PNG of 4096 x 4096", 60),
        ("PNG of 8192 x 2048, 16-bit", 140),
        ("PNG whose pixels unpack to 100 MB", 40),
        ("JPEG of 4096 x 4096, progressive", 300),
        ("WebP of 4096 x 4096 in 28 bytes", 400),
    ],
)
def test_memory_and_time_of_the_child(name: str, mebibytes: int) -> None:
    build = hostile.CLEAN.get(name) or hostile.REFUSED[name][0]
    isolated = (sys.executable, "-I", "-S")
    done = subprocess.run(
        [*isolated, "-c", MEASURE, *isolated, "-B", str(reading.PROGRAM), PILLOW],
        input=build(), capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    status, peak, seconds = json.loads(done.stdout)
    print(status, f"{peak / 2**20:.0f} MiB {seconds:.2f} s")
    assert status == 0 or status >= 64
    assert peak < mebibytes << 20
    assert seconds < 2


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_picture_comes_out_upright(image_format: str) -> None:
    """Red at the left, blue at the right, to be turned clockwise: red comes to the top."""
    image = Image.new("RGB", (80, 40), "red")
    image.paste("blue", (40, 0, 80, 40))
    file = hostile.saved(image, image_format, exif=hostile.exif(6).tobytes())
    result = seen(file)
    assert result.size == (40, 80)
    assert near(result.getpixel((20, 10)), (255, 0, 0), 8)
    assert near(result.getpixel((20, 70)), (0, 0, 255), 8)


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation(orientation: int) -> None:
    image = hostile.noise((30, 20))
    image.getexif()[0x0112] = orientation
    expected = ImageOps.exif_transpose(image)
    result = seen(hostile.saved(image, "PNG", exif=hostile.exif(orientation)))
    assert (result.size, result.tobytes()) == (expected.size, expected.tobytes())


def test_exif_that_cannot_be_written_anew_still_turns_the_picture() -> None:
    exif = hostile.exif(6).tobytes()
    at = exif.index(b"\x01\x0e\0\x02") + 3
    changed = hostile.corrupt(exif, at, b"\x0b")  # the text, said to be of decimal fractions
    assert seen(hostile.saved(hostile.noise((30, 20)), "PNG", exif=changed)).size == (20, 30)


@pytest.mark.parametrize("exif", [b"Exif\0\0M", b"Exif\0\0MM\0*\0"], ids=["head", "offset"])
def test_exif_that_cannot_be_read_leaves_the_picture(exif: bytes) -> None:
    assert seen(hostile.saved(hostile.noise((30, 20)), "PNG", exif=exif)).size == (30, 20)


def near(colour: tuple[int, ...], other: tuple[int, ...], most: int = 2) -> bool:
    return all(abs(a - b) <= most for a, b in zip(colour, other, strict=True))


def one_colour(colour: object, mode: str = "RGB", image_format: str = "PNG", **options) -> bytes:
    return hostile.saved(Image.new(mode, (40, 40), colour), image_format, **options)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_profile_is_applied(image_format: str) -> None:
    """Adobe RGB's red is a stronger one than sRGB's, and its greys are the same."""
    options = {"lossless": True} if image_format == "WEBP" else {}
    icc = hostile.icc()
    red = pixel(one_colour((200, 100, 100), "RGB", image_format, icc_profile=icc, **options))
    grey = pixel(one_colour((128, 128, 128), "RGB", image_format, icc_profile=icc, **options))
    assert red[0] > 220
    assert near(red[1:], (98, 99), 4)
    assert near(grey, (128, 128, 128), 3)


def test_grey_profile_is_applied() -> None:
    """Half of the light is 188 in sRGB."""
    icc = hostile.icc(b"GRAY", gamma=1.0)
    assert near(pixel(one_colour(128, "L", icc_profile=icc)), (188, 188, 188))
    assert near(pixel(one_colour((128, 255), "LA", icc_profile=icc)), (188, 188, 188))


@pytest.mark.parametrize(
    "profile",
    [b"", b"x" * 500, hostile.icc(b"GRAY"), hostile.icc()[:300]],
    ids=["none", "rubbish", "grey", "cut"],
)
def test_profile_that_does_not_fit_changes_nothing(profile: bytes) -> None:
    assert pixel(one_colour((200, 100, 50), icc_profile=profile)) == (200, 100, 50)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (one_colour((255, 0, 0, 0), "RGBA"), (255, 255, 255)),
        (one_colour((255, 0, 0, 128), "RGBA"), (255, 127, 127)),
        (one_colour((0, 128), "LA"), (127, 127, 127)),
        (one_colour((0, 0, 255, 51), "RGBA", "WEBP", lossless=True), (204, 204, 255)),
        (one_colour(0, "P", transparency=0), (255, 255, 255)),
        (one_colour((9, 8, 7), transparency=(9, 8, 7)), (255, 255, 255)),
        (one_colour(90, "L"), (90, 90, 90)),
        (one_colour(1, "1"), (255, 255, 255)),
        (one_colour(0x80FF, "I;16"), (128, 128, 128)),
        (one_colour((255, 0, 0, 0), "CMYK", "JPEG"), (0, 255, 255)),
    ],
    ids=["clear", "half", "grey", "webp", "palette", "key", "L", "1", "16", "cmyk"],
)  # fmt: skip
def test_colours_are_those_that_are_seen(file: bytes, expected: tuple[int, int, int]) -> None:
    assert near(pixel(file), expected)


def test_half_transparent_edges_do_not_darken_when_scaled() -> None:
    """The hidden colour under full transparency is black here; white on white must stay white."""
    image = Image.new("RGBA", (2048, 2048), (0, 0, 0, 0))
    image.paste((255, 255, 255, 255), (0, 0, 1025, 2048))
    assert seen(hostile.saved(image, "PNG")).getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1024, 1024), (1024, 1024)),
        ((1025, 700), (1024, 699)),
        ((3000, 750), (1024, 256)),
        ((500, 2000), (256, 1024)),
        ((16, 16), (16, 16)),
    ],
)
@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_size_is_bounded_and_never_enlarged(size, expected, image_format: str) -> None:
    file = hostile.saved(Image.new("RGB", size), image_format)
    assert seen(file).size == expected


def test_small_lossless_picture_keeps_each_pixel() -> None:
    image = hostile.noise((200, 150))
    assert seen(hostile.saved(image, "PNG")).tobytes() == image.tobytes()


def test_worst_noise_fits_the_answer() -> None:
    image = hostile.noise((RESULT_SIDE, RESULT_SIDE))
    result = reading.read_upload(io.BytesIO(hostile.saved(image, "PNG")))
    assert 3 << 20 < len(result) < MAX_RESULT_BYTES


def test_the_same_file_gives_the_same_bytes() -> None:
    file = io.BytesIO(hostile.plain("JPEG"))
    assert reading.read_upload(file) == reading.read_upload(io.BytesIO(file.getvalue()))


def test_first_picture_of_several_is_taken() -> None:
    other = Image.new("RGB", (64, 64), "blue")
    file = hostile.saved(
        Image.new("RGB", (64, 64), "red"), "MPO", save_all=True, append_images=[other]
    )
    assert near(pixel(file), (255, 0, 0), 3)
