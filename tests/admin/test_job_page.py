"""One job's page: what it shows, its buttons and its pictures."""

import re

import pytest
from django.contrib.admin.models import LogEntry

from generation.jobs import reviews, services, transitions
from generation.models import GenerationJob, JobStatus
from tests import factories
from tests.admin.operators import ENGLISH, JOBS, press, text
from tests.api.test_classic import body_of
from tests.web.pictures import finished_job

pytestmark = pytest.mark.django_db


def page_of(client, job: GenerationJob) -> str:
    return client.get(f"{JOBS}{job.pk}/change/", headers=ENGLISH).content.decode()


def store(media, job: GenerationJob, *, is_small: bool) -> None:
    path = media / job.output.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(factories.png())
    if is_small:
        path.with_suffix(".webp").write_bytes(b"RIFF small")


def test_page_tells_the_whole_story(operator) -> None:
    job = factories.failed_job(code="not_finite")
    retried = services.retry_job(job, actor_id=operator.user.pk)
    page = page_of(operator, job)
    for words in (
        str(job.public_id),
        job.prompt,
        "256 \N{MULTIPLICATION SIGN} 256",
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


def test_log_of_a_job_that_ran_twice_tells_why(operator) -> None:
    job, _claim = factories.running_job()
    assert transitions.recover(job, crash_tries=3)
    factories.claim()
    log = page_of(operator, job).partition('id="log"')[2]
    rows = re.findall(r"<tr>\s*<td(.*?)</tr>", log, re.DOTALL)
    words = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)) for row in rows]
    assert len(words) == 4
    for word in (
        "painting",
        "back in the queue",
        "its worker died or fell silent",
        "host/cpu",
        " 1 ",
    ):
        assert word in words[2], word
    assert "attempt 1 on host/cpu was given up" in words[2]
    assert " 2 " in words[3]


def test_batch_job_is_marked(operator) -> None:
    job = factories.queued_job()
    assert "no hurry" not in text(operator, JOBS)
    GenerationJob.objects.update(is_batch=True)
    assert '<span class="mark mark-batch">no hurry</span>' in text(operator, JOBS)
    assert "No hurry:" in page_of(operator, job)


def test_file_format_is_told_and_sent(operator, media) -> None:
    job = finished_job(output_format="jpeg")
    page = page_of(operator, job)
    assert "File format:" in page
    assert ">jpeg<" in page
    for name in ("picture", "thumbnail"):
        answer = operator.get(f"{JOBS}{job.pk}/{name}/")
        assert body_of(answer)
        assert answer["Content-Type"] == {"picture": "image/jpeg"}.get(name, "image/webp")


def test_markup_in_a_prompt_is_text(operator) -> None:
    job = factories.queued_job(prompt="<script>alert(1)</script>")
    for page in (page_of(operator, job), operator.get(JOBS).content.decode()):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_nothing_added_is_inline(operator) -> None:
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
def test_only_buttons_that_can_do_something_are_shown(operator, make, acts) -> None:
    page = page_of(operator, make())
    names = {"cancel", "retry", "hide", "show", "review", "unreview"}
    assert {name for name in names if f'name="act" value="{name}"' in page} == acts


@pytest.mark.parametrize("make", [factories.failed_job, factories.succeeded_job])
def test_enter_in_the_note_presses_the_button_of_the_note(operator, make) -> None:
    """A browser presses the first button of the form that the field stands in."""
    forms = re.findall(r"<form.*?</form>", page_of(operator, make()), re.DOTALL)
    buttons = {form: re.findall(r'name="act" value="(\w+)"', form) for form in forms}
    assert all(len(names) <= 1 for names in buttons.values())
    assert [names for form, names in buttons.items() if 'name="note"' in form] == [["review"]]


def test_page_tells_who_has_hidden_the_picture(operator) -> None:
    job = factories.succeeded_job()
    reviews.hide(job, actor_id=factories.make_user("night-watch").pk)
    page = page_of(operator, job)
    assert "Hidden by:" in page
    assert "night-watch" in page


def test_code_of_another_release_does_not_break_the_page(operator) -> None:
    page = page_of(operator, factories.failed_job(code="eclipse"))
    assert "Something unexpected went wrong." in page
    assert "eclipse" in page


def test_buttons_act_by_the_services_and_are_logged(operator) -> None:
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


def test_refused_button_tells_why_and_logs_nothing(operator) -> None:
    done = factories.succeeded_job()
    assert "has already ended" in press(operator, done, "cancel").content.decode()
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("fields", [{}, {"act": "delete"}, {"act": "review", "note": "a\0b"}])
def test_what_no_button_sends_is_refused(operator, fields) -> None:
    job = factories.succeeded_job()
    assert operator.post(f"{JOBS}{job.pk}/act/", fields).status_code == 400
    assert operator.get(f"{JOBS}{job.pk}/act/")["Location"] == f"{JOBS}{job.pk}/change/"
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


def test_pictures_are_streamed_hidden_ones_too(operator, media) -> None:
    job = factories.succeeded_job()
    store(media, job, is_small=True)
    reviews.hide(job, actor_id=operator.user.pk)
    small = operator.get(f"{JOBS}{job.pk}/thumbnail/")
    assert (small["Content-Type"], body_of(small)) == ("image/webp", b"RIFF small")
    assert "private, no-cache" in small["Cache-Control"]
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


def test_thumbnail_keeps_its_place_in_the_list(operator) -> None:
    factories.succeeded_job()
    factories.queued_job(width=512, height=256)
    page = operator.get(JOBS, headers=ENGLISH).content.decode()
    assert 'alt="a lighthouse at dusk" width="72" height="72" loading="lazy"' in page
    assert "no-picture" in page
