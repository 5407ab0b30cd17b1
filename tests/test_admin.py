"""Operators act through the services and can type nothing into a job."""

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from generation.jobs import reviews, transitions
from generation.models import GenerationJob, JobStatus
from generation.tokens import draw_token
from tests import factories

pytestmark = pytest.mark.django_db

JOBS = "/admin/generation/generationjob/"


@pytest.fixture
def operator(client):
    user = factories.make_user("op", is_staff=True, is_superuser=True)
    client.force_login(user)
    client.user = user
    return client


def staff(client, *permissions: str):
    """Somebody who may enter the admin, and no more than told."""
    user = factories.make_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def act(operator, action: str, *jobs: GenerationJob, url: str = JOBS, **fields: str):
    data = {"action": action, "_selected_action": [job.pk for job in jobs], **fields}
    return operator.post(url, data, follow=True, headers={"accept-language": "en"})


def log_words() -> list[str]:
    return list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))


def test_list_and_row_are_shown(operator) -> None:
    job = factories.succeeded_job()
    page = operator.get(JOBS).content.decode()
    assert str(job.public_id)[:8] in page
    assert job.prompt in page
    assert operator.get(f"{JOBS}{job.pk}/change/").status_code == 200


def test_nothing_can_be_typed_into_a_job(operator) -> None:
    job = factories.queued_job()
    assert operator.post(f"{JOBS}{job.pk}/change/", {"status": "succeeded"}).status_code == 403
    assert operator.get(f"{JOBS}add/").status_code == 403
    assert operator.post(f"{JOBS}{job.pk}/delete/", {"post": "yes"}).status_code == 403


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
    assert transitions.cancel(queued.pk) is None


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
    assert "1 jobs of its owner are waiting" in page
    assert "done." not in page


def test_full_queue_and_lost_profile_are_told(operator, settings) -> None:
    failed, other = factories.failed_job(), factories.failed_job()
    GenerationJob.objects.filter(pk=other.pk).update(profile="path:gone")
    factories.queued_job()
    settings.IMAGEN_QUEUE_LIMIT = 1
    page = act(operator, "retry_jobs", failed, other).content.decode()
    assert "The queue is full: 1 jobs are waiting." in page
    assert "path:gone is no longer on this server." in page


def test_pictures_are_hidden_and_shown_in_bulk(operator) -> None:
    one, two = factories.succeeded_job(), factories.succeeded_job(output="outputs/b.png")
    reviews.hide(two)
    page = act(operator, "hide_jobs", one, two).content.decode()
    assert "1 job: done." in page
    assert f"Job {str(two.public_id)[:8]}: This job&#x27;s picture is hidden already." in page
    assert not GenerationJob.objects.shown().exists()
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


def test_tokens_are_revoked(operator, user) -> None:
    token, _key = draw_token(user.pk, "laptop")
    act(operator, "revoke_tokens", token, url="/admin/generation/apitoken/")
    token.refresh_from_db()
    assert token.revoked_at
    page = act(operator, "revoke_tokens", token, url="/admin/generation/apitoken/")
    assert "0 tokens revoked." in page.content.decode()


def test_pages_of_the_broker_do_not_exist(operator) -> None:
    assert operator.get("/admin/django_q/schedule/").status_code == 404
    assert operator.get("/admin/django_q/ormq/").status_code == 404


def test_staff_without_permission_sees_nothing(client) -> None:
    job = factories.succeeded_job()
    staff(client)
    for path in (
        JOBS,
        f"{JOBS}{job.pk}/change/",
        f"{JOBS}{job.pk}/thumbnail/",
        f"{JOBS}{job.pk}/picture/",
        "/admin/queue/",
        "/admin/generation/worker/",
        "/admin/generation/invitation/",
        "/admin/generation/invitation/add/",
    ):
        assert client.get(path).status_code == 403, path


def test_who_may_look_may_not_act(client) -> None:
    job = factories.queued_job()
    staff(client, "view_generationjob")
    page = client.get(f"{JOBS}{job.pk}/change/")
    assert page.status_code == 200
    assert 'name="act"' not in page.content.decode()
    assert client.post(f"{JOBS}{job.pk}/act/", {"act": "cancel"}).status_code == 403
    for action in ("cancel_jobs", "hide_jobs", "review_jobs", "delete_jobs"):
        act(client, action, job, confirmed="yes")
    job.refresh_from_db()
    assert (job.status, job.hidden_at) == (JobStatus.QUEUED, None)


def test_who_may_act_may_not_delete(client) -> None:
    job = factories.cancelled_job()
    staff(client, "view_generationjob", "change_generationjob")
    act(client, "delete_jobs", job, confirmed="yes")
    act(client, "hide_jobs", job)
    job.refresh_from_db()
    assert job.hidden_at is not None


def test_users_are_made_and_given_passwords(operator) -> None:
    assert operator.get("/admin/auth/user/").status_code == 200
    fields = {"username": "ada", "usable_password": "true"}
    passwords = {"password1": "a-long-pass-9", "password2": "a-long-pass-9"}
    assert operator.post("/admin/auth/user/add/", fields | passwords).status_code == 302
    ada = get_user_model().objects.get(username="ada")
    assert ada.check_password("a-long-pass-9")
    assert operator.get(f"/admin/auth/user/{ada.pk}/password/").status_code == 200
