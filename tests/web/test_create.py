"""The form accepts, refuses by field, and never loses what was typed."""

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from generation.jobs import controls, references, services, uploads
from generation.models import GenerationJob, ReferenceImage, UploadedReference
from tests import factories

pytestmark = pytest.mark.django_db

FORM = {"prompt": "a castle on a hill", "shape": "19x13", "seed": "7"}


def picture(colour: str = "red", file_format: str = "JPEG") -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("RGB", (80, 60), colour).save(file, file_format)
    return SimpleUploadedFile("my holiday.jpg", file.getvalue())


def chosen_reference(answer) -> str:
    found = re.search(r'name="reference" value="([^"]*)" checked', answer.content.decode())
    assert found
    return found[1]


def test_words_become_a_job_and_its_page(page, user) -> None:
    answer = page.post("/create", FORM)
    job = GenerationJob.objects.get()
    assert answer.headers["Location"] == f"/jobs/{job.public_id}"
    assert (job.owner, job.prompt, job.seed) == (user, "a castle on a hill", 7)
    assert (job.width, job.height, job.steps) == (304, 208, 30)


def test_refusal_keeps_every_word_and_says_what_helps(page) -> None:
    answer = page.post("/create", FORM | {"steps": "150", "guidance_scale": "99"})
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "2 settings need a look" in html
    assert "Steps must be a whole number from 1 to 100, not 150." in html
    assert 'value="150"' in html
    assert "a castle on a hill</textarea>" in html
    assert '<a href="#steps">' in html
    assert "<title>Error: New picture" in html
    assert not GenerationJob.objects.exists()


def test_words_cannot_break_out_of_the_page(page) -> None:
    evil = "</textarea><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    html = page.post("/create", FORM | {"prompt": evil, "steps": "0"}).content.decode()
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_full_queue_is_503_and_keeps_the_words(page, settings) -> None:
    settings.IMAGEN_QUEUE_LIMIT = 1
    factories.queued_job()
    answer = page.post("/create", FORM)
    html = answer.content.decode()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == str(settings.IMAGEN_RETRY_AFTER)
    assert "The queue is full: 1 job is waiting." in html
    assert "a castle on a hill</textarea>" in html


def test_queue_without_a_worker_promises_nothing(page) -> None:
    html = page.get("/create").content.decode()
    assert "No worker is running" in html
    assert "Starts at once" not in html


def test_queue_is_told_before_pressing(page) -> None:
    factories.living_worker()
    assert "Starts at once" in page.get("/create").content.decode()
    factories.queued_job()
    factories.queued_job()
    assert "2 pictures before yours" in page.get("/create").content.decode()
    assert "2 pictures before yours" in page.get("/create/queue").content.decode()


