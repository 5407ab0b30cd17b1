"""Foreign pictures, read by a child process that may die of them."""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import util
from pathlib import Path
from typing import BinaryIO

from generation.spec.errors import gettext_noop
from generation.uploads import rebuild
from generation.uploads.rebuild import Refusal

MAX_AT_ONCE = 2
MAX_WAITING = 4
MAX_WAIT_SECONDS = 10.0
MAX_SECONDS = 10.0
MAX_COMPLAINT_BYTES = 8 << 10
PROGRAM = Path(rebuild.__file__).resolve()

REFUSALS: dict[str, str] = {
    "empty": gettext_noop("%(field)s: %(value)s is empty; choose the picture again."),
    "too_large": gettext_noop(
        "%(field)s: %(value)s is larger than %(megabytes)d MB; save it with fewer pixels or as a "
        "JPEG."
    ),
    "not_a_picture": gettext_noop(
        "%(field)s: %(value)s is no PNG, JPEG or WebP picture; save it as one of these."
    ),
    "animated": gettext_noop(
        "%(field)s: %(value)s is an animation; save the one picture of it that is meant."
    ),
    "too_many_pixels": gettext_noop(
        "%(field)s: %(value)s has more pixels than %(side)d x %(side)d; scale it down."
    ),
    "too_small": gettext_noop(
        "%(field)s: %(value)s has less than %(least)d pixels on one side; choose a larger picture."
    ),
    "shape": gettext_noop(
        "%(field)s: one side of %(value)s is more than %(aspect)d times as long as the other; crop "
        "it."
    ),
    "broken": gettext_noop(
        "%(field)s: %(value)s is damaged or not whole; open it in a picture editor and save it "
        "again."
    ),
    "too_costly": gettext_noop(
        "%(field)s: %(value)s takes more time or memory to read than a picture of its size "
        "should; open it in a picture editor and save it again."
    ),
    "busy": gettext_noop(
        "%(field)s: %(value)s could not be read yet, since too many pictures arrive at once; send "
        "it again in a minute."
    ),
}
"""Each reason for which a file is not taken, with what its sender reads."""

_PARAMS = {
    "megabytes": rebuild.MAX_FILE_BYTES >> 20,
    "side": rebuild.MAX_SIDE,
    "least": rebuild.MIN_SIDE,
    "aspect": rebuild.MAX_ASPECT,
}
_PNG = b"\x89PNG\r\n\x1a\n"
_line = threading.BoundedSemaphore(MAX_AT_ONCE + MAX_WAITING)
_places = threading.BoundedSemaphore(MAX_AT_ONCE)

logger = logging.getLogger(__name__)


class UploadRefused(Exception):
    """A file that is not taken; `reason` is one of REFUSALS, the template tells its sender why.

    The template also names %(field)s and %(value)s, the file's name as it may be shown.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.template = REFUSALS[reason]
        self.params = {name: n for name, n in _PARAMS.items() if f"%({name})" in self.template}


class ReaderBusy(UploadRefused):
    """Nothing is wrong with the file; there is no place to read it now."""

    def __init__(self) -> None:
        super().__init__("busy")


def read_upload(file: BinaryIO) -> bytes:
    """The picture as a PNG that holds an upright RGB picture of RESULT_SIDE at most, and no more.

    file: read from where it stands.
    Takes up to MAX_WAIT_SECONDS and MAX_SECONDS: hold nothing meanwhile that others need.
    Raises UploadRefused, and RuntimeError when the reading itself is out of order.
    """
    with _place(), _in_memory("upload") as source:
        _copy(file, source)
        return _rebuild(source)


@contextmanager
def _place() -> Iterator[None]:
    """One of MAX_AT_ONCE places, perhaps after a wait.

    Raises ReaderBusy: at once when MAX_WAITING wait already, or when no place is free in time.
    """
    if not _line.acquire(blocking=False):
        raise ReaderBusy
    try:
        if not _places.acquire(timeout=MAX_WAIT_SECONDS):
            raise ReaderBusy
        try:
            yield
        finally:
            _places.release()
    finally:
        _line.release()


def _in_memory(name: str) -> BinaryIO:
    """A file without a folder, which a child can have as its stdin or stdout."""
    return open(os.memfd_create(name), "w+b")


def _copy(file: BinaryIO, target: BinaryIO) -> None:
    length = 0
    while chunk := file.read(1 << 16):
        length += len(chunk)
        if length > rebuild.MAX_FILE_BYTES:
            raise UploadRefused("too_large")
        target.write(chunk)
    if not length:
        raise UploadRefused("empty")
    target.seek(0)


def _rebuild(source: BinaryIO) -> bytes:
    """What the child makes of it. Its own limit on the size of files bounds both answers."""
    with _in_memory("result") as result, _in_memory("complaint") as complaint:
        status = _run_child(source, result, complaint)
        if status == 0:
            result.seek(0)
            return _require_bare(result.read(rebuild.MAX_RESULT_BYTES))
        if status in list(Refusal):
            raise UploadRefused(Refusal(status).name.lower())
        if status < 0:
            logger.warning("An upload's reader died of %s", _signal_name(-status))
            raise UploadRefused("too_costly")
        complaint.seek(0)
        said = complaint.read(MAX_COMPLAINT_BYTES).decode(errors="backslashreplace")
        logger.error("An upload's reader failed with status %d: %r", status, said)
        raise RuntimeError(f"the reader of uploads failed with status {status}")


def _run_child(source: BinaryIO, result: BinaryIO, complaint: BinaryIO) -> int:
    """The exit status, negative for a signal. When this returns, the child is gone."""
    try:
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(PROGRAM), _pillow_folder()],
            stdin=source, stdout=result, stderr=complaint,
            cwd="/", env=_environment(), start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        logger.exception("An upload's reader could not be started")
        raise RuntimeError("the reader of uploads could not be started") from error
    with child:
        try:
            with suppress(subprocess.TimeoutExpired):
                child.wait(MAX_SECONDS)
        finally:
            child.kill()
    return child.returncode


def _environment() -> dict[str, str]:
    """Nothing but what a Python of an unusual place needs to find its libraries."""
    name = "LD_LIBRARY_PATH"
    return {name: os.environ[name]} if name in os.environ else {}


def _pillow_folder() -> str:
    spec = util.find_spec("PIL")
    if spec is None or spec.origin is None:
        raise RuntimeError("Pillow is not installed")
    return str(Path(spec.origin).resolve().parents[1])


def _require_bare(png: bytes) -> bytes:
    """The file, when it holds pixels and nothing else: the child saw bytes that may be hostile."""
    at, kinds = len(_PNG), []
    while at < len(png):
        kinds.append(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4])
    is_bare = kinds[:1] == [b"IHDR"] and set(kinds[1:-1]) == {b"IDAT"} and kinds[-1:] == [b"IEND"]
    if not (png.startswith(_PNG) and at == len(png) and is_bare):
        logger.error("An upload's reader answered %d bytes that are no bare PNG", len(png))
        raise RuntimeError("the reader of uploads answered something else than a picture")
    return png


def _signal_name(number: int) -> str:
    return signal.strsignal(number) or str(number)
