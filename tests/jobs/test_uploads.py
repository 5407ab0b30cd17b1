"""Uploads belong to their senders; pictures that nobody needs go."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import connection, transaction

from generation.jobs import services, uploads
from generation.models import GenerationJob, ReferenceImage, UploadedReference
from generation.spec.errors import InvalidRequest
from generation.spec.request import GenerationRequest
from tests import factories
from tests.stack.harness import wait_for

pytestmark = pytest.mark.django_db


def test_same_picture_is_kept_once_for_everybody(user, stranger) -> None:
    mine = uploads.keep_upload(user.pk, "a.png", b"picture")
    again = uploads.keep_upload(user.pk, "b.png", b"picture")
    theirs = uploads.keep_upload(stranger.pk, "c.png", b"picture")
    assert mine == again
    assert theirs != mine
    assert ReferenceImage.objects.count() == 1
    assert [upload.name for upload in uploads.uploads_of(user.pk)] == ["a.png"]


def test_oldest_goes_beyond_a_dozen(user) -> None:
    for number in range(uploads.MAX_KEPT + 2):
        uploads.keep_upload(user.pk, str(number), str(number).encode())
    names = [upload.name for upload in uploads.uploads_of(user.pk)]
    assert len(names) == uploads.MAX_KEPT
    assert (names[0], names[-1]) == ("13", "2")
    assert ReferenceImage.objects.count() == uploads.MAX_KEPT


def test_picture_stays_while_a_job_or_somebody_else_has_it(user, stranger) -> None:
    mine = uploads.keep_upload(user.pk, "a", b"picture")
    uploads.keep_upload(stranger.pk, "a", b"picture")
    uploads.discard_upload(mine)
    assert ReferenceImage.objects.count() == 1


def test_picture_goes_with_the_last_job_that_had_it(user) -> None:
    mine = uploads.keep_upload(user.pk, "a", b"picture")
    jobs = [factories.cancelled_job(user) for _ in range(2)]
    GenerationJob.objects.update(reference=mine.reference, ip_strength=0.5)
    uploads.discard_upload(mine)
    services.delete_job(jobs[0])
    assert ReferenceImage.objects.count() == 1
    services.delete_job(jobs[1])
    assert not ReferenceImage.objects.exists()


def test_picture_of_a_job_stays(user) -> None:
    mine = uploads.keep_upload(user.pk, "a", b"picture")
    job = factories.queued_job(user)
    type(job).objects.filter(pk=job.pk).update(reference=mine.reference, ip_strength=0.5)
    uploads.discard_upload(mine)
    assert ReferenceImage.objects.count() == 1
    assert not UploadedReference.objects.exists()


def choosing(upload: UploadedReference) -> GenerationRequest:
    """An order that follows this upload."""
    return replace(factories.make_request(), ip_strength=0.5, reference=upload.reference_id)


def in_a_thread(act: Callable[[], object]) -> Future[object]:
    """Start `act` beside this test; returns once it waits for this test's locks, or has ended."""

    def run() -> object:
        try:
            return act()
        finally:
            connection.close()

    def settled() -> bool:
        return future.done() or _somebody_waits()

    pool = ThreadPoolExecutor(1)
    future = pool.submit(run)
    pool.shutdown(wait=False)
    wait_for(settled, limit_s=10, what="the other transaction waits or ends")
    return future


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_upload_that_a_submission_has_just_chosen_stays(user) -> None:
    mine = uploads.keep_upload(user.pk, "a", b"picture")
    with transaction.atomic():
        job = services.submit_job(choosing(mine), owner_id=user.pk)
        discarded = in_a_thread(lambda: uploads.discard_upload(mine))
    discarded.result(10)
    assert not UploadedReference.objects.exists()
    assert ReferenceImage.objects.get() == GenerationJob.objects.get(pk=job.pk).reference


@pytest.mark.django_db(transaction=True)
def test_upload_that_has_just_been_discarded_is_refused_by_name(user) -> None:
    mine = uploads.keep_upload(user.pk, "a", b"picture")
    order = choosing(mine)
    with transaction.atomic():
        uploads.discard_upload(mine)
        submitted = in_a_thread(lambda: services.submit_job(order, owner_id=user.pk))
    with pytest.raises(InvalidRequest, match="is no longer here; choose another") as refused:
        submitted.result(10)
    assert [error.field for error in refused.value.errors] == ["ip_strength"]
    assert not GenerationJob.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_same_picture_that_another_one_is_just_discarding_is_kept(user, stranger) -> None:
    theirs = uploads.keep_upload(stranger.pk, "a", b"picture")
    with transaction.atomic():
        uploads.discard_upload(theirs)
        kept = in_a_thread(lambda: uploads.keep_upload(user.pk, "a", b"picture"))
    kept.result(10)
    assert UploadedReference.objects.get().owner == user
    assert bytes(ReferenceImage.objects.get().file) == b"picture"
