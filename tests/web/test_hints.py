"""Pages say which model paints, and what lies outside the miniature's world."""

# ruff: noqa: RUF001  the pages' own apostrophes

import dataclasses
import html as markup
from pathlib import Path

import pytest

from generation import conf
from generation.models import GenerationJob
from generation.spec import world
from generation.spec.hints import hint_for
from generation.spec.profiles import MINIATURE
from tests import factories
from tests.web.pictures import finished_job

pytestmark = pytest.mark.django_db

TITLE = "Not in the miniature’s world"
COMMAND = "manage.py install_profile sdxl"
FRENCH = {"accept-language": "fr"}


@pytest.fixture
def installed_sdxl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model by that name whose weights are here: the miniature's, which the lens can read."""
    known = conf.profiles()
    sdxl = dataclasses.replace(
        known["sdxl"], folder=MINIATURE.folder, install_command="", min_side=64
    )
    monkeypatch.setattr(conf, "profiles", lambda: known | {"sdxl": sdxl})


def text_of(answer) -> str:
    assert answer.status_code == 200
    return markup.unescape(answer.content.decode())


def job_page(page, job: GenerationJob, **headers: str) -> str:
    return text_of(page.get(f"/jobs/{job.public_id}", headers=headers or None))


class TestForm:
    def test_words_are_judged_while_they_are_typed(self, page) -> None:
        html = text_of(page.post("/create/prompt", {"prompt": "a cat in a spaceship"}))
        assert TITLE in html
        assert "your words “cat”, “spaceship” are not in its world." in html
        assert "light (sunset, night, storm), places (mountains, sea, castle)" in html
        assert 'href="/miniature" target="_blank"' in html

    def test_hint_speaks_the_readers_language(self, page) -> None:
        answer = page.post("/create/prompt", {"prompt": "un chat"}, headers=FRENCH)
        html = text_of(answer)
        assert "votre mot «\xa0chat\xa0» n’est pas de son monde." in html
        assert "lumières (coucher de soleil, nuit, orage)" in html

    def test_foreign_words_beside_known_ones_are_named_gently(self, page) -> None:
        html = text_of(page.post("/create/prompt", {"prompt": "a cat before a castle"}))
        assert "the word “cat” is not in its world. It paints the rest." in html
        assert TITLE not in html

    @pytest.mark.parametrize("prompt", ["", "a", "a castle at sunset", "un château, la nuit"])
    def test_known_words_get_no_hint_but_a_way_to_more(self, page, prompt: str) -> None:
        html = text_of(page.post("/create/prompt", {"prompt": prompt}))
        assert 'id="hint"' not in html
        assert "This model paints landscapes." in html
        assert 'href="/miniature"' in html

    def test_word_that_is_being_typed_is_not_judged(self, page) -> None:
        form = {"prompt": "a dog, a cas"}
        html = text_of(page.post("/create/prompt", form | {"typing": "1"}))
        assert "“dog” is not" in html
        assert "“cas”" not in html
        assert "“cas”" in text_of(page.post("/create/prompt", form))
        begun = {"prompt": "a cas", "typing": "1"}
        assert 'id="hint"' not in text_of(page.post("/create/prompt", begun))

    def test_hint_describes_the_field_and_can_be_announced(self, page) -> None:
        html = text_of(page.post("/create", {"prompt": "a cat", "check": "1"}))
        assert 'aria-describedby="prompt-error lens-summary hint"' in html
        assert '<p class="only-sr" role="status" id="hint-said"></p>' in html
        assert 'id="hint-said"' not in text_of(page.post("/create/prompt", {"prompt": "a cat"}))

    def test_button_without_javascript_shows_the_hint_too(self, page) -> None:
        html = text_of(page.post("/create", {"prompt": "a cat", "check": "1"}))
        assert TITLE in html

    def test_words_cannot_break_out(self, page) -> None:
        answer = page.post("/create/prompt", {"prompt": "<script>cat</script>"})
        assert "<script>" not in answer.content.decode()

    def test_only_operators_read_the_command(self, page, operator_page) -> None:
        form = {"prompt": "a cat"}
        html = text_of(page.post("/create/prompt", form))
        assert COMMAND not in html
        assert "sdxl paints anything: ask the person who runs this service" in html
        assert f"<code>{COMMAND}</code>" in text_of(operator_page.post("/create/prompt", form))

    @pytest.mark.usefixtures("installed_sdxl")
    def test_installed_model_is_offered_and_taken(self, page, operator_page) -> None:
        form = {"prompt": "a cat", "width": "72", "height": "64", "seed": "5"}
        html = text_of(page.post("/create/prompt", form))
        assert '<button class="btn" name="use" value="sdxl">' in html
        assert "Stable Diffusion XL base 1.0 (profile sdxl) paints anything." in html
        assert COMMAND not in text_of(operator_page.post("/create/prompt", form))
        taken = text_of(page.post("/create", form | {"use": "sdxl"}))
        assert '<option value="sdxl" selected>' in taken
        assert 'id="hint"' not in taken
        assert "This model paints landscapes." not in taken
        assert 'value="5"' in taken
        assert 'value="72"' not in taken
        assert not GenerationJob.objects.exists()

    @pytest.mark.usefixtures("installed_sdxl")
    def test_model_that_paints_anything_gives_no_hint(self, page) -> None:
        html = text_of(page.post("/create/prompt", {"prompt": "a cat", "profile": "sdxl"}))
        assert 'id="hint"' not in html


