"""Each transition happens once, or says that it did not."""

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from generation.jobs import transitions
from generation.jobs.transitions import ClaimLost, Standing, WorkerIdentity
from generation.models import GenerationJob, JobPreview, JobStatus
from tests import factories

pytestmark = pytest.mark.django_db


def test_claim_starts_the_oldest_job() -> None:
    first = factories.queued_job()
    factories.queued_job()
    claim = factories.claim()
    first.refresh_from_db()
    assert claim.job_id == first.pk
    assert (first.status, first.attempt, first.step) == (JobStatus.RUNNING, 1, 0)
    assert (first.worker, first.worker_pid) == ("host/cpu", 4242)
    assert first.deadline_at - first.claimed_at == timedelta(seconds=600)


def test_nothing_to_claim_is_none() -> None:
    assert (
        transitions.claim_next(factories.WORKER, timeout_s=600, profiles=factories.PROFILES) is None
    )


def test_released_job_is_served_before_all_first_starts() -> None:
    job, _claim = factories.running_job()
    factories.queued_job()
    assert len(transitions.release("host/cpu")) == 1
    assert factories.claim().job_id == job.pk


def test_job_is_not_claimed_before_its_back_off_has_passed() -> None:
    _job, claim = factories.running_job()
    transitions.postpone(claim, detail="", delay_s=3600, tries=3)
    assert (
        transitions.claim_next(factories.WORKER, timeout_s=600, profiles=factories.PROFILES) is None
    )


def test_report_writes_step_and_heartbeat() -> None:
    job, claim = factories.running_job()
    standing = transitions.report_step(claim, 5)
    before = job.heartbeat_at
    job.refresh_from_db()
    assert not standing.cancel_requested
    assert not standing.is_past_deadline
    assert job.step == 5
    assert job.heartbeat_at > before


def test_report_tells_of_cancellation_and_deadline() -> None:
    job, claim = factories.running_job()
    transitions.cancel(job.pk)
    GenerationJob.objects.update(deadline_at=Now() - timedelta(seconds=1))
    standing = transitions.report_step(claim, 1)
    assert standing.cancel_requested
    assert standing.is_past_deadline


def test_requeued_job_fences_out_the_old_worker() -> None:
    job, old_claim = factories.running_job()
    transitions.release("host/cpu")
    new_claim = factories.claim(WorkerIdentity(name="other/cpu", pid=1))
    assert new_claim.attempt == 2
    with pytest.raises(ClaimLost):
        transitions.report_step(old_claim, 29)
    assert not transitions.beat(old_claim)
    assert not transitions.succeed(old_claim, "outputs/old.png")
    assert not transitions.fail(old_claim, "internal_error", "")
    assert not transitions.settle_cancelled(old_claim)
    assert transitions.postpone(old_claim, detail="", delay_s=0, tries=3) is None
    job.refresh_from_db()
    assert (job.status, job.step, job.attempt) == (JobStatus.RUNNING, 0, 2)
    assert transitions.succeed(new_claim, "outputs/new.png")


def test_final_is_final() -> None:
    for job in (factories.succeeded_job(), factories.failed_job(), factories.cancelled_job()):
        status = job.status
        assert transitions.cancel(job.pk) is None
        assert transitions.release(job.worker) == []
        job.refresh_from_db()
        assert job.status == status


def test_success_completes_the_steps() -> None:
    job = factories.succeeded_job()
    assert (job.step, job.output.name) == (30, "outputs/a.png")
    assert job.finished_at is not None


def test_heartbeat_stops_at_the_deadline() -> None:
    job, claim = factories.running_job()
    assert transitions.beat(claim) == Standing(cancel_requested=False, is_past_deadline=False)
    job.refresh_from_db()
    last = job.heartbeat_at
    GenerationJob.objects.update(deadline_at=Now() - timedelta(seconds=1))
    assert transitions.beat(claim) == Standing(cancel_requested=False, is_past_deadline=True)
    job.refresh_from_db()
    assert job.heartbeat_at == last


def test_heartbeat_hears_of_a_cancellation_and_of_a_lost_claim() -> None:
    job, claim = factories.running_job()
    transitions.cancel(job.pk)
    assert transitions.beat(claim) == Standing(cancel_requested=True, is_past_deadline=False)
    transitions.settle_cancelled(claim)
    assert transitions.beat(claim) is None


def test_preview_is_replaced_and_gone_when_the_job_ends() -> None:
    job, claim = factories.running_job()
    assert transitions.show_preview(claim, 1, b"one")
    assert transitions.show_preview(claim, 2, b"two")
    preview = JobPreview.objects.get()
    assert (preview.job_id, preview.step, bytes(preview.image)) == (job.pk, 2, b"two")
    transitions.succeed(claim, "outputs/a.png")
    assert not JobPreview.objects.exists()


