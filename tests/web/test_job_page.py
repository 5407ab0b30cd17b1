"""One's own job in each state, what its page says, and what can be done."""

import re

import pytest

from generation.jobs import controls, services, transitions
from generation.models import GenerationJob, JobStatus, PaintingTime, Worker
from generation.spec.errors import FAILURES
from tests import factories
from tests.web.pictures import body_of, finished_job

pytestmark = pytest.mark.django_db


def revision_of(html: str) -> str:
    return re.search(r'data-revision="([^"]*)"', html)[1]


def said_of(html: str) -> str:
    return re.search(r'id="said">(.*?)</p>', html)[1]


def html_of(page, job: GenerationJob) -> str:
    answer = page.get(f"/jobs/{job.public_id}")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    return answer.content.decode()


class TestQueued:
    def test_place_is_told_and_the_page_renews_itself(self, page, user) -> None:
        factories.queued_job()
        factories.queued_job()
        html = html_of(page, factories.queued_job(user))
        assert "3rd in line" in html
        assert "<title>In the queue" in html
        assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in html
        assert "data-live=" in html

    def test_without_a_worker_it_says_so(self, page, user) -> None:
        job = factories.queued_job(user)
        assert "No worker is there to paint with Imagen miniature" in html_of(page, job)
        factories.living_worker()
        assert "No worker is there" not in html_of(page, job)

    def test_worker_that_cannot_serve_its_model_is_none(self, page, user) -> None:
        job = factories.queued_job(user)
        factories.living_worker()
        Worker.objects.update(profiles=["sdxl"])
        assert "No worker is there to paint with Imagen miniature" in html_of(page, job)

    def test_pause_is_told_with_its_reason_as_text(self, page, user) -> None:
        job = factories.queued_job(user)
        factories.living_worker()
        factories.measured([40])
        before = revision_of(html_of(page, job))
        controls.pause("a <b>new</b> disk, until 15:30")
        html = html_of(page, job)
        assert "The queue is paused" in html
        assert "a &lt;b&gt;new&lt;/b&gt; disk, until 15:30" in html
        assert "keeps its place; nothing is lost" in html
        assert "Place 1 in the line. The queue is paused: a &lt;b&gt;new" in said_of(html)
        assert "Ready in about" not in html
        assert revision_of(html) != before
        controls.resume()
        assert "The queue is paused" not in html_of(page, job)

    def test_estimate_is_told_with_its_reserve(self, page, user) -> None:
        job = factories.queued_job(user)
        factories.living_worker()
        factories.measured([38, 38, 40, 42, 62])
        html = html_of(page, job)
        assert "Ready in about 40\N{NARROW NO-BREAK SPACE}s" in html
        reserve = re.search("in 9 of 10 cases within ([0-9]+)\N{NARROW NO-BREAK SPACE}s", html)
        assert int(reserve[1]) in range(50, 120)
        assert said_of(html) == "Place 1 in the line"

    def test_nothing_is_promised_where_nobody_knows(self, page, user) -> None:
        job = factories.queued_job(user)
        factories.living_worker()
        assert "Ready in about" not in html_of(page, job)

    def test_page_asks_few_queries(self, page, user, django_assert_max_num_queries) -> None:
        """Of a paused queue without a worker, the dearest."""
        job = factories.queued_job(user)
        controls.pause("a new disk")
        for _ in range(5):
            factories.queued_job()
        with django_assert_max_num_queries(12):
            html_of(page, job)

    def test_batch_job_tells_that_it_is_not_in_a_hurry(self, page, user) -> None:
        job = services.submit_job(factories.make_request(), owner_id=user.pk, is_batch=True)
        assert "no hurry" in html_of(page, job)
        assert "no hurry" not in html_of(page, factories.queued_job(user))

    def test_job_that_rests_for_want_of_memory_says_so(self, page, user) -> None:
        job, claim = factories.running_job(user)
        transitions.postpone(claim, detail="", delay_s=10, tries=3)
        html = html_of(page, job)
        assert "The memory was not enough" in html
        assert "through no fault of yours" not in html

    def test_interrupted_job_is_next_and_says_why(self, page, user) -> None:
        job, _claim = factories.running_job(user)
        transitions.release("host/cpu")
        html = html_of(page, job)
        assert "Next in line" in html
        assert "interrupted through no fault of yours" in html

    def test_cancel(self, page, user) -> None:
        job = factories.queued_job(user)
        assert page.post(f"/jobs/{job.public_id}/cancel").status_code == 302
        job.refresh_from_db()
        assert job.status == JobStatus.CANCELLED
        assert "Nothing was painted" in html_of(page, job)


