"""What every door can do with a job."""

import logging
import re
import threading

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django_q.models import OrmQ

from generation.jobs import outputs, services, transitions
from generation.jobs.services import JobNotCancellable, JobNotDeletable, JobNotRetryable
from generation.models import FINAL_STATUSES, GenerationJob, JobStatus
from tests import factories

pytestmark = pytest.mark.django_db


def test_submitted_job_keeps_the_whole_request(user) -> None:
    request = factories.make_request(steps=12, guidance_scale=3, width=256, output_format="webp")
    job = services.submit_job(request, owner_id=user.pk)
    job = GenerationJob.objects.get(pk=job.pk)
    assert job.request == request
    assert (job.owner, job.status) == (user, JobStatus.QUEUED)
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "suffix"), [("png", "png"), ("png16", "png"), ("webp", "webp"), ("jpeg", "jpg")]
)
def test_file_name_has_the_shape_that_clients_know(name: str, suffix: str) -> None:
    job = factories.queued_job(output_format=name)
    assert re.fullmatch(rf"\d{{8}}_\d{{6}}_[0-9a-f]{{6}}\.{suffix}", job.public_filename)


def test_running_job_is_asked_to_stop() -> None:
    job, _claim = factories.running_job()
    assert services.cancel_job(job) is JobStatus.RUNNING
    job.refresh_from_db()
    assert job.cancel_requested


def test_ended_job_cannot_be_cancelled() -> None:
    with pytest.raises(JobNotCancellable):
        services.cancel_job(factories.failed_job())


@pytest.mark.parametrize("make", [factories.failed_job, factories.cancelled_job])
def test_retry_is_a_new_job_of_the_same_owner_linked_both_ways(make, user) -> None:
    old = make(user)
    new = services.retry_job(old)
    old.refresh_from_db()
    assert new.pk != old.pk
    assert new.request == old.request
    assert (new.owner, new.retry_of, old.retried_as) == (user, old, new)
    assert old.status in FINAL_STATUSES
    assert new.status == JobStatus.QUEUED


def test_retry_keeps_the_file_format() -> None:
    new = services.retry_job(factories.failed_job(output_format="jpeg"))
    assert new.output_format == "jpeg"
    assert new.public_filename.endswith(".jpg")


def test_second_retry_names_the_first() -> None:
    old = factories.failed_job()
    new = services.retry_job(old)
    with pytest.raises(JobNotRetryable, match=str(new.public_id)):
        services.retry_job(old)


@pytest.mark.parametrize("make", [factories.succeeded_job, factories.queued_job])
def test_only_failed_or_cancelled_jobs_are_retried(make) -> None:
    with pytest.raises(JobNotRetryable):
        services.retry_job(make())


def test_deleted_job_takes_its_picture_along(media) -> None:
    picture = media / "outputs" / "a.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"png")
    job = factories.succeeded_job(output="outputs/a.png")
    services.delete_job(job)
    assert not GenerationJob.objects.exists()
    assert not picture.exists()


def test_deleted_job_takes_the_files_of_killed_attempts_along(media) -> None:
    job, claim = factories.running_job()
    leftover = media / outputs._name(claim, 1, ".png")
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"stored, but never settled")
    transitions.fail(claim, "worker_crashed", "")
    services.delete_job(job)
    assert not list(media.rglob("*.png"))


def test_what_is_done_with_a_job_is_logged_under_its_id(caplog) -> None:
    with caplog.at_level(logging.INFO):
        job = factories.cancelled_job()
        services.retry_job(job)
        services.delete_job(job)
    lines = [(record.job, record.message.split(":")[0]) for record in caplog.records]
    own = [message for job_id, message in lines if job_id == str(job.public_id)]
    assert own == ["submitted", "cancel requested", "deleted"]


def test_retry_outlives_the_job_it_came_from() -> None:
    old = factories.failed_job()
    new = services.retry_job(old)
    services.delete_job(old)
    new.refresh_from_db()
    assert new.retry_of is None


def test_deleted_job_is_not_retried() -> None:
    job = factories.failed_job()
    services.delete_job(job)
    with pytest.raises(JobNotRetryable, match="deleted"):
        services.retry_job(job)


def test_running_job_is_not_deleted() -> None:
    job, _claim = factories.running_job()
    with pytest.raises(JobNotDeletable):
        services.delete_job(job)
    assert GenerationJob.objects.filter(pk=job.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_who_deletes_waits_for_who_hides(media) -> None:
    job = factories.succeeded_job()
    outcomes: list[type[Exception] | None] = []

    def delete() -> None:
        try:
            services.delete_job(job)
            outcomes.append(None)
        except services.HiddenJobKept as refused:
            outcomes.append(type(refused))
        finally:
            connection.close()

    thread = threading.Thread(target=delete)
    with transaction.atomic():
        GenerationJob.objects.filter(pk=job.pk).update(hidden_at=Now())
        thread.start()
        thread.join(timeout=1)
        assert thread.is_alive()
    thread.join()
    assert outcomes == [services.HiddenJobKept]
    assert GenerationJob.objects.filter(pk=job.pk).exists()
