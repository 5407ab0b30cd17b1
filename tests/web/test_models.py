"""Several models side by side: the form follows the one that is chosen."""

import dataclasses
import html as markup
import re

import pytest

from generation import conf
from generation.models import GenerationJob, PaintingTime
from generation.spec.profiles import MINIATURE
from tests import factories

pytestmark = pytest.mark.django_db

FORM = {"prompt": "a castle on a hill", "shape": "1x1"}
AS_OFFERED = {"offered_for": "miniature", "steps": "30", "guidance_scale": "7.5"}
DISTILLED = ("sdxl-turbo", "sdxl-lightning")


@pytest.fixture
def side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Distilled models by these names whose weights are here: the miniature's."""
    known = conf.profiles()
    here = {
        name: dataclasses.replace(known[name], folder=MINIATURE.folder, install_command="")
        for name in DISTILLED
    }
    monkeypatch.setattr(conf, "profiles", lambda: known | here)


def text_of(answer, status: int = 200) -> str:
    assert answer.status_code == status
    return markup.unescape(answer.content.decode())


def field(html: str, name: str) -> dict[str, str]:
    """The attributes of a field; nothing where the form has none of that name."""
    found = re.search(rf'<input[^>]* name="{name}"[^>]*>', html)
    return dict(re.findall(r'([a-z-]+)="([^"]*)"', found[0])) if found else {}


@pytest.mark.usefixtures("side_by_side")
class TestForm:
    def test_shows_the_chosen_model_s_ranges_and_defaults(self, page) -> None:
        html = text_of(page.get("/create?profile=sdxl-turbo"))
        steps, guidance = field(html, "steps"), field(html, "guidance_scale")
        assert (steps["min"], steps["max"], steps["value"]) == ("1", "4", "4")
        assert (guidance["min"], guidance["max"], guidance["value"]) == ("0", "2", "0")
        assert "1 to 4: this model was made for few" in html
        assert "512 \N{MULTIPLICATION SIGN} 512" in html
        assert field(html, "offered_for")["value"] == "sdxl-turbo"

    def test_of_a_model_with_one_number_of_steps_has_no_field_for_it(self, page) -> None:
        html = text_of(page.get("/create?profile=sdxl-lightning"))
        assert field(html, "steps") == {}
        assert "4, always: this model was made for just so many" in html
        assert "4 steps, guidance 0" in html

    def test_says_that_what_to_avoid_has_no_effect_without_guidance(self, page) -> None:
        words = "This model paints without guidance"
        assert words in text_of(page.get("/create?profile=sdxl-turbo"))
        assert words not in text_of(page.get("/create"))

    def test_lists_every_model_that_is_installed(self, page) -> None:
        html = text_of(page.get("/create"))
        offered = re.search(r'<select[^>]* name="profile".*?</select>', html)
        assert offered
        names = re.findall(r'<option value="([^"]*)"', offered[0])
        assert names == ["miniature", *DISTILLED]
        assert "Show its settings" in html

    def test_without_javascript_a_button_shows_the_model_s_own_settings(self, page) -> None:
        chosen = {"profile": "sdxl-turbo", "check": "1", "negative_prompt": "fog"}
        html = text_of(page.post("/create", FORM | AS_OFFERED | chosen))
        assert field(html, "steps")["value"] == "4"
        assert field(html, "guidance_scale")["value"] == "0"
        assert field(html, "negative_prompt")["value"] == "fog"
        assert '<option value="sdxl-turbo" selected>' in html
        assert not GenerationJob.objects.exists()

    def test_shown_again_drops_what_the_model_cannot_accept(self, page) -> None:
        typed = AS_OFFERED | {"steps": "40", "guidance_scale": "1,5"}
        html = text_of(page.post("/create", FORM | typed | {"profile": "sdxl-turbo", "check": "1"}))
        assert field(html, "steps")["value"] == "4"
        assert field(html, "guidance_scale")["value"] == "1,5"

    def test_goes_back_to_the_defaults_of_a_model_that_takes_many_steps(self, page) -> None:
        offered = {"offered_for": "sdxl-turbo", "steps": "4", "guidance_scale": "0"}
        chosen = {"profile": "miniature", "check": "1"}
        html = text_of(page.post("/create", FORM | offered | chosen))
        assert field(html, "steps")["value"] == "30"
        assert field(html, "guidance_scale")["value"] == "7.5"

    def test_keeps_what_was_typed_for_the_same_model(self, page) -> None:
        typed = AS_OFFERED | {"steps": "150", "profile": "miniature", "check": "1"}
        assert field(text_of(page.post("/create", FORM | typed)), "steps")["value"] == "150"


