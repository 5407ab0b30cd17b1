"""The machine itself is at fault: clocks that are wrong (14), a disk that is full (15)."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.stack.harness import Installation, running_worker, wait_until_whole

SLEEP = """
import select
import time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""
"""libfaketime 0.9.10 refuses the wait that Python's own sleep asks for (EINVAL)."""
CLOCKS = {"early": "+10m", "late": "-10m"}
MISSING_FAKETIME = "this test needs faketime: apt-get install --no-install-recommends faketime"
DISK_SIZE = 1024 * 1024
SMALL_DISK = ["unshare", *([] if os.geteuid() == 0 else ["-Ur"]), "--mount", "sh", "-c"]
MOUNT = 'mount -t tmpfs -o size={size} none "$0" && exec "$@"'
JOB = {"steps": 6, "width": 64, "height": 64}


def wrong_clock(offset: str) -> dict[str, str]:
    """The environment of a program whose clock is wrong by so much, and whose stop-watch is right.

    The program `faketime` itself would stand as one more process before the worker.
    """
    assert shutil.which("faketime"), MISSING_FAKETIME
    library = subprocess.check_output(
        ["faketime", "-m", "-f", offset, "printenv", "LD_PRELOAD"], text=True
    )
    return {"LD_PRELOAD": library.strip(), "FAKETIME": offset, "DONT_FAKE_MONOTONIC": "1"}


def clock_error_s(surroundings: dict[str, str]) -> float:
    """By how much a program is wrong about the time."""
    told = subprocess.check_output(["date", "+%s.%N"], env=os.environ | surroundings, text=True)
    return float(told) - time.time()


@contextmanager
def running_host(installation: Installation, name: str) -> Iterator[None]:
    """A worker with a device and a clock of its own."""
    folder = installation.folder / name
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SLEEP)
    own = {"IMAGEN_WORKER_NAME": name, "IMAGEN_LOCK_DIR": str(folder), "PYTHONPATH": str(folder)}
    settings = {"IMAGEN_FAULT": "slow:0.5", "IMAGEN_STALE_AFTER": "15"}
    clock = wrong_clock(CLOCKS[name])
    assert 595 < abs(clock_error_s(clock)) < 605
    with running_worker(installation, **own, **settings, **clock) as worker:
        wait_until_whole(worker)
        yield


def test_workers_with_wrong_clocks_lose_no_claim(
    installation: Installation, token: str, empty_media: object
) -> None:
    """Two workers whose clocks are 20 minutes apart, each of them 10 minutes from everybody's."""
    with running_host(installation, "early"), running_host(installation, "late"):
        job_ids = [installation.submit(token, **JOB) for _ in range(6)]
        for job_id in job_ids:
            installation.wait_for_status(token, job_id, "SUCCESS", limit_s=60)
    rows = [installation.row(job_id, "attempt, crash_count, worker") for job_id in job_ids]
    assert {row[:2] for row in rows} == {(1, 0)}
    assert {row[2] for row in rows} == set(CLOCKS)


def test_full_disk_fails_the_job_and_spares_the_next_one(
    installation: Installation, token: str, empty_media: object
) -> None:
    """The worker's folder of pictures is a small disk of its own, full and then freed."""
    media = installation.folder / "small-disk"
    media.mkdir()
    under = [*SMALL_DISK, MOUNT.format(size=DISK_SIZE), str(media)]
    with running_worker(installation, under=under, IMAGEN_MEDIA_ROOT=str(media)) as worker:
        wait_until_whole(worker)
        seen_by_worker = Path(f"/proc/{worker.pid}/root{media}")
        filling = fill(seen_by_worker)
        job_id = installation.submit(token, **JOB)
        failure = installation.wait_for_status(token, job_id, "FAILURE")
        assert failure["error_code"] == "storage_failed"
        assert not list(seen_by_worker.rglob("*.png"))
        filling.unlink()
        next_id = installation.submit(token, **JOB)
        installation.wait_for_status(token, next_id, "SUCCESS")
        assert [path.name for path in seen_by_worker.rglob("*.png")] == [f"{next_id}-1.png"]


def fill(folder: Path) -> Path:
    """Leave no byte free; the file that takes all of them."""
    filling = folder / "filling"
    with suppress(OSError), filling.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return filling
