"""Programs, children and folders for the tests of the embedded PostgreSQL."""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from imagen_site.embedded_postgres import (
    Location,
    Membership,
    locate,
    location,
    server,
)

PROJECT_DIR = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not IS_ROOT, reason="shows what happens as root")
JOIN_IN_A_PROGRAM = """
import sys
from pathlib import Path
from imagen_site.embedded_postgres import join, server
sys.stdin.readline()
membership = join(Path(sys.argv[1]))
print(server.read_pid_file(membership.location).pid, flush=True)
sys.stdin.readline()
membership.leave()
"""


def wait_until(is_true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


def kill_server(where: Location) -> None:
    for pid in server.server_pids(where):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.server_pids(where))


def quick_disk() -> str:
    """Memory where there is enough for clusters and programs: a new cluster is all fsync."""
    memory = Path("/dev/shm")
    if memory.exists() and shutil.disk_usage(memory).free > 2**30:
        return "/tmp" if os.statvfs(memory).f_flag & os.ST_NOEXEC else str(memory)
    return "/tmp"


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the server's account can enter, which pytest's own is not for root."""
    folder = Path(tempfile.mkdtemp(prefix="imagen-test-", dir=quick_disk()))
    folder.chmod(0o711)
    system_dir, existed = location.SYSTEM_DIR, location.SYSTEM_DIR.exists()
    try:
        yield folder
    finally:
        where = locate(folder / "data")
        kill_server(where)
        for leftover in (where.socket_dir, where.home, folder):
            shutil.rmtree(leftover, ignore_errors=True)
        if not existed and system_dir.exists() and not any(system_dir.iterdir()):
            system_dir.rmdir()


class Program(subprocess.Popen[str]):
    """Another program: joins at its first line of input, answers a pid, leaves at its second."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", JOIN_IN_A_PROGRAM, str(folder)]
        pipe = subprocess.PIPE
        super().__init__(command, cwd=PROJECT_DIR, stdin=pipe, stdout=pipe, text=True, bufsize=1)

    def go_on(self) -> None:
        assert self.stdin is not None
        self.stdin.write("\n")

    def answer(self) -> str:
        assert self.stdout is not None
        return self.stdout.readline().strip()


def in_child(act: Callable[[], object], uid: int | None = None, gid: int = 0) -> str:
    """Run act in a forked child, as uid if given; its traceback, or "" when all went well.

    Forked rather than executed, since the interpreter may be out of reach for that uid.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if uid is not None:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
            act()
        finally:  # os._exit also ends an exception, which must not go on to run the other tests
            report = traceback.format_exc() if sys.exc_info()[0] else ""
            os.write(writing, report.encode())
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as answer:
        report = answer.read()
    os.waitpid(child, 0)
    return report


def as_nobody(act: Callable[[], object]) -> str:
    nobody = pwd.getpwnam("nobody")
    return in_child(act, nobody.pw_uid, nobody.pw_gid)


def query(membership: Membership, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(membership.url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def postmaster(membership: Membership) -> int:
    record = server.read_pid_file(membership.location)
    assert record is not None
    return record.pid


def mode_of(path: Path) -> str:
    return stat.filemode(path.lstat().st_mode)
