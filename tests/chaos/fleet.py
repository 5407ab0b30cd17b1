"""Two workers with devices of their own, a web and an embedded PostgreSQL that supervisors keep."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from imagen_site.embedded_postgres import Location, join, server
from tests.chaos.watch import GeneratorWatch
from tests.stack.embedded import open_folder
from tests.stack.harness import Installation, crew_of, wait_for

MUTATION_DIR = Path(__file__).parent / "mutation"
CREW_SIZE = 5
STALE_AFTER_S = 15
SETTINGS = {
    "IMAGEN_STALE_AFTER": str(STALE_AFTER_S),
    "IMAGEN_CRASH_TRIES": "100",
    "IMAGEN_JOB_TIMEOUT": "120",
    "IMAGEN_FAULT": "slow:0.5",
    "OMP_NUM_THREADS": "1",
}


@dataclass(slots=True, kw_only=True)
class Host:
    """One machine with one device: a supervisor that a service manager starts again."""

    name: str
    lock_dir: Path
    settings: Mapping[str, str]
    supervisor: subprocess.Popen[bytes]
    starts: int = 1
    is_kept: bool = True

    def crew(self) -> list[psutil.Process]:
        """Parent, sentinel and the sentinel's three, as far as they are there, oldest first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return crew_of(self.supervisor)
        return []


@dataclass(kw_only=True)
class Fleet:
    """All processes of one installation. `tend` starts again what died, as systemd would."""

    installation: Installation
    location: Location
    watch: GeneratorWatch
    hosts: list[Host] = field(default_factory=list)
    web_starts: int = 1

    def start_host(self, name: str, **settings: str) -> Host:
        lock_dir = self.installation.folder / f"locks-{name}"
        lock_dir.mkdir(exist_ok=True)
        supervisor = self._start_supervisor(name, lock_dir, settings)
        host = Host(name=name, lock_dir=lock_dir, settings=settings, supervisor=supervisor)
        self.hosts.append(host)
        return host

    def tend(self) -> None:
        """Start again at once whoever has died."""
        for host in self.hosts:
            if host.is_kept and host.supervisor.poll() is not None:
                host.supervisor = self._start_supervisor(host.name, host.lock_dir, host.settings)
                host.starts += 1
        web = self.installation.web
        if web is not None and web.poll() is not None:
            self.installation.launch_web()
            self.web_starts += 1

    def wait_tending(self, condition: Callable[[], object], *, limit_s: float) -> bool:
        """Tend until the condition holds; False when it did not within the limit."""
        give_up_at = time.monotonic() + limit_s
        while time.monotonic() < give_up_at:
            self.tend()
            if condition():
                return True
            time.sleep(0.1)
        return False

    def wait_until_whole(self) -> None:
        """Return once each host's cluster is complete and has loaded its model."""
        for host in self.hosts:
            wait_for(
                lambda host=host: len(host.crew()) == CREW_SIZE,
                limit_s=90,
                what=f"the cluster of {host.name} is whole",
            )

    def remove_host(self, host: Host) -> None:
        """Stop it as an operator does; its device is free then."""
        self.hosts.remove(host)
        if host.supervisor.poll() is None:
            self.installation.stop(host.supervisor, limit_s=20)

    def lose_host(self, host: Host) -> None:
        """Kill all that runs there, at one moment, and never start it again."""
        host.is_kept = False
        pids = [host.supervisor.pid, *(process.pid for process in host.crew())]
        for pid in pids:
            kill(pid, signal.SIGKILL)
        host.supervisor.wait()

    def clear(self) -> None:
        """End the hosts and what is left of their clusters; forget all jobs and files."""
        end_stopped(self)
        for host in list(self.hosts):
            self.remove_host(host)
        for group in set().union(*self.watch.groups().values()):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        for path in self.installation.media.rglob("*.*"):
            path.unlink()
        with self.installation.connect() as connection:
            connection.execute("TRUNCATE generation_generationjob, job_log CASCADE")
            connection.execute("TRUNCATE django_q_ormq")
        self.watch.overlaps.clear()

    def shut_database_down(self) -> bool:
        """PostgreSQL's immediate shutdown, which is a crash; False: it does not run now."""
        record = server.read_pid_file(self.location)
        return bool(record and record.pid) and kill(record.pid, signal.SIGQUIT)

    def query(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows; while the database is away, supervisors that bring it back are awaited."""
        give_up_at = time.monotonic() + 60
        while True:
            try:
                with self.installation.connect() as connection:
                    return connection.execute(statement, values).fetchall()
            except psycopg.OperationalError:
                if time.monotonic() > give_up_at:
                    raise
                self.tend()
                time.sleep(0.2)

    def _start_supervisor(
        self, name: str, lock_dir: Path, settings: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        return self.installation.start_worker(
            IMAGEN_WORKER_NAME=name, IMAGEN_LOCK_DIR=str(lock_dir), **settings
        )


@contextlib.contextmanager
def open_fleet() -> Iterator[Fleet]:
    """A web on a new database server of its own, without hosts; all of it goes at the end."""
    with open_folder() as folder:
        installation = Installation(folder, None, **SETTINGS)
        with join(folder / "data") as membership:
            installation.database_url = membership.url
            watch = GeneratorWatch(str(folder))
            fleet = Fleet(installation=installation, location=membership.location, watch=watch)
            watch.start()
            try:
                installation.migrate()
                installation.start_web()
                yield fleet
            finally:
                end_stopped(fleet)
                installation.stop_all()
                watch.stop()


def end_stopped(fleet: Fleet) -> None:
    """Let stopped processes go on, so that none of them outlives the others."""
    for groups in fleet.watch.groups().values():
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)


def mutation(name: str) -> dict[str, str]:
    """The settings under which a process of the product runs as this mutant."""
    return {"PYTHONPATH": str(MUTATION_DIR), "CHAOS_MUTANT": name}


def kill(pid: int, number: signal.Signals) -> bool:
    """Send the signal; False when nobody is there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def in_thread(act: Callable[[], object], name: str) -> threading.Thread:
    thread = threading.Thread(target=act, name=name, daemon=True)
    thread.start()
    return thread
