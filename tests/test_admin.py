"""Operators act through the services and can type nothing into a job."""

import pytest

from generation.jobs import transitions
from generation.models import GenerationJob, JobStatus
from generation.tokens import draw_token
from tests import factories

pytestmark = pytest.mark.django_db

JOBS = "/admin/generation/generationjob/"


@pytest.fixture
def operator(client):
    user = factories.make_user("op", is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


def act(operator, action: str, *jobs: GenerationJob, url: str = JOBS):
    data = {"action": action, "_selected_action": [job.pk for job in jobs]}
    return operator.post(url, data, follow=True, headers={"accept-language": "en"})


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


def test_refusals_are_told_and_do_not_stop_the_rest(operator) -> None:
    done, queued = factories.succeeded_job(), factories.queued_job()
    page = act(operator, "cancel_jobs", done, queued).content.decode()
    assert "has already ended" in page
    assert "1 jobs: done." in page
    assert transitions.cancel(queued.pk) is None


def test_ended_jobs_are_deleted_with_their_pictures(operator, media) -> None:
    done, queued = factories.succeeded_job(), factories.queued_job()
    page = act(operator, "delete_jobs", done, queued).content.decode()
    assert "has not ended" in page
    assert set(GenerationJob.objects.all()) == {queued}


def test_tokens_are_revoked(operator, user) -> None:
    token, _key = draw_token(user.pk, "laptop")
    act(operator, "revoke_tokens", token, url="/admin/generation/apitoken/")
    token.refresh_from_db()
    assert token.revoked_at


def test_pages_of_the_broker_do_not_exist(operator) -> None:
    assert operator.get("/admin/django_q/schedule/").status_code == 404
    assert operator.get("/admin/django_q/ormq/").status_code == 404


def test_staff_without_permission_cannot_act(client) -> None:
    client.force_login(factories.make_user("staff", is_staff=True))
    assert client.get(JOBS).status_code == 403
