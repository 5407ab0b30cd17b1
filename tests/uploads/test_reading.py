"""Foreign files are refused with a reason or come out as bare pixels; nothing else can happen."""

import io
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import psutil
import pytest
from PIL import Image, features

from generation.spec.errors import FieldError
from generation.uploads import reading
from generation.uploads.reading import REFUSALS, UploadRefused, read_upload
from generation.uploads.rebuild import MAX_RESULT_BYTES, RESULT_SIDE, Refusal
from tests.uploads import hostile

MAX_SECONDS = 5.0
"""On a machine with other work; test_rebuild counts the time of the CPU."""
MAX_GROWTH = 50 << 20
COSTLY = "JPEG of 4,000 scans"


@cache
def refused(name: str) -> bytes:
    return hostile.REFUSED[name][0]()


def read(file: bytes) -> bytes:
    return read_upload(io.BytesIO(file))


def reason(file: bytes) -> str:
    with pytest.raises(UploadRefused) as caught:
        read(file)
    return caught.value.reason


@pytest.fixture
def child(tmp_path: Path, monkeypatch) -> Callable[[str], Path]:
    """Puts another program in the reader's place, which starts by noting its pid in a file."""

    def replace(program: str) -> Path:
        path, pid = tmp_path / "child.py", tmp_path / "pid"
        path.write_text(f"import os, sys, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\n")
        path.write_text(path.read_text() + program)
        monkeypatch.setattr(reading, "PROGRAM", path)
        return pid

    return replace


def is_reaped(pid: Path) -> bool:
    return not psutil.pid_exists(int(pid.read_text()))


def test_all_the_formats_of_the_hostile_files_can_be_made_here() -> None:
    for name in ("webp", "avif", "jpg", "jpg_2000", "zlib", "libtiff", "littlecms2"):
        assert features.check(name), name


@pytest.mark.parametrize("name", [name for name in hostile.REFUSED if name != COSTLY])
def test_hostile_file_is_refused_at_once(name: str) -> None:
    file = refused(name)
    started = time.monotonic()
    assert reason(file) == hostile.REFUSED[name][1]
    assert time.monotonic() - started < MAX_SECONDS


def test_file_that_would_compute_for_minutes_is_ended(caplog) -> None:
    file = refused(COSTLY)
    started = time.monotonic()
    assert reason(file) == "too_costly"
    assert 4 < time.monotonic() - started < 12
    assert "An upload's reader died of" in caplog.text


@pytest.mark.parametrize("name", hostile.CLEAN)
def test_good_picture_keeps_its_pixels_alone(name: str) -> None:
    file = hostile.CLEAN[name]()
    assert hostile.MARK in file or b"iCCP" in file or name in hostile.UNMARKED
    started = time.monotonic()
    result = read(file)
    assert time.monotonic() - started < MAX_SECONDS
    assert hostile.MARK not in result
    assert hostile.kinds_of_chunks(result) == [b"IHDR", b"IDAT", b"IEND"]
    with Image.open(io.BytesIO(result), formats=["PNG"]) as image:
        image.load()
        assert (image.mode, dict(image.info), dict(image.getexif())) == ("RGB", {}, {})
        assert max(image.size) <= RESULT_SIDE


def test_changed_files_are_refused_or_taken_but_never_an_error() -> None:
    def outcome(file: bytes) -> str:
        try:
            return hostile.kinds_of_chunks(read(file))[-1].decode()
        except UploadRefused as error:
            return error.reason

    with ThreadPoolExecutor(reading.MAX_AT_ONCE) as pool:
        outcomes = set(pool.map(outcome, hostile.mutations(200)))
    assert outcomes - {"too_costly"} <= {
        "IEND", "broken", "not_a_picture", "animated", "too_many_pixels", "shape", "too_small"
    }  # fmt: skip
    assert {"IEND", "broken"} <= outcomes