class TestForecast:
    """The sentence beside the button."""

    @pytest.fixture(autouse=True)
    def measured(self) -> None:
        """Squares of 30 steps took ten seconds."""
        factories.measured([10.0] * 20)

    def sentence(self, page, query: str = "", **headers: str) -> str:
        answer = page.get(f"/create/queue{query}", headers=headers)
        assert answer.status_code == 200
        return " ".join(re.sub("<[^>]*>", " ", answer.content.decode()).split())

    def test_time_is_told_before_pressing(self, page) -> None:
        factories.living_worker()
        told = self.sentence(page)
        assert told == "Ready in about 10 s in 9 of 10 cases within 12 s · nobody waits before you"
        assert "Ready in about 10\N{NARROW NO-BREAK SPACE}s" in page.get("/create").content.decode()

    def test_pictures_before_it_are_counted(self, page) -> None:
        factories.living_worker()
        owner = factories.make_user()
        factories.queued_job(owner)
        assert "1 picture before yours" in self.sentence(page)
        factories.queued_job(owner)
        assert "Ready in about 20 s" in self.sentence(page)
        patient = self.sentence(page, "?priority=batch")
        assert "Ready in about 30 s" in patient
        assert "2 pictures before yours" in patient

    @pytest.mark.parametrize(
        ("query", "time"),
        [
            ("?steps=60", "20 s"),
            ("?width=512&height=512", "40 s"),
            ("?shape=1x1&steps=15", "5 s"),
            ("?shape=19x13", "10 s"),
            ("?steps=1+00", "35 s"),
        ],
    )
    def test_fields_count(self, page, query: str, time: str) -> None:
        factories.living_worker()
        assert f"Ready in about {time} " in self.sentence(page, query)

    def test_reference_counts(self, page) -> None:
        factories.living_worker()
        factories.measured([15.0] * 20, has_reference=True)
        assert "about 15 s" in self.sentence(page, "?reference=file&ip_strength=0.6")
        assert "about 15 s" in self.sentence(page, "?reference=service&ip_strength=0,6")
        assert "about 10 s" in self.sentence(page, "?reference=service&ip_strength=0")

    @pytest.mark.parametrize(
        "query",
        [
            "?steps=0&width=1&height=x&profile=nothing&priority=high&shape=z",
            "?steps=" + "9" * 400,
            "?profile=%00&reference=%00&ip_strength=nan",
            "?steps=&ip_strength=-1&reference=x",
            "?prompt=words&negative_prompt=words&seed=-1&guidance_scale=x",
        ],
    )
    def test_values_that_make_no_sense_are_the_default(self, page, query: str) -> None:
        factories.living_worker()
        assert "Ready in about 10 s " in self.sentence(page, query)

    def test_form_that_is_refused_still_tells_it(self, page) -> None:
        factories.living_worker()
        html = page.post("/create", FORM | {"steps": "150"}).content.decode()
        assert "Ready in about" in html

    def test_pause_is_told_with_its_reason(self, page) -> None:
        factories.living_worker()
        controls.pause("<b>the card</b> is cleaned")
        html = page.get("/create").content.decode()
        assert "Paused: it will wait" in html
        assert "&lt;b&gt;the card&lt;/b&gt; is cleaned" in html
        assert "Ready in about" not in html

    def test_model_that_nobody_serves_is_told(self, page) -> None:
        factories.living_worker()
        assert "No worker" in self.sentence(page, "?profile=sdxl")

    def test_french_has_its_own_words(self, page) -> None:
        factories.living_worker()
        told = self.sentence(page, **{"accept-language": "fr"})
        assert told.startswith("Dans environ 10 s 12 s au plus, 9 fois sur 10")


class TestNoHurry:
    def test_lets_others_go_first(self, page) -> None:
        page.post("/create", FORM | {"priority": "batch"})
        assert GenerationJob.objects.get().is_batch

    def test_is_not_wished_by_itself(self, page) -> None:
        page.post("/create", FORM)
        assert not GenerationJob.objects.get().is_batch

    def test_is_kept_by_use_again_and_by_a_refusal(self, page, user) -> None:
        checked = '<input type="checkbox" name="priority" value="batch" checked>'
        refused = page.post("/create", FORM | {"priority": "batch", "steps": "0"})
        assert checked in refused.content.decode()
        job = services.submit_job(factories.make_request(), owner_id=user.pk, is_batch=True)
        assert checked in page.get(f"/create?again={job.public_id}").content.decode()
        other = factories.queued_job(user)
        assert checked not in page.get(f"/create?again={other.public_id}").content.decode()


class TestFileFormat:
    def test_is_chosen_among_the_advanced_settings(self, page) -> None:
        html = page.get("/create").content.decode()
        assert re.findall(r'<option value="(\w+)"( selected)?>([^<]*PNG|WebP|JPEG)<', html) == [
            ("png", " selected", "PNG"),
            ("png16", "", "16-bit PNG"),
            ("webp", "", "WebP"),
            ("jpeg", "", "JPEG"),
        ]
        assert '<details class="fold"><summary><span class="label">Advanced' in html
        page.post("/create", FORM | {"output_format": "jpeg"})
        assert GenerationJob.objects.get().output_format == "jpeg"

    def test_has_a_french_name(self, page) -> None:
        html = page.get("/create", headers={"accept-language": "fr"}).content.decode()
        assert '<option value="png16">PNG 16 bits</option>' in html

    @pytest.mark.parametrize("query", ["", "&vary=1"])
    def test_is_kept_by_use_again_and_vary(self, page, user, query: str) -> None:
        job = factories.queued_job(user, output_format="webp")
        html = page.get(f"/create?again={job.public_id}{query}").content.decode()
        assert '<option value="webp" selected>' in html
        assert '<details class="fold" open><summary><span class="label">Advanced' in html

    def test_that_is_unknown_is_refused_at_its_field(self, page) -> None:
        answer = page.post("/create", FORM | {"output_format": "gif"})
        html = answer.content.decode()
        assert answer.status_code == 400
        assert "File format must be one of png, png16, webp, jpeg, not" in html
        assert '<a href="#output_format">' in html


