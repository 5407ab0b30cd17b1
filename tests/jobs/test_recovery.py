"""What nobody else would notice is noticed."""

import logging
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django_q.models import OrmQ

from generation.jobs import recovery, transitions
from generation.models import GenerationJob, JobStatus
from tests import factories

pytestmark = pytest.mark.django_db


def grow_stale(seconds: int) -> None:
    GenerationJob.objects.update(heartbeat_at=Now() - timedelta(seconds=seconds))


def test_stale_job_goes_back_to_the_queue_with_a_ticket(caplog) -> None:
    job, _claim = factories.running_job()
    OrmQ.objects.all().delete()
    grow_stale(61)
    with caplog.at_level(logging.WARNING):
        recovery.reap_and_ring()
    job.refresh_from_db()
    assert (job.status, job.crash_count) == (JobStatus.QUEUED, 1)
    assert OrmQ.objects.count() == 1
    assert caplog.records[-1].job == str(job.public_id)


def test_living_job_is_left_alone() -> None:
    job, _claim = factories.running_job()
    grow_stale(59)
    recovery.reap_and_ring()
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING


def test_late_job_is_failed_although_its_heart_beats() -> None:
    job, _claim = factories.running_job()
    GenerationJob.objects.update(deadline_at=Now() - timedelta(seconds=11))
    recovery.reap_and_ring()
    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.FAILED, "timeout")


def test_worker_known_to_be_dead_is_not_waited_for() -> None:
    job, _claim = factories.running_job()
    recovery.recover_worker("somebody/else")
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING
    recovery.recover_worker("host/cpu")
    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED


def test_busy_process_is_read_from_the_row() -> None:
    assert recovery.busy_pid("host/cpu") is None
    factories.running_job()
    assert recovery.busy_pid("host/cpu") == 4242


@pytest.mark.django_db(transaction=True)
def test_second_reaper_returns_at_once() -> None:
    factories.running_job()
    grow_stale(61)
    outcome: list[str] = []

    def reap() -> None:
        recovery.reap_and_ring()
        outcome.append(GenerationJob.objects.get().status)
        connection.close()

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [recovery.REAPER_LOCK])
        thread = threading.Thread(target=reap)
        thread.start()
        thread.join()
    assert outcome == [JobStatus.RUNNING]


def test_job_of_a_stopped_worker_goes_back_and_is_logged(caplog) -> None:
    job, _claim = factories.running_job()
    with caplog.at_level(logging.INFO):
        recovery.release_worker("host/cpu")
    job.refresh_from_db()
    assert (job.status, job.crash_count) == (JobStatus.QUEUED, 0)
    assert caplog.records[-1].job == str(job.public_id)


def test_results_are_kept_unless_days_are_set(settings, media) -> None:
    job = factories.succeeded_job()
    GenerationJob.objects.update(finished_at=Now() - timedelta(days=8))
    assert recovery.delete_expired() == 0
    settings.IMAGEN_RESULT_DAYS = 9
    assert recovery.delete_expired() == 0
    settings.IMAGEN_RESULT_DAYS = 7
    factories.queued_job()
    assert recovery.delete_expired() == 1
    assert not GenerationJob.objects.filter(pk=job.pk).exists()
    assert GenerationJob.objects.count() == 1


def test_cancelled_job_of_a_dead_worker_is_cancelled() -> None:
    job, _claim = factories.running_job()
    transitions.cancel(job.pk)
    recovery.recover_worker("host/cpu")
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED


def test_hidden_results_stay_for_an_operator(settings, media) -> None:
    factories.succeeded_job()
    GenerationJob.objects.update(finished_at=Now() - timedelta(days=8), hidden_at=Now())
    settings.IMAGEN_RESULT_DAYS = 7
    assert recovery.delete_expired() == 0


@pytest.mark.django_db(transaction=True)
def test_a_file_goes_only_once_its_job_s_end_is_committed(monkeypatch, media) -> None:
    """Else a job whose end was rolled back could succeed without its picture."""
    factories.running_job()
    GenerationJob.objects.update(deadline_at=Now() - timedelta(seconds=11))
    discarded: list[GenerationJob] = []
    monkeypatch.setattr(recovery.outputs, "discard_leftovers", discarded.append)
    with monkeypatch.context() as patch:
        patch.setattr(recovery.tickets, "ring_missing", _fail)
        with pytest.raises(RuntimeError):
            recovery.reap_and_ring()
    assert GenerationJob.objects.get().status == JobStatus.RUNNING
    assert not discarded
    recovery.reap_and_ring()
    assert len(discarded) == 1


def _fail() -> None:
    raise RuntimeError("broken")
