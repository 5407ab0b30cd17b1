"""Operators act through the services and can type nothing into a job."""

import pytest
from django.contrib.admin.models import DELETION, LogEntry

from generation.jobs import reviews
from generation.models import GenerationJob, JobStatus
from tests import factories
from tests.admin.operators import JOBS, act

pytestmark = pytest.mark.django_db


def log_words() -> list[str]:
    return list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))


def test_list_and_row_are_shown(operator) -> None:
    job = factories.succeeded_job()
    page = operator.get(JOBS).content.decode()
    assert str(job.public_id)[:8] in page
    assert job.prompt in page
    assert operator.get(f"{JOBS}{job.pk}/change/").status_code == 200


def test_jobs_are_cancelled_and_retried_in_bulk(operator) -> None:
    queued = factories.queued_job()
    act(operator, "cancel_jobs", queued)
    queued.refresh_from_db()
    assert queued.status == JobStatus.CANCELLED
    failed = factories.failed_job()
    page = act(operator, "retry_jobs", failed, queued)
    assert "2 jobs: done." in page.content.decode()
    assert failed.retried_as.status == JobStatus.QUEUED
    assert queued.transitions.last().actor == operator.user
    assert failed.retried_as.transitions.get().actor == operator.user
    assert failed.retried_as.owner == failed.owner
    assert [words.split()[0] for words in log_words()] == ["Cancelled;", "Retried:", "Retried:"]


def test_refusals_are_told_and_do_not_stop_the_rest(operator) -> None:
    done, queued = factories.succeeded_job(), factories.queued_job()
    page = act(operator, "cancel_jobs", done, queued).content.decode()
    assert f"Job {str(done.public_id)[:8]}: This job has already ended." in page
    assert "1 job: done." in page
    assert LogEntry.objects.count() == 1
    queued.refresh_from_db()
    assert queued.status == JobStatus.CANCELLED


def test_refusals_follow_the_language(operator) -> None:
    done = factories.succeeded_job()
    data = {"action": "cancel_jobs", "_selected_action": [done.pk]}
    page = operator.post(JOBS, data, follow=True, headers={"accept-language": "fr"})
    assert "has already ended" not in page.content.decode()
    assert "déjà" in page.content.decode()


def test_full_share_of_the_owner_is_told(operator, settings) -> None:
    settings.IMAGEN_USER_QUEUE_LIMIT = 1
    failed = factories.failed_job()
    factories.queued_job(failed.owner)
    page = act(operator, "retry_jobs", failed).content.decode()
    assert "1 job of its owner is waiting" in page
    assert "done." not in page


def test_full_queue_and_lost_profile_are_told(operator, settings) -> None:
    failed, other = factories.failed_job(), factories.failed_job()
    GenerationJob.objects.filter(pk=other.pk).update(profile="path:gone")
    factories.queued_job()
    settings.IMAGEN_QUEUE_LIMIT = 1
    page = act(operator, "retry_jobs", failed, other).content.decode()
    assert "The queue is full: 1 job is waiting." in page
    assert "path:gone is no longer on this server." in page


def test_pictures_are_hidden_and_shown_in_bulk(operator) -> None:
    one, two = factories.succeeded_job(), factories.succeeded_job(output="outputs/b.png")
    reviews.hide(two, actor_id=operator.user.pk)
    page = act(operator, "hide_jobs", one, two).content.decode()
    assert "1 job: done." in page
    assert f"Job {str(two.public_id)[:8]}: This job&#x27;s picture is hidden already." in page
    assert not GenerationJob.objects.shown().exists()
    assert GenerationJob.objects.get(pk=one.pk).hidden_by == operator.user
    act(operator, "show_jobs", one, two)
    assert GenerationJob.objects.shown().count() == 2


def test_review_asks_for_a_note(operator) -> None:
    one, two = factories.succeeded_job(), factories.failed_job()
    page = act(operator, "review_jobs", one, two).content.decode()
    assert 'name="note"' in page
    assert "This concerns 2 jobs:" in page
    assert not GenerationJob.objects.filter(reviewed_at__isnull=False).exists()
    too_long = act(operator, "review_jobs", one, confirmed="yes", note="x" * 1001).content.decode()
    assert "at most 1000 characters" in too_long
    page = act(operator, "review_jobs", one, two, confirmed="yes", note="seen").content.decode()
    assert "2 jobs: done." in page
    notes = GenerationJob.objects.values_list("review_note", "reviewed_by__username")
    assert set(notes) == {("seen", "op")}


def test_ended_jobs_are_deleted_with_their_pictures_after_a_question(operator, media) -> None:
    done, queued = factories.succeeded_job(), factories.queued_job()
    asked = act(operator, "delete_jobs", done, queued).content.decode()
    assert "This concerns 2 jobs:" in asked
    assert GenerationJob.objects.count() == 2
    page = act(operator, "delete_jobs", done, queued, confirmed="yes").content.decode()
    assert "has not ended" in page
    assert set(GenerationJob.objects.all()) == {queued}
    (entry,) = LogEntry.objects.all()
    assert (entry.action_flag, entry.object_id) == (DELETION, str(done.pk))


def test_one_box_never_takes_the_whole_list(operator) -> None:
    ticked, others = factories.queued_job(), [factories.queued_job() for _ in range(3)]
    act(operator, "cancel_jobs", ticked, select_across="1")
    assert set(GenerationJob.objects.queued()) == set(others)


@pytest.mark.parametrize("key", ["abc", "1\x00", ""])
def test_ticked_row_that_cannot_be_is_400(operator, key: str) -> None:
    data = {"action": "hide_jobs", "_selected_action": key}
    assert operator.post("/admin/generation/generationjob/", data).status_code == 400