class TestRunning:
    def test_step_and_preview(self, page, user) -> None:
        job, claim = factories.running_job(user)
        transitions.report_step(claim, 15)
        transitions.show_preview(claim, 14, b"jpeg")
        html = html_of(page, job)
        assert '15<span class="soft"> / 30</span>' in html
        assert f"/jobs/{job.public_id}/preview?step=14" in html
        assert "Half painted." in html
        assert "<title>15 of 30, painting" in html
        preview = page.get(f"/jobs/{job.public_id}/preview")
        assert (preview.content, preview.headers["Content-Type"]) == (b"jpeg", "image/jpeg")

    def test_time_left_is_told_and_shrinks(self, page, user) -> None:
        job, claim = factories.running_job(user)
        factories.living_worker()
        factories.measured([60])
        assert "about 60\N{NARROW NO-BREAK SPACE}s left" in html_of(page, job)
        factories.paint_to(claim, 15, seconds=28)
        assert "about 35\N{NARROW NO-BREAK SPACE}s left" in html_of(page, job)
        services.cancel_job(job)
        assert "left</p>" not in html_of(page, job)

    def test_page_stands_still_while_nothing_happens(self, page, user) -> None:
        job, _claim = factories.running_job(user)
        factories.living_worker()
        factories.measured([100])
        seen = set()
        for ago_s in (0, 1, 2):
            PaintingTime.objects.update(seconds=[100 + ago_s / 2])
            html = html_of(page, job)
            seen.add((revision_of(html), said_of(html)))
        assert len(seen) == 1

    def test_pause_does_not_concern_what_is_begun(self, page, user) -> None:
        job, _claim = factories.running_job(user)
        controls.pause("a new disk")
        assert "a new disk" not in html_of(page, job)

    def test_first_preview_is_awaited(self, page, user) -> None:
        job, _claim = factories.running_job(user)
        assert "/preview" not in html_of(page, job)
        assert page.get(f"/jobs/{job.public_id}/preview").status_code == 404

    def test_live_part_is_the_same_without_the_page(self, page, user) -> None:
        job, _claim = factories.running_job(user)
        part = page.get(f"/jobs/{job.public_id}/live").content.decode()
        assert "<html" not in part
        assert part.strip().startswith('<div class="studio" id="job"')
        assert "data-live=" in part

    def test_stop_is_asked_once(self, page, user) -> None:
        job, _claim = factories.running_job(user)
        page.post(f"/jobs/{job.public_id}/cancel")
        html = html_of(page, job)
        assert "Stopping" in html
        assert "disabled" in html

    def test_preview_of_a_hidden_job_is_hidden_too(self, page, user) -> None:
        job, claim = factories.running_job(user)
        transitions.show_preview(claim, 14, b"jpeg")
        GenerationJob.objects.update(hidden_at="2026-01-01T00:00Z")
        assert page.get(f"/jobs/{job.public_id}/preview").status_code == 404


