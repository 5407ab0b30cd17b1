"""A job is cancelled in each of its phases: it ends once, within a step and a second (fault 11)."""

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.stack.harness import Installation, running_worker, wait_for

STEP_S = 2.0
LIMIT_S = STEP_S + 1
LOADING_LIMIT_S = 15.0
"""Reading a model cannot be interrupted; the job ends with it, before its first step."""
SMALL = {"steps": 4, "width": 64, "height": 64}
LARGE = {"steps": 1, "width": 512, "height": 512}
ENDS = {"succeeded", "failed", "cancelled"}


@pytest.fixture
def slow_worker(installation: Installation) -> Iterator[subprocess.Popen[bytes]]:
    """Each step takes two seconds more, the one before decoding too."""
    with running_worker(installation, IMAGEN_FAULT=f"slow:{STEP_S:g}") as child:
        yield child


def cancel(installation: Installation, token: str, job_id: str) -> str:
    """Ask for it; the status that the answer shows."""
    status, _headers, body = installation.ask("POST", f"/api/v1/jobs/{job_id}/cancel", {}, token)
    assert status == 200, body
    return json.loads(body)["status"]


def seconds_to_end(installation: Installation, job_id: str, limit_s: float) -> float:
    """How long the job still takes to its end."""
    began = time.monotonic()
    wait_for(
        lambda: installation.row(job_id, "status")[0] in ENDS,
        limit_s=limit_s,
        what=f"{job_id} has ended",
    )
    return time.monotonic() - began


def ends(installation: Installation, job_id: str) -> list[str]:
    return [row.status for row in installation.log_of(job_id) if row.status in ENDS]


def test_waiting_job_ends_with_the_answer(
    installation: Installation, token: str, empty_media: object
) -> None:
    job_id = installation.submit(token, **SMALL)
    assert cancel(installation, token, job_id) == "cancelled"
    assert ends(installation, job_id) == ["cancelled"]


def test_job_ends_before_its_first_step_when_the_model_is_loaded(
    installation: Installation, token: str, empty_media: object
) -> None:
    job_id = installation.submit(token, **SMALL)
    with running_worker(installation):
        wait_for(
            lambda: installation.row(job_id, "status")[0] == "running",
            limit_s=60,
            what="the job is claimed",
            every_s=0.01,
        )
        cancel(installation, token, job_id)
        seconds_to_end(installation, job_id, LOADING_LIMIT_S)
    assert installation.row(job_id, "status, step") == ("cancelled", 0)
    assert ends(installation, job_id) == ["cancelled"]
    assert not installation.pictures()


def test_job_ends_between_its_steps_and_before_its_picture_is_decoded(
    installation: Installation,
    slow_worker: subprocess.Popen[bytes],
    token: str,
    empty_media: object,
) -> None:
    for last_step in (2, SMALL["steps"]):
        job_id = installation.submit(token, **SMALL)
        installation.wait_for_step(job_id, last_step)
        cancel(installation, token, job_id)
        assert seconds_to_end(installation, job_id, 3 * LIMIT_S) < LIMIT_S
        status, step = installation.row(job_id, "status, step")
        assert status == "cancelled"
        assert step - last_step in (0, 1)
        assert ends(installation, job_id) == ["cancelled"]
    assert not installation.pictures()


def test_job_that_is_being_decoded_ends_one_way_or_the_other(
    installation: Installation, worker: subprocess.Popen[bytes], token: str, empty_media: object
) -> None:
    job_id = installation.submit(token, **LARGE)
    installation.wait_for_step(job_id, 1)
    cancel(installation, token, job_id)
    seconds_to_end(installation, job_id, LIMIT_S)
    (end,) = ends(installation, job_id)
    assert end in ("cancelled", "succeeded")
    assert len(installation.pictures()) == (end == "succeeded")


def test_job_that_waits_for_memory_ends_with_the_answer(
    installation: Installation, token: str, empty_media: object
) -> None:
    settings = {"IMAGEN_FAULT": "out_of_memory:1", "IMAGEN_OOM_DELAY": "3"}
    with running_worker(installation, **settings):
        job_id = installation.submit(token, **SMALL)
        wait_for(
            lambda: installation.row(job_id, "status, attempt") == ("queued", 1),
            limit_s=60,
            what="the job waits for memory",
            every_s=0.01,
        )
        assert cancel(installation, token, job_id) == "cancelled"
        time.sleep(5)  # beyond its delay and the reaper's period nobody takes it up again
    assert installation.row(job_id, "status, attempt") == ("cancelled", 1)
    assert ends(installation, job_id) == ["cancelled"]