class TestJob:
    def test_hint_stands_beside_the_picture(self, page, user, media) -> None:
        html = job_page(page, finished_job(user, prompt="a cat in a spaceship"))
        assert TITLE in html
        assert "“cat”, “spaceship”" in html
        assert 'href="/miniature"' in html
        assert "Paint it with that model" not in html

    def test_hint_comes_before_the_picture(self, page, user) -> None:
        running, _claim = factories.running_job(user, prompt="a cat")
        assert TITLE in job_page(page, running)
        assert TITLE in job_page(page, factories.queued_job(user, prompt="a cat"))
        answer = page.get(f"/jobs/{running.public_id}/live")
        assert TITLE in text_of(answer)

    def test_known_words_get_none(self, page, user, media) -> None:
        html = job_page(page, finished_job(user, prompt="a castle at sunset"))
        assert 'id="hint"' not in html

    @pytest.mark.usefixtures("installed_sdxl")
    def test_installed_model_is_one_link_away(self, page, user, media) -> None:
        job = finished_job(user, prompt="a cat", width=64, height=72)
        address = f"/create?again={job.public_id}&profile=sdxl"
        assert f'href="{address}"' in job_page(page, job)
        form = text_of(page.get(address))
        assert ">a cat</textarea>" in form
        assert '<option value="sdxl" selected>' in form
        assert 'value="72"' not in form

    def test_model_is_named_by_the_picture_and_among_the_facts(self, page, user, media) -> None:
        job = finished_job(user)
        html = job_page(page, job)
        assert "Painted by Imagen miniature</figcaption>" in html
        assert '<dd>Imagen miniature <code class="soft">miniature</code></dd>' in html
        assert "Peinte par Imagen miniature</figcaption>" in job_page(page, job, **FRENCH)

    def test_model_that_is_no_longer_here_is_named_as_it_was_asked_for(
        self, page, user, media
    ) -> None:
        job = finished_job(user)
        GenerationJob.objects.update(profile="path:gone")
        assert "Painted by path:gone" in job_page(page, job)
        assert "painted by path:gone" in text_of(page.get("/pictures"))

    def test_history_names_it_too(self, page, user, media) -> None:
        finished_job(user)
        assert "painted by Imagen miniature" in text_of(page.get("/pictures"))


class TestWorld:
    @pytest.mark.parametrize("language", ["en", "fr"])
    def test_every_example_is_known_and_fills_the_form(self, page, language: str) -> None:
        answer = page.get("/miniature", headers={"accept-language": language})
        examples = answer.context["examples"]
        assert len({example.prompt for example in examples}) >= 6
        for example in examples:
            assert hint_for(example.prompt) is None, example.prompt
        form = text_of(page.get(examples[0].address))
        assert f">{examples[0].prompt}</textarea>" in form

    def test_examples_are_translated(self, page) -> None:
        html = text_of(page.get("/miniature", headers=FRENCH))
        assert "un château dans la brume" in html
        assert "<b>coucher de soleil</b>, heure dorée" in html

    @pytest.mark.parametrize(("language", "words"), [("en", world.ENGLISH), ("fr", world.FRENCH)])
    def test_every_word_of_the_readers_language_is_shown(self, page, language, words) -> None:
        html = text_of(page.get("/miniature", headers={"accept-language": language}))
        phrases = [phrase for name in words.keys() - set(world.FLAWS) for phrase in words[name]]
        assert not [phrase for phrase in phrases if phrase.replace("'", "’") not in html]

    def test_groups_are_named(self, page) -> None:
        html = text_of(page.get("/miniature"))
        for label in ("Light", "Places", "Things", "Colours", "Styles"):
            assert f">{label}</h2>" in html
        assert "<b>lighthouse</b>" in html
        assert "blurry" not in html

    def test_only_operators_read_the_command(self, page, operator_page) -> None:
        assert COMMAND not in text_of(page.get("/miniature"))
        assert COMMAND in text_of(operator_page.get("/miniature"))