def test_lens_tells_tokens_chunks_and_weights(page) -> None:
    html = page.post("/create/prompt", {"prompt": "a castle, (snow:1.3) " * 30}).content.decode()
    assert "<html" not in html
    assert "chunk 2" in html
    assert "\N{MULTIPLICATION SIGN}1.3" in html


@pytest.mark.parametrize("prompt", ["", "((((", "a.and(b)", "x" * 20_000])
def test_lens_bears_any_words(page, prompt: str) -> None:
    assert page.post("/create/prompt", {"prompt": prompt}).status_code == 200


def test_without_javascript_dice_and_lens_are_buttons(page) -> None:
    html = page.post("/create", FORM | {"seed": "", "roll": "1"}).content.decode()
    assert re.search(r'name="seed"[^>]* value="\d+"', html)
    assert "<b>5 tokens</b>" in page.post("/create", FORM | {"check": "1"}).content.decode()
    assert not GenerationJob.objects.exists()


class TestSentTwice:
    def test_same_form_is_one_job(self, page) -> None:
        first = page.post("/create", FORM | {"once": "abc"})
        second = page.post("/create", FORM | {"once": "abc"})
        assert GenerationJob.objects.count() == 1
        assert first.headers["Location"] == second.headers["Location"]

    def test_page_that_is_gone_back_to_carries_other_words(self, page) -> None:
        page.post("/create", FORM | {"once": "abc"})
        page.post("/create", FORM | {"once": "abc", "prompt": "a ship"})
        prompts = set(GenerationJob.objects.values_list("prompt", flat=True))
        assert prompts == {"a castle on a hill", "a ship"}

    def test_another_form_is_another_job(self, page) -> None:
        page.post("/create", FORM | {"once": "abc"})
        page.post("/create", FORM | {"once": "abd"})
        assert GenerationJob.objects.count() == 2

    def test_somebody_elses_form_is_another_job(self, page, stranger_page) -> None:
        page.post("/create", FORM | {"once": "abc"})
        stranger_page.post("/create", FORM | {"once": "abc"})
        assert GenerationJob.objects.count() == 2

    def test_refused_form_may_be_sent_again(self, page) -> None:
        page.post("/create", FORM | {"once": "abc", "steps": "0"})
        assert page.post("/create", FORM | {"once": "abc"}).status_code == 302

    def test_each_form_has_a_word_of_its_own(self, page) -> None:
        words = {
            re.search(r'name="once" value="([^"]+)"', page.get("/create").content.decode())[1]
            for _ in range(2)
        }
        assert len(words) == 2


def test_model_that_is_gone_is_told_and_replaced(page, user) -> None:
    job = factories.queued_job(user)
    GenerationJob.objects.update(profile="path:gone")
    html = page.get(f"/create?again={job.public_id}").content.decode()
    assert "The model of that picture, path:gone, is not here" in html
    assert '<option value="miniature" selected>' in html


