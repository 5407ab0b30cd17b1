"""Processes are killed: the numbered faults that a worker and its jobs must outlive.

What passes, and which test shows it ("guards" is tests/chaos/test_guards.py):

1   Working process killed again and again: one completion each, reclaimed within the lease + 10 s.
    test_each_kill_of_the_working_process_costs_one_attempt (3 kills; 50 where full)
2   Idle worker, monitor or pusher killed: the next job within 45 s.
    test_next_job_runs_after_an_idle_process_is_killed, test_faults.test_killed_idle_worker_…
3   Sentinel, parent, group or supervisor killed: the old generation gone within 5 s, or of the end
    of the picture that it paints in good health; never two generators.
    test_old_generation_is_gone_before_a_new_one_starts
4   Stopped beyond the lease: no double completion, no file of the fenced attempt.
    guards.test_scene_ends_well[stopped_worker_goes_on]
5   PostgreSQL down 1, 15 (60 where full) s at idle, step, settle and submit; connections ended each
    second for 10 (60 where full) s: nothing accepted is lost, 503 and never 500, back within 15 s.
    test_numbered_faults_database
6   Web killed during a POST: job and ticket, or neither. test_numbered_faults_web
7   240 POSTs at one moment: exactly 100. test_painting.test_simultaneous_posts_…
8   A hang in C: failed within time-out + 30 s, the next job runs. test_faults.test_job_that_hangs_…
9   Out of memory: 3 attempts, at least 10 s apart. test_faults.test_out_of_memory_is_tried_…
10  A job that kills its worker: failed after 3 crashes, the others unharmed.
    test_job_that_kills_its_worker_fails_and_harms_no_other
11  Cancelled in every phase: one end, within a step + 1 s. test_numbered_faults_cancellation
12  SIGTERM: gone within 5 s, its job is the next one.
    test_job_of_a_terminated_worker_is_the_next_one
13  A second supervisor on one device waits. test_faults.test_second_supervisor_waits_…
14  Clocks that are 20 minutes apart: nobody is given up. test_numbered_faults_surroundings
15  Disk full at settle: failed, not stuck. test_numbered_faults_surroundings
16  Without fence, lock, watchdog or reaper a test falls. guards.…_ends_badly_without_its_guard

NUMBERED_FAULTS=full runs what is shortened here at full length.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil
import pytest

from tests.chaos.watch import GeneratorWatch
from tests.stack.harness import (
    Installation,
    crew_of,
    idle_worker_of,
    is_alive,
    running_worker,
    wait_for,
    wait_until_whole,
)

IS_FULL = os.environ.get("NUMBERED_FAULTS") == "full"
KILLS = 50 if IS_FULL else 3
KILLS_A_SUPERVISOR = 3
"""Its pauses grow with each cluster that did not last, so that fifty would take half an hour."""
STALE_AFTER_S = 60
SLOW = {"IMAGEN_FAULT": "slow:0.2"}
LONG = {"steps": 15, "width": 64, "height": 64}
SHORT = {"steps": 2, "width": 64, "height": 64}
Victim = Callable[[subprocess.Popen[bytes]], list[int]]


@pytest.fixture
def slow_worker(installation: Installation) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor whose cluster is whole and takes three seconds for LONG."""
    with running_worker(installation, **SLOW) as child:
        wait_until_whole(child)
        yield child


@pytest.fixture
def watch(installation: Installation, empty_media: object) -> Iterator[GeneratorWatch]:
    looking = GeneratorWatch(str(installation.folder))
    looking.start()
    yield looking
    looking.stop()


def assert_completed_once(installation: Installation, job_id: str) -> None:
    """One completion, by the last attempt, and one file that belongs to it."""
    log = installation.log_of(job_id)
    attempt = installation.row(job_id, "attempt")[0]
    assert [row.attempt for row in log if row.status == "succeeded"] == [attempt]
    own = [path.name for path in installation.pictures() if path.name.startswith(job_id)]
    assert own == [f"{job_id}-{attempt}.png"]


def kill_in_the_middle(installation: Installation, token: str) -> None:
    """One job, whose working process is killed once."""
    job_id = installation.submit(token, **LONG)
    killed = installation.wait_for_step(job_id, 3)
    os.kill(killed, signal.SIGKILL)
    killed_at = datetime.now(UTC)
    installation.wait_for_status(token, job_id, "SUCCESS", limit_s=STALE_AFTER_S + 40)
    starts = [
        row.at for row in installation.log_of(job_id) if (row.status, row.step) == ("running", 0)
    ]
    assert len(starts) == 2
    assert (starts[1] - killed_at).total_seconds() < STALE_AFTER_S + 10
    assert installation.row(job_id, "attempt, crash_count") == (2, 1)
    assert_completed_once(installation, job_id)
    assert not is_alive(killed)


def test_each_kill_of_the_working_process_costs_one_attempt(
    installation: Installation, token: str, empty_media: object
) -> None:
    for first in range(0, KILLS, KILLS_A_SUPERVISOR):
        with running_worker(installation, **SLOW):
            for _ in range(min(KILLS_A_SUPERVISOR, KILLS - first)):
                kill_in_the_middle(installation, token)
    assert len(installation.pictures()) == KILLS