def test_the_parent_does_not_grow() -> None:
    names = [
        "20 MB of nothing", "PNG of 20000 x 20000", "zTXt bomb", "WebP of 16000 x 11000",
        "larger than 20 MB", "JPEG that claims 65500 x 65500", "AVIF bomb",
    ]  # fmt: skip
    files = [refused(name) for name in names]
    good = hostile.plain("PNG", (2400, 2400))
    assert 16 << 20 < len(good) < 20 << 20
    before = psutil.Process().memory_info().rss
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew from here on
    for file in files:
        reason(file)
    read(good)
    assert peak_rss() - before < MAX_GROWTH


def peak_rss() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def test_every_refusal_of_the_child_has_its_sentence() -> None:
    assert {refusal.name.lower() for refusal in Refusal} <= set(REFUSALS)


@pytest.mark.parametrize("name", REFUSALS)
def test_sentence_names_the_file_and_its_numbers(name: str) -> None:
    error = UploadRefused(name)
    field = FieldError(
        field="reference", value="a%.png", template=error.template, params=error.params
    )
    assert str(field).startswith("reference: ")
    assert "a%.png" in str(field)
    assert all(str(number) in str(field) for number in error.params.values())


def test_file_is_read_from_where_it_stands() -> None:
    file = io.BytesIO(b"12345" + hostile.plain("PNG"))
    file.seek(5)
    assert read_upload(file)


def test_child_that_hangs_is_ended_and_reaped(child, monkeypatch) -> None:
    monkeypatch.setattr(reading, "MAX_SECONDS", 0.5)
    pid = child("time.sleep(60)")
    started = time.monotonic()
    assert reason(b"x") == "too_costly"
    assert time.monotonic() - started < 5
    assert is_reaped(pid)


def test_child_is_ended_when_waiting_for_it_is_interrupted(child, monkeypatch) -> None:
    def interrupt(self: object, timeout: float | None = None) -> int:
        monkeypatch.undo()
        until = time.monotonic() + 10
        while not (pid.exists() and pid.read_text()) and time.monotonic() < until:
            time.sleep(0.01)
        raise KeyboardInterrupt

    pid = child("time.sleep(60)")
    monkeypatch.setattr(subprocess.Popen, "wait", interrupt)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        read(b"x")
    assert time.monotonic() - started < 15
    assert is_reaped(pid)


def test_child_that_dies_of_a_signal_blames_the_file(child) -> None:
    child("os.kill(os.getpid(), 11)")
    assert reason(b"x") == "too_costly"


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"GIF89a", hostile.plain("PNG")[:-1], hostile.text_png(), hostile.PNG,
        hostile.plain("PNG") + b"behind", bytes(8 << 20), b"\x89PNG\r\n\x1a\n" + b"\xff" * 40,
    ],
    ids=["none", "gif", "cut", "texts", "signature", "more", "long", "lengths"],
)  # fmt: skip
def test_answer_that_is_no_bare_png_is_our_fault(child, tmp_path, caplog, answer: bytes) -> None:
    (tmp_path / "answer").write_bytes(answer)
    child(f"sys.stdout.buffer.write(open({str(tmp_path / 'answer')!r}, 'rb').read())")
    with pytest.raises(RuntimeError, match="something else than a picture"):
        read(b"x")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.args == (min(len(answer), MAX_RESULT_BYTES),)


@pytest.mark.parametrize("program", ["import no_such_module", "sys.exit(1)", "sys.exit(63)"])
def test_failure_of_the_child_is_our_fault(child, caplog, program: str) -> None:
    child(f"print('hint' * 9000, file=sys.stderr, flush=True)\n{program}")
    with pytest.raises(RuntimeError, match="failed with status"):
        read(b"x")
    assert "hint" in caplog.text
    assert len(caplog.text) < 2 * reading.MAX_COMPLAINT_BYTES


