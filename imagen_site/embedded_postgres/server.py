"""Starting, stopping and looking at the server; callers hold start.lock unless told otherwise."""

import os
import shlex
import signal
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from . import cluster
from .errors import EmbeddedPostgresError
from .location import PORT, Location
from .locks import open_lock, try_exclusive

START_TIMEOUT_S = 60
_POLL_S = 0.05
_PROBE_TIMEOUT_S = 2.0
_ABSENT = (FileNotFoundError, ConnectionError, TimeoutError, BlockingIOError)
# The first message of the protocol that gets a reply (one byte) and leaves no line in the log.
_SSL_REQUEST = struct.pack("!II", 8, 80877103)


@dataclass(frozen=True, slots=True, kw_only=True)
class PidFile:
    """What postmaster.pid says; pid 0 when a crash left it empty."""

    pid: int
    socket_dir: str
    status: str


def is_answering(location: Location) -> bool:
    """Whether the server is ready and replies on its socket; costs about 1 ms and needs no lock."""
    record = read_pid_file(location)
    if record is None or record.status != "ready":
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_TIMEOUT_S)
        try:
            probe.connect(str(location.socket))
            probe.sendall(_SSL_REQUEST)
            # A dying or stopped server still has its connections queued: only a reply counts.
            return len(probe.recv(1)) == 1
        except _ABSENT:
            return False


def start(location: Location) -> bool:
    """Have the server answering; False when it already was.

    Whatever an earlier server left behind (orphaned backends, a zombie, stale pid files) is
    waited for, ended or removed first. Raises EmbeddedPostgresError within START_TIMEOUT_S.
    """
    if is_answering(location):
        return False
    lock = open_lock(location.home / "server.lock")
    try:
        if _outlast_earlier_server(location, lock):
            return False
        _remove_stale_files(location)
        cluster.copy_programs(location)
        cluster.make_socket_dir(location)
        cluster.make_cluster(location)
        cluster.make_log(location)
        _launch(location, lock)
    finally:
        os.close(lock)  # never unlocked: the server goes on holding it
    return True


def stop(location: Location) -> None:
    """End the server and all its connections; does nothing when none runs."""
    living, record = server_pids(location), read_pid_file(location)
    if record is None or record.pid not in living:  # orphans at most
        _signal(living, signal.SIGKILL)
        return
    timeout = str(START_TIMEOUT_S)
    arguments = ("stop", "-m", "fast", "-w", "-t", timeout, "-D", str(location.cluster))
    done = cluster.run_program(location, "pg_ctl", *arguments)
    if done.returncode != 0 and server_pids(location):
        raise EmbeddedPostgresError(
            f"the database in {location.cluster} did not stop: {done.stderr.strip()}. End process "
            f"{server_pids(location)} by hand.\n{cluster.log_tail(location)}"
        )


def make_database(location: Location) -> None:
    """Create the database `imagen` when it is missing."""
    maintenance = location.url.replace("/imagen?", "/postgres?")
    try:
        with psycopg.connect(maintenance, autocommit=True, connect_timeout=10) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = 'imagen'"
            if connection.execute(query).fetchone() is None:
                connection.execute("CREATE DATABASE imagen")
    except psycopg.Error as error:
        raise EmbeddedPostgresError(
            f"the database in {location.cluster} was started but cannot be used: {error}\n"
            f"{cluster.log_tail(location)}"
        ) from error


def read_pid_file(location: Location) -> PidFile | None:
    """Parse postmaster.pid; None when there is none."""
    try:
        lines = (location.cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * 8
    # A stand-alone backend writes its pid with a minus sign.
    pid = lines[0].strip().lstrip("-")
    return PidFile(
        pid=int(pid) if pid.isdigit() else 0, socket_dir=lines[4].strip(), status=lines[7].strip()
    )


def server_pids(location: Location) -> list[int]:
    """Every living postgres process of this cluster, also of one whose folder was deleted.

    They are known by working folder and name, so a reused pid is never taken for one of them and
    a zombie, which has no working folder, does not count.
    """
    folders = {str(location.cluster), f"{location.cluster} (deleted)"}
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):  # gone or foreign
            in_cluster = os.readlink(entry / "cwd") in folders
            if in_cluster and (entry / "comm").read_text().strip() == "postgres":
                found.append(int(entry.name))
    return found


def _outlast_earlier_server(location: Location, lock: int) -> bool:
    """Wait until the earlier server answers (True) or its last process is gone (False)."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not is_answering(location):
        living = server_pids(location)
        if not living and _may_claim(lock):
            return False
        _end_unusable(location, living)
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"the database in {location.cluster} has not answered for {START_TIMEOUT_S} s; its "
                f"processes: {living or 'none seen, it may run in another container'}. Stop it "
                "there, or give each container its own data folder or one PostgreSQL server of "
                f"your own.\n{cluster.log_tail(location)}"
            )
        time.sleep(_POLL_S)
    return True


def _may_claim(lock: int) -> bool:
    """Lock the cluster for a new server; False while one lives in another pid namespace.

    Server processes inherit the lock, so it is held across containers, where /proc shows nothing.
    Within one namespace /proc decides: a child forked during a start may hold the lock too.
    """
    ours = os.readlink("/proc/self/ns/pid").encode()
    if not try_exclusive(lock) and os.pread(lock, 64, 0) != ours:
        return False
    os.ftruncate(lock, 0)
    os.pwrite(lock, ours, 0)
    return True


def _end_unusable(location: Location, living: list[int]) -> None:
    """Signal what can never serve again: orphans at once, a server without its socket politely."""
    record = read_pid_file(location)
    if record is None or record.pid not in living:
        _signal(living, signal.SIGKILL)
    elif record.status == "stopping":  # a smart shutdown would wait for the last pooled session
        _signal([record.pid], signal.SIGINT)
    elif record.status == "ready" and not location.socket.exists():
        _refuse_foreign_server(location, record)
        _signal([record.pid], signal.SIGINT)  # PostgreSQL's fast shutdown


def _refuse_foreign_server(location: Location, record: PidFile) -> None:
    same_tmp = os.stat(f"/proc/{record.pid}/ns/mnt").st_ino == os.stat("/proc/self/ns/mnt").st_ino
    if record.socket_dir == str(location.socket_dir) and same_tmp:
        return
    raise EmbeddedPostgresError(
        f"{location.cluster} is served by process {record.pid} with its socket in "
        f"{record.socket_dir or 'no folder'}, where this program cannot see it: stop that server, "
        "and if a service manager gives programs a /tmp of their own (PrivateTmp), turn that off."
    )


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _remove_stale_files(location: Location) -> None:
    """Remove pid files that PostgreSQL would honour if their pid meanwhile belongs to another."""
    (location.cluster / "postmaster.pid").unlink(missing_ok=True)
    location.socket.with_name(f"{location.socket.name}.lock").unlink(missing_ok=True)


def _launch(location: Location, lock: int) -> None:
    settings = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(location.socket_dir),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    options = shlex.join(f"--{name}={value}" for name, value in settings.items())
    arguments = ("-D", str(location.cluster), "-l", str(location.log), "-o", options)
    waiting = ("start", "-w", "-t", str(START_TIMEOUT_S))
    done = cluster.run_program(location, "pg_ctl", *waiting, *arguments, pass_fds=(lock,))
    if done.returncode != 0:
        raise EmbeddedPostgresError(
            f"the database in {location.cluster} did not start: {done.stderr.strip()}. Mend what "
            f"the log names, or choose another data folder.\n{cluster.log_tail(location)}"
        )