@pytest.mark.parametrize("place", [1, 2], ids=["monitor", "pusher"])
def test_next_job_runs_after_an_idle_process_is_killed(
    installation: Installation, worker: subprocess.Popen[bytes], token: str, place: int
) -> None:
    job_id = installation.submit(token, **SHORT)
    installation.wait_for_status(token, job_id, "SUCCESS")
    sentinel = idle_worker_of(worker).parent()
    assert sentinel
    victim = sorted(child.pid for child in sentinel.children())[place]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: not is_alive(victim), limit_s=10, what="the process is gone")
    began = time.monotonic()
    job_id = installation.submit(token, **SHORT)
    installation.wait_for_status(token, job_id, "SUCCESS", limit_s=45)
    assert time.monotonic() - began < 45


def parent(worker: subprocess.Popen[bytes]) -> list[int]:
    return [child.pid for child in psutil.Process(worker.pid).children()]


def sentinel(worker: subprocess.Popen[bytes]) -> list[int]:
    return [child.pid for child in psutil.Process(parent(worker)[0]).children()]


def group(worker: subprocess.Popen[bytes]) -> list[int]:
    return [member.pid for member in crew_of(worker)]


def supervisor(worker: subprocess.Popen[bytes]) -> list[int]:
    return [worker.pid]


@pytest.mark.parametrize("victims", [sentinel, parent, group, supervisor])
def test_old_generation_is_gone_before_a_new_one_starts(
    installation: Installation,
    slow_worker: subprocess.Popen[bytes],
    token: str,
    watch: GeneratorWatch,
    victims: Victim,
) -> None:
    """A worker that paints in good health ends its picture first, whoever else has died."""
    is_well = victims in (sentinel, parent)
    job_id = installation.submit(token, **LONG | {"steps": 40})
    painting = installation.wait_for_step(job_id, 3)
    old = group(slow_worker)
    for pid in victims(slow_worker):
        os.kill(pid, signal.SIGKILL)
    with started_again(installation, slow_worker) as successor:
        if is_well:
            installation.wait_for_status(token, job_id, "SUCCESS", limit_s=60)
        wait_for(
            lambda: not any(is_alive(pid) for pid in old), limit_s=5, what="the old ones are gone"
        )
        installation.wait_for_status(token, job_id, "SUCCESS", limit_s=60)
        assert_completed_once(installation, job_id)
        assert not watch.overlaps
        assert not set(group(successor)) & set(old)
    pids = {row.worker_pid for row in installation.log_of(job_id) if row.status == "running"}
    assert painting in pids
    assert len(pids) == (1 if is_well else 2)


@contextmanager
def started_again(
    installation: Installation, worker: subprocess.Popen[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """The supervisor itself; where it was killed its successor, as a service manager starts it."""
    try:
        worker.wait(0.5)
    except subprocess.TimeoutExpired:
        yield worker
    else:
        with running_worker(installation, **SLOW) as successor:
            yield successor


def test_job_that_kills_its_worker_fails_and_harms_no_other(
    installation: Installation, token: str, empty_media: object
) -> None:
    with running_worker(installation, IMAGEN_FAULT="crash:5"):
        deadly = installation.submit(token, **LONG)
        others = [installation.submit(token, **SHORT) for _ in range(2)]
        failure = installation.wait_for_status(token, deadly, "FAILURE", limit_s=90)
        for job_id in others:
            installation.wait_for_status(token, job_id, "SUCCESS", limit_s=60)
    assert failure["error_code"] == "worker_crashed"
    assert installation.row(deadly, "attempt, crash_count") == (3, 3)
    for job_id in others:
        assert installation.row(job_id, "attempt, crash_count") == (1, 0)
        assert_completed_once(installation, job_id)
    assert len(installation.pictures()) == len(others)


def test_job_of_a_terminated_worker_is_the_next_one(
    installation: Installation,
    worker: subprocess.Popen[bytes],
    token: str,
    empty_media: object,
) -> None:
    """In the middle of real work: a signal waits for the arithmetic."""
    job_id = installation.submit(token, steps=60, width=160, height=160)
    waiting = [installation.submit(token, **SHORT) for _ in range(2)]
    installation.wait_for_step(job_id, 5)
    crew = group(worker)
    assert installation.stop(worker) < 5
    assert not [pid for pid in crew if is_alive(pid)]
    counts = "status, attempt, crash_count, oom_count"
    assert installation.row(job_id, counts) == ("queued", 1, 0, 0)
    with running_worker(installation):
        installation.wait_for_step(job_id, 1)
        assert {installation.row(other, "attempt") for other in waiting} == {(0,)}
        for other in (job_id, *waiting):
            installation.wait_for_status(token, other, "SUCCESS")
    assert installation.row(job_id, "attempt, crash_count, oom_count") == (2, 0, 0)
    assert_completed_once(installation, job_id)