def test_pillow_that_cannot_be_imported_is_our_fault(tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(reading, "_pillow_folder", lambda: str(tmp_path))
    with pytest.raises(RuntimeError):
        read(hostile.plain("PNG"))
    assert "No module named 'PIL'" in caplog.text.replace("\\'", "'")


def test_missing_python_is_our_fault(monkeypatch, caplog) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RuntimeError, match="could not be started"):
        read(hostile.plain("PNG"))
    assert "/nowhere/python" in caplog.text


def test_child_inherits_nothing(child, monkeypatch, caplog, tmp_path) -> None:
    monkeypatch.setenv("IMAGEN_SECRET_KEY", "hidden")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    child(
        "print(sorted(os.environ), sorted(map(int, os.listdir('/proc/self/fd')))[:-1],"
        " os.getcwd(), os.getsid(0) == os.getpid(), sys.flags.isolated, file=sys.stderr)\n"
        "sys.exit(1)"
    )
    descriptor = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        with pytest.raises(RuntimeError):
            read(b"x")
    finally:
        os.close(descriptor)
    names = sorted({"LC_CTYPE", *({"LD_LIBRARY_PATH"} & set(os.environ))})
    assert f"{names} [0, 1, 2] / True 1" in caplog.text.replace("\\'", "'")


def test_no_more_than_two_at_once(child, monkeypatch) -> None:
    """The third one waits for a while; every place is free again afterwards."""
    child("time.sleep(1.5); sys.exit(68)")
    monkeypatch.setattr(reading, "MAX_WAIT_SECONDS", 0.2)
    with ThreadPoolExecutor(2) as pool:
        first = [pool.submit(reason, b"x") for _ in range(2)]
        until = time.monotonic() + 5
        while reading._places._value and time.monotonic() < until:
            time.sleep(0.01)
        assert reason(b"x") == "busy"
        assert [each.result() for each in first] == ["shape", "shape"]
    assert reading._places._value == reading.MAX_AT_ONCE


def test_only_a_few_may_wait_and_the_next_one_is_refused_at_once(child, monkeypatch) -> None:
    child("time.sleep(60)")
    monkeypatch.setattr(reading, "MAX_SECONDS", 1.5)
    most = reading.MAX_AT_ONCE + reading.MAX_WAITING
    with ThreadPoolExecutor(most) as pool:
        taken = [pool.submit(reason, b"x") for _ in range(most)]
        until = time.monotonic() + 5
        while reading._line._value and time.monotonic() < until:
            time.sleep(0.01)
        started = time.monotonic()
        assert reason(b"x") == "busy"
        assert time.monotonic() - started < 0.5
        assert {each.result() for each in taken} == {"too_costly"}
    assert reading._line._value == most


@pytest.mark.parametrize("program", ["sys.exit(1)", "sys.exit(64)", "os.abort()", ""])
def test_place_and_descriptors_are_free_afterwards(child, program: str) -> None:
    child(program)
    before = psutil.Process().num_fds()
    with pytest.raises((RuntimeError, UploadRefused)):
        read(b"x")
    assert reading._places._value == reading.MAX_AT_ONCE
    assert psutil.Process().num_fds() == before


def test_many_threads_get_their_own_pictures() -> None:
    sizes = [(40 + 2 * at, 40) for at in range(reading.MAX_AT_ONCE + reading.MAX_WAITING)]
    files = [hostile.plain("WEBP", size) for size in sizes]
    assert threading.active_count() < 50
    with ThreadPoolExecutor(len(files)) as pool:
        results = list(pool.map(read, files))
    assert [Image.open(io.BytesIO(result)).size for result in results] == sizes


def test_the_parent_needs_no_pillow_and_no_torch() -> None:
    program = (
        "import sys; import generation.uploads.reading as r; r._pillow_folder();"
        "print([n for n in ('PIL.Image', 'torch', 'numpy', 'django') if n in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, check=True, text=True
    )
    assert done.stdout.strip() == "[]"