class TestUseAgain:
    def test_order_comes_back_into_the_form(self, page, user) -> None:
        job = factories.queued_job(user, prompt="an old mill", width=304, height=208, steps=12)
        html = page.get(f"/create?again={job.public_id}").content.decode()
        assert "an old mill</textarea>" in html
        assert 'value="19x13" checked' in html
        assert 'name="seed" inputmode="numeric" placeholder="random" value="7"' in html
        assert re.search(r'name="steps"[^>]*value="12"', html)

    def test_reference_that_is_gone_is_not_replaced_by_another(self, page, user, media) -> None:
        """The service's own is chosen for jobs that followed it, and for no others."""
        own = references.offered()
        chosen = re.compile('name="reference" value="service" checked')
        other = ReferenceImage.objects.create(digest="0" * 64, name="mine.png", file=b"x")
        for digest, is_chosen in ((own, True), (other.pk, False)):
            job = factories.queued_job(user, ip_strength=0.6)
            GenerationJob.objects.filter(pk=job.pk).update(reference=digest)
            html = page.get(f"/create?again={job.public_id}").content.decode()
            assert bool(chosen.search(html)) is is_chosen
            assert ("is no longer here. Choose another" in html) is not is_chosen

    def test_a_variation_has_no_seed(self, page, user) -> None:
        job = factories.queued_job(user)
        html = page.get(f"/create?again={job.public_id}&vary=1").content.decode()
        assert 'placeholder="random" value=""' in html

    def test_somebody_elses_order_is_not_found(self, page) -> None:
        job = factories.queued_job()
        assert page.get(f"/create?again={job.public_id}").status_code == 404
        assert page.get("/create?again=nonsense").status_code == 404


class TestReference:
    def test_upload_is_followed_and_kept(self, page, user) -> None:
        answer = page.post("/create", FORM | {"file": picture(), "ip_strength": "0.5"})
        job = GenerationJob.objects.get()
        assert answer.status_code == 302
        assert job.ip_strength == 0.5
        assert UploadedReference.objects.get(owner=user).reference == job.reference
        with Image.open(io.BytesIO(bytes(job.reference.file))) as image:
            assert (image.format, image.size) == ("PNG", (80, 60))

    def test_upload_survives_an_error_elsewhere(self, page, user) -> None:
        answer = page.post("/create", FORM | {"file": picture(), "steps": "0"})
        kept = UploadedReference.objects.get(owner=user)
        assert answer.status_code == 400
        assert chosen_reference(answer) == str(kept.pk)
        assert "my holiday.jpg" in answer.content.decode()

    def test_what_is_no_picture_is_refused_at_the_field_and_not_kept(self, page) -> None:
        file = SimpleUploadedFile("holiday.pdf", b"%PDF-1.7 nothing")
        answer = page.post("/create", FORM | {"file": file})
        html = answer.content.decode()
        assert answer.status_code == 400
        assert 'id="file-error"' in html
        assert "holiday.pdf" in html
        assert not ReferenceImage.objects.exists()
        assert not GenerationJob.objects.exists()

    def test_offered_one_is_followed(self, page) -> None:
        page.post("/create", FORM | {"reference": "service", "ip_strength": "0.4"})
        assert GenerationJob.objects.get().reference.name == "electra_ref.png"

    def test_somebody_elses_upload_cannot_be_chosen_or_seen(self, page, stranger) -> None:
        theirs = uploads.keep_upload(stranger.pk, "theirs.png", factories.png())
        answer = page.post("/create", FORM | {"reference": str(theirs.pk)})
        assert answer.status_code == 400
        assert page.get(f"/uploads/{theirs.pk}").status_code == 404
        page.post("/create", FORM | {"forget": str(theirs.pk)})
        assert UploadedReference.objects.filter(pk=theirs.pk).exists()
        assert not GenerationJob.objects.exists()

    @pytest.mark.parametrize("choice", ["9" * 5000, "-1", "٣", "'", "service "])
    def test_choice_that_makes_no_sense_is_refused(self, page, choice: str) -> None:
        answer = page.post("/create", FORM | {"reference": choice, "ip_strength": "0.6"})
        assert answer.status_code == 400
        assert "no longer here" in answer.content.decode()

    def test_file_is_kept_when_the_form_is_only_looked_at(self, page, user) -> None:
        answer = page.post("/create", FORM | {"file": picture(), "check": "1"})
        kept = UploadedReference.objects.get(owner=user)
        assert chosen_reference(answer) == str(kept.pk)

    def test_own_upload_is_shown_small_and_deleted(self, page, user) -> None:
        mine = uploads.keep_upload(user.pk, "mine.png", factories.png())
        assert page.get(f"/uploads/{mine.pk}").headers["Content-Type"] == "image/webp"
        html = page.post("/create", FORM | {"forget": str(mine.pk)}).content.decode()
        assert "a castle on a hill</textarea>" in html
        assert not ReferenceImage.objects.exists()
        assert not GenerationJob.objects.exists()
