"""The folders that the service writes and reads, and the room on their disks."""

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from django.conf import settings

from generation import folders
from generation.doctor.finding import Finding, bad, ok, warning
from imagen_site import embedded_postgres, env

LOW_BYTES = 5_000_000_000
SCARCE_BYTES = 500_000_000
LOW_FILES = 10_000
SCARCE_FILES = 100
"""Files that a file system can still take; some have no such limit."""


def examine() -> Iterable[Finding]:
    """One finding a folder: whether it can be used, then how much room there is."""
    data = Path(settings.IMAGEN_DATA_DIR)
    yield _folder("media", Path(settings.MEDIA_ROOT), "IMAGEN_MEDIA_ROOT", _write)
    yield _folder("data", data, "IMAGEN_DATA_DIR", _write)
    yield _folder("models", Path(settings.IMAGEN_MODELS_DIR), "IMAGEN_MODELS_DIR", _read)
    if not env.text("DATABASE_URL"):
        cluster = embedded_postgres.locate(data).home  # its server's alone
        yield _folder("cluster", cluster, "IMAGEN_DATA_DIR", lambda _folder: None)
    yield _folder("locks", Path(settings.IMAGEN_LOCK_DIR), "IMAGEN_LOCK_DIR", _write)


def _folder(name: str, folder: Path, setting: str, use: Callable[[Path], None]) -> Finding:
    """use: what the service does there; raises OSError where it cannot be done."""
    try:
        there = folders.nearest(folder)
        use(there)
        room = os.statvfs(there)
    except OSError as error:
        return bad(
            name,
            f"{folder} cannot be used by this user: {error.strerror}",
            f"chown -R $(id -un) {folder}, or another folder by {setting}",
        )
    return _room(name, folder, setting, room)


def _room(name: str, folder: Path, setting: str, room: os.statvfs_result) -> Finding:
    free_bytes = room.f_bavail * room.f_frsize
    files_left = room.f_favail if room.f_files else LOW_FILES
    words = f"{free_bytes / 1e9:,.1f} GB free in {folder}"
    if files_left < LOW_FILES:
        words = f"room for {files_left} more files only in {folder}"
    remedy = f"du -xh {folder} | sort -h | tail  (make room, or a larger disk by {setting})"
    if free_bytes < SCARCE_BYTES or files_left < SCARCE_FILES:
        return bad(name, words, remedy)
    if free_bytes < LOW_BYTES or files_left < LOW_FILES:
        return warning(name, words, remedy)
    return ok(name, words)


def _write(folder: Path) -> None:
    """The file has no name, so nothing is left."""
    with tempfile.TemporaryFile(dir=folder):
        pass


def _read(folder: Path) -> None:
    with os.scandir(folder):
        pass