@pytest.mark.parametrize(
    "leave",
    [
        lambda job, claim: transitions.fail(claim, "timeout", ""),
        lambda job, claim: transitions.settle_cancelled(claim),
        lambda job, claim: transitions.postpone(claim, detail="", delay_s=0, tries=3),
        lambda job, claim: transitions.release(job.worker),
        lambda job, claim: transitions.recover(job, crash_tries=3),
    ],
)
def test_preview_goes_with_its_attempt(leave) -> None:
    job, claim = factories.running_job()
    transitions.show_preview(claim, 1, b"one")
    transitions.cancel(job.pk)  # of a running job: it still runs
    assert JobPreview.objects.exists()
    leave(job, claim)
    assert not JobPreview.objects.exists()


def test_worker_that_was_given_up_shows_no_preview() -> None:
    job, claim = factories.running_job()
    transitions.release(job.worker)
    assert not transitions.show_preview(claim, 1, b"late")
    assert not JobPreview.objects.exists()


def test_preview_that_slipped_in_is_swept() -> None:
    job = factories.queued_job()
    JobPreview.objects.create(job=job, attempt=1, step=1, image=b"late")
    assert transitions.sweep_previews() == 1


def test_third_out_of_memory_fails() -> None:
    job = factories.queued_job()
    outcomes = [
        transitions.postpone(factories.claim(), detail="", delay_s=0, tries=3)
        for _attempt in range(3)
    ]
    job.refresh_from_db()
    assert outcomes == [JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.FAILED]
    assert (job.error_code, job.oom_count, job.attempt) == ("out_of_memory", 3, 3)


def test_postponed_job_that_was_to_be_cancelled_is_cancelled() -> None:
    job, claim = factories.running_job()
    transitions.cancel(job.pk)
    assert transitions.postpone(claim, detail="", delay_s=0, tries=3) is JobStatus.CANCELLED


def test_released_job_that_was_to_be_cancelled_is_cancelled() -> None:
    job, _claim = factories.running_job()
    transitions.cancel(job.pk)
    assert len(transitions.release("host/cpu")) == 1
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED


def test_release_touches_only_its_worker() -> None:
    factories.running_job()
    assert transitions.release("other/cpu") == []


def test_queued_job_is_cancelled_at_once() -> None:
    job = factories.queued_job()
    assert transitions.cancel(job.pk) is JobStatus.CANCELLED
    assert (
        transitions.claim_next(factories.WORKER, timeout_s=600, profiles=factories.PROFILES) is None
    )


@pytest.mark.parametrize(
    ("crashes", "changes", "expected", "code"),
    [
        (0, {}, JobStatus.QUEUED, ""),
        (2, {}, JobStatus.FAILED, "worker_crashed"),
        (0, {"deadline_at": Now() - timedelta(seconds=1)}, JobStatus.FAILED, "timeout"),
        (2, {"cancel_requested": True}, JobStatus.CANCELLED, ""),
        (
            0,
            {"cancel_requested": True, "deadline_at": Now() - timedelta(seconds=1)},
            JobStatus.CANCELLED,
            "",
        ),
    ],
)
def test_recovery_decides_by_cancellation_deadline_and_crashes(
    crashes: int, changes: dict[str, Any], expected: JobStatus, code: str
) -> None:
    job, _claim = factories.running_job()
    GenerationJob.objects.update(crash_count=crashes, **changes)
    assert transitions.recover(job, crash_tries=3) is expected
    job.refresh_from_db()
    assert (job.status, job.error_code) == (expected, code)


def test_recovery_leaves_a_worker_alone_that_has_reported_since() -> None:
    job, claim = factories.running_job()
    transitions.report_step(claim, 1)
    assert transitions.recover(job, crash_tries=3) is None


@pytest.mark.parametrize(
    "lie",
    [
        {"status": "succeeded"},
        {"status": "failed"},
        {"status": "asleep"},
        {"status": "running"},
        {"status": "cancelled"},
        {"output": "outputs/a.png"},
        {"error_code": "timeout"},
        {"step": 31},
        {"steps": 0},
        {"seed": 2**53},
        {"output_format": "gif"},
    ],
)
def test_database_refuses_a_row_that_contradicts_itself(lie: dict[str, Any]) -> None:
    job = factories.queued_job()
    with pytest.raises(IntegrityError), transaction.atomic():
        GenerationJob.objects.filter(pk=job.pk).update(**lie)


@pytest.mark.django_db(transaction=True)
def test_simultaneous_claimers_never_share_a_job() -> None:
    owner = factories.make_user()
    for _ in range(20):
        factories.queued_job(owner)
    claimed: list[int] = []
    start = threading.Barrier(8)

    def claim_until_empty(pid: int) -> None:
        start.wait()
        worker = WorkerIdentity(name=f"w{pid}", pid=pid)
        while claim := transitions.claim_next(worker, timeout_s=600, profiles=["miniature"]):
            claimed.append(claim.job_id)
            transitions.fail(claim, "internal_error", "")
        connection.close()

    threads = [threading.Thread(target=claim_until_empty, args=(pid,)) for pid in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == 20
    assert max(Counter(claimed).values()) == 1
