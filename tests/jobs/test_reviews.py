"""What operators note on a job, and that it moves nothing."""

import pytest
from django.db.models.functions import Now
from django.forms.models import model_to_dict

from generation.jobs import reviews
from generation.models import GenerationJob
from tests import factories

pytestmark = pytest.mark.django_db

MARKS = {"hidden_at", "hidden_by", "reviewed_at", "reviewed_by", "review_note"}


def rest_of(job: GenerationJob) -> dict[str, object]:
    """Every column that no review may touch."""
    fresh = model_to_dict(GenerationJob.objects.get(pk=job.pk))
    return {name: value for name, value in fresh.items() if name not in MARKS}


def test_review_tells_who_when_and_what(user) -> None:
    job = factories.succeeded_job()
    before = rest_of(job)
    reviews.mark_reviewed(job, reviewer_id=user.pk, note="a fine ship")
    job.refresh_from_db()
    assert (job.reviewed_by, job.review_note) == (user, "a fine ship")
    assert GenerationJob.objects.filter(reviewed_at__lte=Now()).exists()
    assert rest_of(job) == before
    assert job.transitions.count() == 3


def test_second_reviewer_does_not_overwrite_the_first(user, stranger) -> None:
    job = factories.failed_job()
    reviews.mark_reviewed(job, reviewer_id=user.pk, note="first")
    with pytest.raises(reviews.NotReviewable):
        reviews.mark_reviewed(job, reviewer_id=stranger.pk, note="second")
    job.refresh_from_db()
    assert (job.reviewed_by, job.review_note) == (user, "first")


def test_what_has_not_ended_cannot_be_reviewed(user) -> None:
    running, _claim = factories.running_job()
    for job in (running, factories.queued_job()):
        with pytest.raises(reviews.NotReviewable):
            reviews.mark_reviewed(job, reviewer_id=user.pk)
    assert not GenerationJob.objects.filter(reviewed_at__isnull=False).exists()


def test_review_is_taken_back_with_its_note(user) -> None:
    job = factories.succeeded_job()
    reviews.mark_reviewed(job, reviewer_id=user.pk, note="hm")
    reviews.unmark_reviewed(job)
    job.refresh_from_db()
    assert (job.reviewed_at, job.reviewed_by, job.review_note) == (None, None, "")
    with pytest.raises(reviews.NotReviewed):
        reviews.unmark_reviewed(job)


def test_picture_is_hidden_and_shown_again(user, stranger) -> None:
    job = factories.succeeded_job()
    before = rest_of(job)
    reviews.hide(job, actor_id=user.pk)
    assert not GenerationJob.objects.shown().exists()
    with pytest.raises(reviews.AlreadyHidden):
        reviews.hide(job, actor_id=stranger.pk)
    job.refresh_from_db()
    assert job.hidden_by == user
    reviews.show(job)
    assert GenerationJob.objects.shown().get() == job
    assert GenerationJob.objects.get().hidden_by is None
    with pytest.raises(reviews.NotHidden):
        reviews.show(job)
    assert rest_of(job) == before


def test_hidden_picture_stays_hidden_without_the_account_of_its_operator(user) -> None:
    job = factories.succeeded_job()
    reviews.hide(job, actor_id=user.pk)
    user.delete()
    job.refresh_from_db()
    assert (job.hidden_at is None, job.hidden_by) == (False, None)


def test_stale_row_in_memory_overwrites_nothing(user) -> None:
    """Only the columns of the mark are written, whatever the caller's copy says."""
    job = factories.queued_job()
    stale = GenerationJob.objects.get(pk=job.pk)
    factories.claim()
    reviews.hide(stale, actor_id=user.pk)
    job.refresh_from_db()
    assert (job.status, job.attempt) == ("running", 1)
