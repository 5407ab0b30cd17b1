"""Who may look, who may act, and that nobody can type into a row."""

import pytest
from django.contrib.auth import get_user_model
from django.forms.models import model_to_dict

from generation.models import ApiToken, GenerationJob, Invitation, JobStatus, JobTransition, Worker
from generation.tokens import draw_token
from tests import factories
from tests.admin.operators import JOBS, act, staff

pytestmark = pytest.mark.django_db


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


def test_pages_of_the_broker_do_not_exist(operator) -> None:
    assert operator.get("/admin/django_q/schedule/").status_code == 404
    assert operator.get("/admin/django_q/ormq/").status_code == 404


def test_nothing_can_be_typed_into_a_job(operator) -> None:
    job = factories.queued_job()
    assert operator.post(f"{JOBS}{job.pk}/change/", {"status": "succeeded"}).status_code == 403
    assert operator.get(f"{JOBS}add/").status_code == 403
    assert operator.post(f"{JOBS}{job.pk}/delete/", {"post": "yes"}).status_code == 403


def snapshot() -> dict[str, list[dict[str, object]]]:
    models = (GenerationJob, JobTransition, Worker, Invitation, ApiToken)
    return {m.__name__: [model_to_dict(row) for row in m.objects.order_by("pk")] for m in models}


LIES = {
    "status": "succeeded",
    "prompt": "something else",
    "output": "outputs/x.png",
    "finished_at_0": "2026-01-01",
    "attempt": "7",
    "hidden_at_0": "2026-01-01",
    "reviewed_at_0": "2026-01-01",
    "review_note": "I say so",
    "seen_at_0": "2026-01-01",
    "last_error": "none",
    "digest": "0" * 64,
    "used_at_0": "2026-01-01",
    "revoked_at_0": "",
    "name": "mine",
    "_save": "Save",
    "_saveasnew": "1",
    "post": "yes",
    "form-TOTAL_FORMS": "1",
    "form-INITIAL_FORMS": "1",
    "form-0-status": "succeeded",
}


def admin_paths(keys: dict[str, object]) -> list[str]:
    """Every address that the admin has for these models' rows."""
    paths = []
    for model, key in keys.items():
        base = f"/admin/generation/{model}/"
        paths += [base, f"{base}add/"]
        paths += [f"{base}{key}/{name}/" for name in ("change", "delete", "history")]
    job = keys["generationjob"]
    paths += [f"{JOBS}{job}/{name}/" for name in ("thumbnail", "picture", "act")]
    return [*paths, *(f"/admin/queue/{name}" for name in ("", "pause/", "resume/", "drain/"))]


def test_no_address_lets_anybody_type_into_a_row(operator, user, settings) -> None:
    settings.IMAGEN_SIGN_UP = "invite"
    job = factories.failed_job()
    token, _key = draw_token(user.pk, "laptop")
    worker = Worker.objects.create(
        name="w", host="h", device="cpu", profile="miniature", version="1"
    )
    invitation = Invitation.objects.create(digest="a" * 64, note="x", expires_at=job.created_at)
    before = snapshot()
    keys = {
        "generationjob": job.pk,
        "worker": worker.pk,
        "invitation": invitation.pk,
        "apitoken": token.pk,
    }
    for path in admin_paths(keys):
        job_key = f"form-0-{GenerationJob._meta.pk.name}"
        answer = operator.post(path, LIES | {job_key: job.pk})
        assert answer.status_code in (200, 302, 400, 403, 404, 405), path
        after = snapshot()
        after["Invitation"] = after["Invitation"][:1]  # drawing another one is allowed
        assert after == before, path
