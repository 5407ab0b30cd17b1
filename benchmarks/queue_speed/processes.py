"""True processes on one of the benchmark's databases: started, awaited, ended."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.queue_speed.idle_engine import STEP_VARIABLE
from tests.stack.harness import ROOT, Installation, crew_of, wait_for

WORKER = [str(ROOT / "manage.py"), "imagen_worker"]
CREW_SIZE = 5


def run_module(installation: Installation, module: str, *arguments: str) -> str:
    """What the module prints, run with the installation's settings."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=installation.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        log = installation.log_tail() if installation.log_path.exists() else ""
        sys.exit(f"{module} {' '.join(arguments)} failed\n{log}")
    return done.stdout


@contextmanager
def running(installation: Installation, arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A child that ends with the block."""
    child = installation.start(arguments)
    try:
        yield child
    finally:
        installation.stop(child, limit_s=20)


@contextmanager
def started_worker(installation: Installation) -> Iterator[None]:
    """A supervisor with a whole cluster, which has spent its first ticket."""
    forget_tickets(installation)
    with running(installation, WORKER) as child:
        wait_for(lambda: len(crew_of(child)) == CREW_SIZE, limit_s=60, what="the cluster is whole")
        wait_for(lambda: not _tickets(installation), limit_s=60, what="the first ticket is spent")
        yield


@contextmanager
def started_web(installation: Installation) -> Iterator[None]:
    installation.start_web()
    try:
        yield
    finally:
        installation.stop_all()


@contextmanager
def started_crews(installation: Installation, crews: int, *, step_s: float) -> Iterator[None]:
    """So many supervisors as if each had a host of its own; a step takes that long."""
    children = []
    forget_tickets(installation)
    try:
        for number in range(crews):
            locks = installation.folder / f"host-{number}"
            locks.mkdir(exist_ok=True)
            own = {
                "IMAGEN_LOCK_DIR": str(locks),
                "IMAGEN_WORKER_NAME": f"host-{number}",
                STEP_VARIABLE: str(step_s),
            }
            children.append(installation.start(WORKER, **own))
        for child in children:
            wait_for(
                lambda child=child: len(crew_of(child)) == CREW_SIZE,
                limit_s=120,
                what="a cluster is whole",
            )
        wait_for(lambda: not _tickets(installation), limit_s=60, what="first tickets are spent")
        yield
    finally:
        installation.stop_all()


def _tickets(installation: Installation) -> int:
    with installation.connect() as connection:
        return connection.execute("SELECT count(*) FROM django_q_ormq").fetchone()[0]


def forget_tickets(installation: Installation) -> None:
    """A worker that was stopped may have held some: they would count as unspent."""
    with installation.connect() as connection:
        connection.execute("DELETE FROM django_q_ormq")
