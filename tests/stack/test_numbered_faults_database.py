"""PostgreSQL goes and comes back (fault 5).

The server is one that nobody but the test starts again. Each outage is a crash: PostgreSQL's
immediate shutdown. NUMBERED_FAULTS=full adds outages of a minute, and a minute of lost connections.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from imagen_site.embedded_postgres import Membership, join
from tests.stack.embedded import open_folder, postmaster, server, wait_until
from tests.stack.harness import Installation, wait_for, wait_until_whole

IS_FULL = os.environ.get("NUMBERED_FAULTS") == "full"
OUTAGES_S = (1, 15, 60) if IS_FULL else (1, 15)
LOST_CONNECTIONS_S = 60 if IS_FULL else 10
RECOVERY_LIMIT_S = 15.0
STEP_S = 0.5
SHORT = {"steps": 1, "width": 64, "height": 64}
LONG = {"steps": 8, "width": 64, "height": 64}
END_CONNECTIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="module")
def own_server() -> Iterator[Membership]:
    with open_folder() as folder, join(folder / "data") as membership:
        yield membership


@pytest.fixture(scope="module")
def installation(
    own_server: Membership, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Web on a server that its processes take for somebody else's."""
    made = Installation(tmp_path_factory.mktemp("stack"), own_server.url)
    try:
        made.migrate()
        made.start_web()
        yield made
    finally:
        made.stop_all()


@pytest.fixture(scope="module")
def slow_worker(installation: Installation) -> subprocess.Popen[bytes]:
    child = installation.start_worker(IMAGEN_FAULT=f"slow:{STEP_S:g}")
    wait_until_whole(child)
    return child


@contextmanager
def outage(membership: Membership, seconds: float) -> Iterator[None]:
    """The server crashes; it is back at the end, not before so many seconds have passed."""
    os.kill(postmaster(membership), signal.SIGQUIT)
    wait_until(lambda: not server.server_pids(membership.location))
    over_at = time.monotonic() + seconds
    try:
        yield
        time.sleep(max(over_at - time.monotonic(), 0))
    finally:
        membership.ensure_running()


def assert_recovered(installation: Installation, token: str) -> None:
    """A new job is accepted and begun within the limit; it gets its picture.

    Not "painted within": a worker that starts again reads its model first.
    """
    back_at = time.monotonic()
    job_id = wait_for(
        lambda: order(installation, token)[1], limit_s=RECOVERY_LIMIT_S, what="the web accepts"
    )
    wait_for(
        lambda: installation.row(job_id, "attempt")[0],
        limit_s=RECOVERY_LIMIT_S - (time.monotonic() - back_at),
        what="a worker begins",
    )
    installation.wait_for_status(token, job_id, "SUCCESS")


def order(installation: Installation, token: str) -> tuple[int, str]:
    """The answer's status, and the job's id where it was accepted."""
    wanted = {"prompt": "an outage", **SHORT}
    status, _headers, body = installation.ask("POST", "/generate", wanted, token)
    return status, json.loads(body)["job_id"] if status == 202 else ""


class Customers:
    """Order one picture after another until told to stop."""

    def __init__(self, installation: Installation, token: str, *, every_s: float = 0.3) -> None:
        self.answers: Counter[int] = Counter()
        self.job_ids: list[str] = []
        self._is_over = threading.Event()
        self._order = lambda: order(installation, token)
        self._every_s = every_s
        self._thread = threading.Thread(target=self._go_on)

    def __enter__(self) -> "Customers":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._is_over.wait(self._every_s):
            status, job_id = self._order()
            self.answers[status] += 1
            if job_id:
                self.job_ids.append(job_id)


@pytest.mark.parametrize("seconds", OUTAGES_S)
def test_idle_worker_paints_again_after_an_outage(
    installation: Installation,
    own_server: Membership,
    slow_worker: object,
    token: str,
    seconds: int,
) -> None:
    installation.wait_for_status(token, installation.submit(token, **SHORT), "SUCCESS")
    with outage(own_server, seconds):
        assert installation.ask("GET", "/readyz")[0] == 503
    assert_recovered(installation, token)


@pytest.mark.parametrize("seconds", OUTAGES_S)
def test_outage_between_steps_costs_no_job_and_no_customer_an_error(
    installation: Installation,
    own_server: Membership,
    slow_worker: object,
    token: str,
    seconds: int,
) -> None:
    """Customers go on ordering all the while."""
    job_id = installation.submit(token, **LONG)
    installation.wait_for_step(job_id, 2)
    with Customers(installation, token, every_s=max(0.3, seconds / 5)) as customers:
        with outage(own_server, seconds):
            status = installation.ask("GET", f"/status/{job_id}", token=token)[0]
        assert_recovered(installation, token)
    assert status == 503
    assert set(customers.answers) <= {202, 503}
    for accepted in (job_id, *customers.job_ids):
        installation.wait_for_status(token, accepted, "SUCCESS", limit_s=60)


@pytest.mark.parametrize("seconds", OUTAGES_S)
def test_picture_that_is_done_during_an_outage_is_kept(
    installation: Installation,
    own_server: Membership,
    slow_worker: object,
    token: str,
    seconds: int,
) -> None:
    job_id = installation.submit(token, **SHORT)
    installation.wait_for_step(job_id, SHORT["steps"])
    with outage(own_server, seconds):
        pass
    installation.wait_for_status(token, job_id, "SUCCESS", limit_s=RECOVERY_LIMIT_S)
    log = installation.log_of(job_id)
    assert [row.status for row in log].count("succeeded") == 1
    if seconds < 60:  # a worker waits that long with a picture in its hands
        assert log[-1].attempt == 1
    assert_recovered(installation, token)


def test_connections_that_are_ended_each_second_cost_no_job_and_no_customer_an_error(
    installation: Installation, slow_worker: object, token: str
) -> None:
    """The pool takes a second to replace them, so few orders come through; none is an error."""
    running = installation.submit(token, **LONG)
    installation.wait_for_step(running, 1)
    give_up_at = time.monotonic() + LOST_CONNECTIONS_S
    with Customers(installation, token, every_s=0.5 if not IS_FULL else 3) as customers:
        while time.monotonic() < give_up_at:
            with installation.connect() as connection:
                connection.execute(END_CONNECTIONS)
            time.sleep(1)
    assert_recovered(installation, token)
    assert set(customers.answers) <= {202, 503}
    assert customers.answers
    for job_id in (running, *customers.job_ids):
        installation.wait_for_status(token, job_id, "SUCCESS", limit_s=60)
        assert [row.status for row in installation.log_of(job_id)].count("succeeded") == 1