@pytest.mark.usefixtures("side_by_side")
class TestOrder:
    @pytest.mark.parametrize(("name", "side"), [("sdxl-turbo", 512), ("sdxl-lightning", 1024)])
    def test_what_was_left_as_offered_takes_the_chosen_model_s_default(
        self, page, name: str, side: int
    ) -> None:
        page.post("/create", FORM | AS_OFFERED | {"profile": name})
        job = GenerationJob.objects.get()
        assert (job.profile, job.steps, job.guidance_scale) == (name, 4, 0.0)
        assert (job.width, job.height) == (side, side)

    def test_what_was_typed_is_taken_as_it_is(self, page) -> None:
        typed = AS_OFFERED | {"steps": "2", "guidance_scale": "1.5"}
        page.post("/create", FORM | typed | {"profile": "sdxl-turbo"})
        job = GenerationJob.objects.get()
        assert (job.steps, job.guidance_scale) == (2, 1.5)

    @pytest.mark.parametrize(
        ("name", "sentence"),
        [
            (
                "sdxl-turbo",
                "Steps must be a whole number from 1 to 4, not 40, for the profile sdxl-turbo",
            ),
            ("sdxl-lightning", "Steps must be 4, not 40, for the profile sdxl-lightning"),
        ],
    )
    def test_what_was_typed_is_refused_where_the_model_cannot(
        self, page, name: str, sentence: str
    ) -> None:
        typed = AS_OFFERED | {"steps": "40", "profile": name}
        html = text_of(page.post("/create", FORM | typed), status=400)
        assert sentence in html
        assert field(html, "steps")["value"] == "40"
        assert not GenerationJob.objects.exists()

    def test_use_again_for_another_model_takes_its_settings(self, page, user) -> None:
        job = factories.queued_job(user, steps=40, guidance_scale=7.5)
        html = text_of(page.get(f"/create?again={job.public_id}&profile=sdxl-turbo"))
        assert field(html, "steps")["value"] == "4"
        assert field(html, "guidance_scale")["value"] == "0"

    def test_forecast_is_of_the_steps_that_would_be_taken(self, page) -> None:
        factories.living_worker()
        factories.Worker.objects.update(profiles=["miniature", "sdxl-turbo"])
        PaintingTime.objects.create(
            profile="sdxl-turbo", width=512, height=512, steps=4, has_reference=False,
            has_guidance=False, seconds=[20.0] * 20,
        )  # fmt: skip
        query = "shape=1x1&profile=sdxl-turbo&offered_for=miniature&steps=30&guidance_scale=7.5"
        assert "about 20" in text_of(page.get(f"/create/queue?{query}"))
        guided = query.replace("7.5", "1.5")
        assert "about 40" in text_of(page.get(f"/create/queue?{guided}"))
        assert "offered_for" in text_of(page.get("/create")).split('data-fields="')[1]

    def test_no_fewer_steps_are_offered_than_the_model_takes(self, page, user) -> None:
        job = factories.failed_job(user, "timeout")
        assert "Try with 15 steps" in text_of(page.get(f"/jobs/{job.public_id}"))
        GenerationJob.objects.update(profile="sdxl-lightning", steps=4)
        assert "Try with" not in text_of(page.get(f"/jobs/{job.public_id}"))


class TestMissing:
    @pytest.mark.parametrize("name", DISTILLED)
    def test_order_for_a_model_that_is_not_installed_is_refused_with_the_command(
        self, page, name: str
    ) -> None:
        html = text_of(page.post("/create", FORM | {"profile": name}), status=400)
        assert f"manage.py install_profile {name}" in html
        assert not GenerationJob.objects.exists()

    def test_order_of_a_model_that_was_removed_comes_back_in_the_settings_of_another(
        self, page, user
    ) -> None:
        job = factories.queued_job(user)
        GenerationJob.objects.update(profile="sdxl-turbo", steps=4, guidance_scale=0)
        html = text_of(page.get(f"/create?again={job.public_id}"))
        assert "The model of that picture, sdxl-turbo, is not here" in html
        assert field(html, "steps")["value"] == "30"
        assert field(html, "guidance_scale")["value"] == "7.5"
