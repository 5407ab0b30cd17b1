"""The web is killed while it accepts: job and ticket, or neither (fault 6)."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from generation.jobs.queue import QUEUE_LOCK
from tests.stack.harness import Installation, wait_for

POSTS = 8
WAITING_POSTS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
WEB_CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name LIKE 'imagen web%'
"""


def count(installation: Installation, statement: str) -> int:
    with installation.connect() as connection:
        return connection.execute(statement).fetchone()[0]


@contextmanager
def posts_under_way(installation: Installation, token: str) -> Iterator[None]:
    """Eight customers order at once; nobody is answered any more at the end."""
    with installation.connect() as connection:
        connection.execute("TRUNCATE generation_generationjob CASCADE")
        connection.execute("TRUNCATE django_q_ormq")
    arguments = ("POST", "/generate", {"prompt": "a"}, token)
    threads = [threading.Thread(target=installation.ask, args=arguments) for _ in range(POSTS)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def kill_web(installation: Installation) -> None:
    assert installation.web
    installation.web.kill()
    installation.web.wait()


def jobs_and_tickets(installation: Installation) -> tuple[int, int]:
    """What is there once the dead web's transactions have ended."""
    wait_for(
        lambda: count(installation, WEB_CONNECTIONS) == 0,
        limit_s=20,
        what="the killed web's connections have ended",
    )
    return (
        count(installation, "SELECT count(*) FROM generation_generationjob"),
        count(installation, "SELECT count(*) FROM django_q_ormq"),
    )


def test_web_killed_within_its_transactions_leaves_neither_job_nor_ticket(
    installation: Installation, token: str
) -> None:
    """Each POST has begun its transaction and waits for the queue's lock when the web dies."""
    with installation.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [QUEUE_LOCK])
        with posts_under_way(installation, token):
            wait_for(
                lambda: count(installation, WAITING_POSTS) == POSTS,
                limit_s=20,
                what="all POSTs wait",
            )
            kill_web(installation)
    assert jobs_and_tickets(installation) == (0, 0)
    installation.start_web()


@pytest.mark.parametrize("delay_ms", [10, 25, 40, 60, 90])
def test_web_killed_at_any_moment_leaves_a_ticket_for_each_job(
    installation: Installation, token: str, delay_ms: int
) -> None:
    with posts_under_way(installation, token):
        time.sleep(delay_ms / 1000)
        kill_web(installation)
    jobs, tickets = jobs_and_tickets(installation)
    assert jobs == tickets
    installation.start_web()