class TestSucceeded:
    def test_picture_settings_and_ways_on(self, page, user, media) -> None:
        job = finished_job(user)
        html = html_of(page, job)
        assert f"/jobs/{job.public_id}/picture" in html
        assert f'alt="{job.prompt}"' in html
        assert f"/create?again={job.public_id}" in html
        assert "Imagen miniature" in html
        assert "data-live" not in html
        assert 'http-equiv="refresh"' not in html

    def test_files_come_typed_and_named(self, page, user, media) -> None:
        job = finished_job(user)
        download = page.get(f"/jobs/{job.public_id}/download")
        assert body_of(download).startswith(b"\x89PNG")
        assert download.headers["Content-Type"] == "image/png"
        assert job.public_filename in download.headers["Content-Disposition"]
        assert "attachment" in download.headers["Content-Disposition"]
        thumbnail = page.get(f"/jobs/{job.public_id}/thumbnail")
        assert body_of(thumbnail).startswith(b"RIFF")
        assert thumbnail.headers["Content-Type"] == "image/webp"
        assert "sandbox" in thumbnail.headers["Content-Security-Policy"]

    @pytest.mark.parametrize(
        ("name", "told"), [("png16", "16-bit PNG"), ("webp", "WebP"), ("jpeg", "JPEG")]
    )
    def test_format_is_told_and_sent(self, page, user, media, name: str, told: str) -> None:
        job = finished_job(user, output_format=name)
        assert f"<dt>File format</dt><dd>{told}</dd>" in html_of(page, job)
        for address in ("picture", "download"):
            answer = page.get(f"/jobs/{job.public_id}/{address}")
            assert body_of(answer)
            assert answer["Content-Type"] == job.file_format.content_type
            assert job.public_filename in answer["Content-Disposition"]

    def test_usual_format_is_not_worth_a_word(self, page, user, media) -> None:
        assert "File format" not in html_of(page, finished_job(user))

    def test_delete_takes_row_and_files(self, page, user, media) -> None:
        job = finished_job(user)
        answer = page.post(f"/jobs/{job.public_id}/delete", follow=True)
        assert "The picture is deleted." in answer.content.decode()
        assert not GenerationJob.objects.exists()
        assert not [path for path in media.rglob("*") if path.is_file()]

    @pytest.mark.parametrize("name", ["picture", "thumbnail", "download"])
    def test_known_picture_is_not_sent_again(self, page, user, media, name: str) -> None:
        address = f"/jobs/{finished_job(user).public_id}/{name}"
        whole = page.get(address)
        assert body_of(whole)
        assert page.get(address, headers={"if-none-match": whole["ETag"]}).status_code == 304

    def test_hidden_job_is_not_its_owners_to_delete(self, page, user, media) -> None:
        job = finished_job(user)
        GenerationJob.objects.update(hidden_at="2026-01-01T00:00Z")
        answer = page.post(f"/jobs/{job.public_id}/delete", follow=True)
        assert "only operators can delete it" in answer.content.decode()
        services.delete_job(job, by_operator=True)
        assert not GenerationJob.objects.exists()

    def test_hidden_picture_is_gone_for_its_owner(self, page, user, media) -> None:
        job = finished_job(user)
        GenerationJob.objects.update(hidden_at="2026-01-01T00:00Z")
        html = html_of(page, job)
        assert "An operator has hidden this picture" in html
        assert f"/jobs/{job.public_id}/picture" not in html
        for name in ("picture", "download", "thumbnail"):
            assert page.get(f"/jobs/{job.public_id}/{name}").status_code == 404


