"""File locks (flock) between the programs that share one server."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import EmbeddedPostgresError

# Longer than one start may take, since those who wait are usually waiting for a start.
LOCK_TIMEOUT_S = 90.0
POLL_S = 0.02


def open_lock(path: Path) -> int:
    """Open a lock file, made when missing and closed on exec; the caller closes it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def try_exclusive(lock: int) -> bool:
    """Take the lock for oneself alone; False when anybody else holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def release(lock: int) -> None:
    """Unlock and close: the unlock also frees it from a child that was forked in between."""
    try:
        fcntl.flock(lock, fcntl.LOCK_UN)
    finally:
        os.close(lock)


@contextmanager
def exclusively(path: Path, *, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Hold the lock file alone during the block; raises when it stays taken for timeout_s."""
    lock = open_lock(path)
    try:
        deadline = time.monotonic() + timeout_s
        while not try_exclusive(lock):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"{path} has been locked for {timeout_s:g} s: another program is starting or "
                    f"stopping the database. Try again, or end that program (fuser -v {path})."
                )
            time.sleep(POLL_S)
        yield
    finally:
        release(lock)
