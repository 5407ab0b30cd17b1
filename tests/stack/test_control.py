"""Operators steer, and a crew that does not hear is replaced: with real processes."""

import os
import signal
import subprocess
import time

import psutil

from tests.stack.harness import (
    Installation,
    crew_of,
    idle_worker_of,
    is_alive,
    wait_for,
    wait_until_it_rests,
)
from tests.stack.test_numbered_faults import assert_completed_once

LONG = {"steps": 60, "width": 160, "height": 160}
"""Some seconds of work, so that what is asked falls in the middle."""
STEER = "from generation.jobs import controls; controls.{act}"


def steer(installation: Installation, act: str) -> None:
    installation.manage("shell", "-v0", "-c", STEER.format(act=act))


def worker_row(installation: Installation, columns: str) -> tuple[object, ...]:
    with installation.connect() as connection:
        row = connection.execute(
            f"SELECT {columns} FROM generation_worker WHERE stopped_at IS NULL"
        ).fetchone()
    assert row
    return row


def test_drained_worker_ends_its_job_takes_no_more_and_is_resumed(
    installation: Installation, worker: subprocess.Popen[bytes], token: str, empty_media: object
) -> None:
    job_id = installation.submit(token, **LONG)
    installation.wait_for_step(job_id, 5)
    worker.send_signal(signal.SIGUSR1)
    next_id = installation.submit(token, steps=2)
    installation.wait_for_status(token, job_id, "SUCCESS")
    assert installation.row(job_id, "attempt") == (1,)
    assert_completed_once(installation, job_id)
    wait_for(lambda: not crew_of(worker), limit_s=15, what="the cluster has ended")
    assert worker.poll() is None
    wait_for(
        lambda: worker_row(installation, "drained_at")[0], limit_s=10, what="the drain is noted"
    )
    assert installation.row(next_id, "status, attempt") == ("queued", 0)
    (name,) = worker_row(installation, "name")
    steer(installation, f"resume(worker={name!r})")
    installation.wait_for_status(token, next_id, "SUCCESS")


def test_paused_queue_lets_the_running_job_end_and_begins_none(
    installation: Installation, worker: subprocess.Popen[bytes], token: str
) -> None:
    job_id = installation.submit(token, **LONG)
    installation.wait_for_step(job_id, 5)
    steer(installation, "pause('the cards are cleaned')")
    waiting_id = installation.submit(token, steps=2)
    installation.wait_for_status(token, job_id, "SUCCESS")
    time.sleep(3)  # longer than the back-stop poll
    assert installation.row(waiting_id, "status") == ("queued",)
    steer(installation, "resume()")
    began = time.monotonic()
    installation.wait_for_status(token, waiting_id, "SUCCESS")
    assert time.monotonic() - began < 10


def test_crew_with_a_stopped_pusher_is_replaced(
    installation: Installation, worker: subprocess.Popen[bytes], token: str
) -> None:
    """Every process is there, none is lost, and none takes a ticket."""
    first_id = installation.submit(token, steps=2)
    installation.wait_for_status(token, first_id, "SUCCESS")
    pusher = max(psutil.Process(idle_worker_of(worker).ppid()).children(), key=lambda c: c.pid)
    os.kill(pusher.pid, signal.SIGSTOP)
    job_id = installation.submit(token, steps=2)
    began = time.monotonic()
    installation.wait_for_status(token, job_id, "SUCCESS", limit_s=60)
    assert time.monotonic() - began > 15
    assert "took no job" in worker_row(installation, "last_error")[0]
    assert not is_alive(pusher.pid)


def test_two_workers_share_the_queue_and_each_takes_one(
    installation: Installation, worker: subprocess.Popen[bytes], token: str
) -> None:
    """Another name and another lock folder are another host's worker."""
    other_host = installation.folder / "other"
    other_host.mkdir(exist_ok=True)
    second = installation.start_worker(
        IMAGEN_WORKER_NAME="studio/left", IMAGEN_LOCK_DIR=str(other_host)
    )
    try:
        wait_for(lambda: len(crew_of(second)) == 5, limit_s=30, what="the second is whole")
        for each in (worker, second):
            wait_until_it_rests(idle_worker_of(each))  # its model is loaded
        jobs = [installation.submit(token, **LONG) for _ in range(2)]
        wait_for(
            lambda: all(installation.row(job_id, "attempt")[0] for job_id in jobs),
            limit_s=60,
            what="both are begun",
        )
        workers = {installation.row(job_id, "worker")[0] for job_id in jobs}
        assert len(workers) == 2
        assert "studio/left" in workers
        for job_id in jobs:
            installation.wait_for_status(token, job_id, "SUCCESS", limit_s=120)
    finally:
        installation.stop(second)