class TestFailed:
    @pytest.mark.parametrize("code", FAILURES)
    def test_every_failure_says_what_happened_and_offers_a_way(self, page, user, code) -> None:
        html = html_of(page, factories.failed_job(user, code))
        assert FAILURES[code].split(".")[0] in html
        assert "btn btn--main" in html
        assert code in html
        assert "why" not in html.split("<main")[1].split("For the operator")[0]

    def test_too_large_a_picture_is_offered_smaller(self, page, user) -> None:
        job = factories.failed_job(user, "out_of_memory")
        html = html_of(page, job)
        assert f"/create?again={job.public_id}&amp;width=192&amp;height=192" in html
        assert "Try at 192 \N{MULTIPLICATION SIGN} 192" in html
        form = page.get(f"/create?again={job.public_id}&width=192&height=192").content.decode()
        assert 'id="width" name="width" inputmode="numeric" value="192"' in form

    def test_smallest_size_is_not_offered_smaller(self, page, user) -> None:
        job, claim = factories.running_job(user, width=64, height=64)
        transitions.fail(claim, "out_of_memory", "")
        html = html_of(page, job)
        assert "Try at" not in html
        assert "Same again" in html

    def test_retry_leads_to_the_new_job_and_back(self, page, user) -> None:
        job = factories.failed_job(user)
        answer = page.post(f"/jobs/{job.public_id}/retry")
        successor = GenerationJob.objects.get(retry_of=job)
        assert answer.headers["Location"] == f"/jobs/{successor.public_id}"
        html = html_of(page, job)
        assert f"/jobs/{successor.public_id}" in html
        assert "Same again" not in html

    def test_second_retry_is_told_why_not(self, page, user) -> None:
        job = factories.failed_job(user)
        services.retry_job(job)
        answer = page.post(f"/jobs/{job.public_id}/retry", follow=True)
        assert "A job can be retried once" in answer.content.decode()

    def test_retry_into_a_full_queue_is_told(self, page, user, settings) -> None:
        job = factories.failed_job(user)
        factories.queued_job()
        settings.IMAGEN_QUEUE_LIMIT = 1
        answer = page.post(f"/jobs/{job.public_id}/retry", follow=True)
        assert "The queue is full" in answer.content.decode()


def test_running_job_cannot_be_deleted(page, user) -> None:
    job, _claim = factories.running_job(user)
    answer = page.post(f"/jobs/{job.public_id}/delete", follow=True)
    assert "cancel it first" in answer.content.decode()
    assert GenerationJob.objects.exists()


def test_ended_job_cannot_be_cancelled(page, user) -> None:
    job = factories.failed_job(user)
    answer = page.post(f"/jobs/{job.public_id}/cancel", follow=True)
    assert "has already ended" in answer.content.decode()


def test_current_job_stands_in_the_bar_of_every_page(page, user) -> None:
    _job, claim = factories.running_job(user)
    transitions.report_step(claim, 12)
    assert "Painting, 12 of 30" in page.get("/pictures").content.decode()


def test_words_are_shown_as_words(page, user) -> None:
    html = html_of(page, factories.queued_job(user, prompt="<b>bold</b> & <script>x</script>"))
    assert "<script>x" not in html
    assert "&lt;b&gt;bold" in html


@pytest.mark.parametrize(
    ("codes", "sentences"),
    [
        ([], []),
        (["tiled_decode"], ["tile by tile"]),
        (["tiled_decode", "smaller_plan", "of_tomorrow"], ["tile by tile", "goes on with less"]),
    ],
)
def test_what_little_memory_changed_is_told(page, user, codes, sentences) -> None:
    _job, claim = factories.running_job(user)
    transitions.succeed(claim, "outputs/a.png", codes)

    html = html_of(page, GenerationJob.objects.get())

    assert html.count("Graphics memory ran short") == len(sentences)
    assert all(sentence in html for sentence in sentences)


def test_a_size_that_fits_no_card_can_be_asked_for_smaller(page, user) -> None:
    job, claim = factories.running_job(user, width=512, height=512)
    transitions.fail(claim, "does_not_fit", "512 x 512 takes 8.2 GiB")

    html = html_of(page, job)

    assert "The graphics card is too small for this size" in html
    assert re.search(r"width=\d+&amp;height=\d+", html)


def test_hidden_picture_is_not_said_to_be_ready(page, user) -> None:
    job = factories.succeeded_job(user)
    assert said_of(html_of(page, job)) == "Your picture is ready."
    GenerationJob.objects.update(hidden_at=factories.now())
    assert said_of(html_of(page, job)) == "An operator has hidden this picture."
