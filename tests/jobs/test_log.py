"""A job's log: every move, by the statement that made it."""

import pytest

from generation.jobs import services, transitions
from generation.models import GenerationJob, JobStatus
from tests import factories

pytestmark = pytest.mark.django_db


def log_of(job: GenerationJob) -> list[tuple[str, str, str, int]]:
    return list(job.transitions.values_list("from_status", "to_status", "reason", "attempt"))


def test_straight_way() -> None:
    job = factories.succeeded_job()
    assert log_of(job) == [
        ("", "queued", "submitted", 0),
        ("queued", "running", "claimed", 1),
        ("running", "succeeded", "painted", 1),
    ]
    assert [move.worker for move in job.transitions.all()] == ["", "host/cpu", "host/cpu"]
    assert job.transitions.first().actor_id == job.owner_id


def test_failure_tells_its_code_and_detail() -> None:
    job = factories.failed_job(code="not_finite")
    last = job.transitions.last()
    assert (last.to_status, last.reason, last.detail) == ("failed", "not_finite", "why")


def test_cancellation_names_who_asked(stranger) -> None:
    job = factories.queued_job()
    services.cancel_job(job, actor_id=stranger.pk)
    assert log_of(job)[1:] == [("queued", "cancelled", "cancel_requested", 0)]
    assert job.transitions.last().actor == stranger


def test_running_job_is_asked_first_and_stops_then() -> None:
    job, claim = factories.running_job()
    services.cancel_job(job)
    transitions.settle_cancelled(claim)
    assert log_of(job)[2:] == [
        ("running", "running", "cancel_requested", 1),
        ("running", "cancelled", "cancel_requested", 1),
    ]


def test_asking_again_to_stop_is_answered_the_same_and_not_logged(stranger) -> None:
    job, claim = factories.running_job()
    answers = [services.cancel_job(job), services.cancel_job(job, actor_id=stranger.pk)]
    assert answers == [JobStatus.RUNNING, JobStatus.RUNNING]
    assert log_of(job)[2:] == [("running", "running", "cancel_requested", 1)]
    transitions.settle_cancelled(claim)
    assert transitions.cancel(job.pk) is None


def test_why_a_job_ran_again() -> None:
    job, claim = factories.running_job()
    transitions.postpone(claim, detail="8 GB were too few", delay_s=0, tries=3)
    factories.claim()
    transitions.release("host/cpu")
    factories.claim()
    job.refresh_from_db()
    transitions.recover(job, crash_tries=3)
    reasons = [
        move.reason for move in job.transitions.filter(from_status="running", to_status="queued")
    ]
    assert reasons == ["out_of_memory", "worker_stopped", "worker_lost"]
    assert job.transitions.filter(reason="out_of_memory").get().detail == "8 GB were too few"


def test_retry_names_the_operator(stranger) -> None:
    old = factories.failed_job()
    new = services.retry_job(old, actor_id=stranger.pk)
    assert [(move.reason, move.actor) for move in new.transitions.all()] == [("retried", stranger)]


def test_lost_race_leaves_no_trace() -> None:
    job, claim = factories.running_job()
    transitions.release("host/cpu")
    assert not transitions.succeed(claim, "outputs/a.png")
    assert log_of(job)[-1] == ("running", "queued", "worker_stopped", 1)
