"""One job's page: what it shows, its buttons, its pictures, and that nothing can be typed in."""

import pytest
from django.contrib.admin.models import LogEntry
from django.forms.models import model_to_dict

from generation.jobs import reviews, services
from generation.models import ApiToken, GenerationJob, Invitation, JobStatus, JobTransition, Worker
from generation.tokens import draw_token
from tests import factories
from tests.api.test_classic import body_of
from tests.test_admin import JOBS, operator  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db

ENGLISH = {"accept-language": "en"}


def page_of(client, job: GenerationJob) -> str:
    return client.get(f"{JOBS}{job.pk}/change/", headers=ENGLISH).content.decode()


def press(client, job: GenerationJob, act: str, **fields: str):
    data = {"act": act, **fields}
    return client.post(f"{JOBS}{job.pk}/act/", data, follow=True, headers=ENGLISH)


def store(media, job: GenerationJob, *, is_small: bool) -> None:
    path = media / job.output.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(factories.png())
    if is_small:
        path.with_suffix(".webp").write_bytes(b"RIFF small")


def test_page_tells_the_whole_story(operator) -> None:  # noqa: F811
    job = factories.failed_job(code="not_finite")
    retried = services.retry_job(job, actor_id=operator.user.pk)
    page = page_of(operator, job)
    for words in (
        str(job.public_id),
        job.prompt,
        "128 \N{MULTIPLICATION SIGN} 128",
        "lower the guidance scale",
        "why",
    ):
        assert words in page, words
    for words in ("submitted", "a worker took it", "host/cpu", "in the queue", "painting"):
        assert words in page, words
    assert f'It was retried as <a href="{JOBS}{retried.pk}/change/">' in page
    page = page_of(operator, retried)
    assert f'This job retries <a href="{JOBS}{job.pk}/change/">' in page
    assert "a failed or cancelled job was asked for again" in page
    assert "<td>op</td>" in page


def test_markup_in_a_prompt_is_text(operator) -> None:  # noqa: F811
    job = factories.queued_job(prompt="<script>alert(1)</script>")
    for page in (page_of(operator, job), operator.get(JOBS).content.decode()):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_nothing_added_is_inline(operator) -> None:  # noqa: F811
    """The site's Content-Security-Policy would not apply it."""
    job = factories.succeeded_job()
    for path in (JOBS, f"{JOBS}{job.pk}/change/", "/admin/queue/", "/admin/"):
        page = operator.get(path).content.decode()
        assert " style=" not in page, path
        assert "<style" not in page, path
        assert "<script>" not in page, path
        assert " onclick=" not in page, path
        assert "admin.css" in page, path


@pytest.mark.parametrize(
    ("make", "acts"),
    [
        (factories.queued_job, {"cancel", "hide"}),
        (factories.failed_job, {"retry", "review"}),
        (factories.succeeded_job, {"hide", "review"}),
    ],
)
def test_only_buttons_that_can_do_something_are_shown(operator, make, acts) -> None:  # noqa: F811
    page = page_of(operator, make())
    names = {"cancel", "retry", "hide", "show", "review", "unreview"}
    assert {name for name in names if f'name="act" value="{name}"' in page} == acts


def test_buttons_act_by_the_services_and_are_logged(operator) -> None:  # noqa: F811
    queued = factories.queued_job()
    assert "Cancelled;" in press(operator, queued, "cancel").content.decode()
    assert "Retried:" in press(operator, queued, "retry").content.decode()
    press(operator, queued, "hide")
    press(operator, queued, "show")
    press(operator, queued, "review", note="fog")
    queued.refresh_from_db()
    assert queued.status == JobStatus.CANCELLED
    assert queued.transitions.last().actor == operator.user
    assert queued.retried_as.transitions.get().actor == operator.user
    assert queued.hidden_at is None
    assert (queued.review_note, queued.reviewed_by) == ("fog", operator.user)
    press(operator, queued, "unreview")
    assert LogEntry.objects.filter(user=operator.user, object_id=str(queued.pk)).count() == 6


def test_refused_button_tells_why_and_logs_nothing(operator) -> None:  # noqa: F811
    done = factories.succeeded_job()
    assert "has already ended" in press(operator, done, "cancel").content.decode()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("fields", [{}, {"act": "delete"}, {"act": "review", "note": "a\0b"}])
def test_what_no_button_sends_is_refused(operator, fields) -> None:  # noqa: F811
    job = factories.succeeded_job()
    assert operator.post(f"{JOBS}{job.pk}/act/", fields).status_code == 400
    assert operator.get(f"{JOBS}{job.pk}/act/").status_code == 405
    assert operator.post(f"{JOBS}999999999999999999999/act/", {"act": "hide"}).status_code == 404
    job.refresh_from_db()
    assert job.reviewed_at is None


def test_buttons_need_a_csrf_token() -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_user("root", is_staff=True, is_superuser=True))
    job = factories.queued_job()
    assert client.post(f"{JOBS}{job.pk}/act/", {"act": "cancel"}).status_code == 403
    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED


def test_pictures_are_streamed_hidden_ones_too(operator, media) -> None:  # noqa: F811
    job = factories.succeeded_job()
    store(media, job, is_small=True)
    reviews.hide(job)
    small = operator.get(f"{JOBS}{job.pk}/thumbnail/")
    assert (small["Content-Type"], body_of(small)) == ("image/webp", b"RIFF small")
    assert "max-age=31536000" in small["Cache-Control"]
    assert "no-store" not in small["Cache-Control"]
    whole = operator.get(f"{JOBS}{job.pk}/picture/")
    assert (whole["Content-Type"], body_of(whole)) == ("image/png", factories.png())
    waiting = factories.queued_job()
    assert operator.get(f"{JOBS}{waiting.pk}/thumbnail/").status_code == 404


def test_pictures_are_for_operators(client, user, media) -> None:
    job = factories.succeeded_job(user)
    store(media, job, is_small=True)
    for name in ("thumbnail", "picture"):
        assert client.get(f"{JOBS}{job.pk}/{name}/").status_code == 302
        client.force_login(user)
        assert client.get(f"{JOBS}{job.pk}/{name}/").status_code == 302
        client.logout()


def test_thumbnail_keeps_its_place_in_the_list(operator) -> None:  # noqa: F811
    factories.succeeded_job()
    factories.queued_job(width=512, height=256)
    page = operator.get(JOBS, headers=ENGLISH).content.decode()
    assert 'alt="a lighthouse at dusk" width="72" height="72" loading="lazy"' in page
    assert "no-picture" in page


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
    return [*paths, "/admin/queue/"]


def test_no_address_lets_anybody_type_into_a_row(operator, user) -> None:  # noqa: F811
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
