"""Uploads belong to their senders; pictures that nobody needs go."""

import pytest

from generation.jobs import uploads
from generation.models import ReferenceImage, UploadedReference
from tests import factories

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


def test_picture_of_a_job_stays(user) -> None:
    mine = uploads.keep_upload(user.pk, "a", b"picture")
    job = factories.queued_job(user)
    type(job).objects.filter(pk=job.pk).update(reference=mine.reference, ip_strength=0.5)
    uploads.discard_upload(mine)
    assert ReferenceImage.objects.count() == 1
    assert not UploadedReference.objects.exists()
