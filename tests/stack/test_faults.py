"""Processes die and jobs do not; test_numbered_faults has more of it."""

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


def test_killed_idle_worker_is_replaced(
    installation: Installation, worker: subprocess.Popen[bytes], token: str
) -> None:
    """One that waits for a ticket holds the queue's lock, and would leave its successor deaf."""
    first_id = installation.submit(token, steps=2)
    installation.wait_for_status(token, first_id, "SUCCESS")
    idle = idle_worker_of(worker)
    wait_until_it_rests(idle)
    idle.kill()
    wait_for(lambda: not is_alive(idle.pid), limit_s=10, what="the idle worker is gone")
    began = time.monotonic()
    job_id = installation.submit(token, steps=2)
    installation.wait_for_status(token, job_id, "SUCCESS", limit_s=45)
    assert time.monotonic() - began < 45


def test_second_supervisor_waits_for_the_first(
    installation: Installation, worker: subprocess.Popen[bytes]
) -> None:
    second = installation.start_worker()
    wait_for(
        lambda: "in use by another worker" in installation.log_path.read_text(),
        limit_s=15,
        what="the second supervisor waits",
    )
    assert not psutil.Process(second.pid).children()
    installation.stop(worker)
    wait_for(lambda: len(crew_of(second)) == 5, limit_s=15, what="the second takes over")
    installation.stop(second)


def test_out_of_memory_is_tried_three_times_ten_seconds_apart(
    installation: Installation, token: str, empty_media: object
) -> None:
    worker = installation.start_worker(IMAGEN_FAULT="out_of_memory:5")
    try:
        job_id = installation.submit(token, steps=10)
        failure = installation.wait_for_status(token, job_id, "FAILURE", limit_s=90)
    finally:
        installation.stop(worker)
    assert failure["error_code"] == "out_of_memory"
    log = installation.log_of(job_id)
    starts = [row.at for row in log if row.status == "running" and row.step == 0]
    returns = [row.at for row in log if row.status == "queued" and row.attempt]
    assert installation.row(job_id, "attempt, oom_count, crash_count") == (3, 3, 0)
    assert len(starts) == 3
    assert all(
        (start - returned).total_seconds() >= 10
        for start, returned in zip(starts[1:], returns, strict=True)
    )
    assert [row.step for row in log if row.attempt == 3 and row.status == "running"] == [
        0,
        1,
        2,
        3,
        4,
        5,
    ]
    assert not installation.pictures()
    workers = {row.worker_pid for row in log if row.status == "running"}
    assert len(workers) == 3  # each attempt began in a fresh process
    with installation.connect() as connection:
        errors = connection.execute("SELECT last_error FROM generation_worker").fetchall()
    assert [words for (words,) in errors if "lost process" in words] == []
    assert "memory ran out, a fresh crew begins" in {words for (words,) in errors}


def test_job_that_hangs_in_c_is_failed_and_the_next_one_runs(
    installation: Installation, token: str
) -> None:
    """Time-out 5 s: the reaper fails the row, the cluster's own time-out ends the process."""
    worker = installation.start_worker(IMAGEN_FAULT="hang:2", IMAGEN_JOB_TIMEOUT="5")
    try:
        wait_for(lambda: len(crew_of(worker)) == 5, limit_s=30, what="the cluster is whole")
        wait_until_it_rests(idle_worker_of(worker))  # the model is loaded: five seconds suffice
        job_id = installation.submit(token, steps=10)
        began = time.monotonic()
        failure = installation.wait_for_status(token, job_id, "FAILURE", limit_s=35)
        assert failure["error_code"] == "timeout"
        assert time.monotonic() - began < 35
        hung = installation.row(job_id, "worker_pid")[0]
        wait_for(lambda: not is_alive(hung), limit_s=40, what="the hung process is gone")
        wait_for(
            lambda: len(crew := crew_of(worker)) == 5 and hung not in {each.pid for each in crew},
            limit_s=30,
            what="a new cluster is whole",
        )
        wait_until_it_rests(idle_worker_of(worker))
        next_id = installation.submit(token, steps=1)  # ends before the step that hangs
        installation.wait_for_status(token, next_id, "SUCCESS")
    finally:
        installation.stop(worker)
