"""What people do, from one end to the other, in both languages, with JavaScript and without."""

import io
import re
import subprocess
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.visitor import PASSWORD, Person, Visitor, make_people, visit
from tests.browser.words import WORDS, Words
from tests.stack.harness import Installation

SLOW = "slow:0.1"
"""So that a picture of many steps can be watched."""
MANY_STEPS = 60
JOB = re.compile(r".*/jobs/([0-9a-f-]{36})$")
FAIL_JOB = """
from django.contrib.auth.models import User
from django.db import transaction
from tests import factories
with transaction.atomic():  # the worker sees the job only once it has failed
    owner = User.objects.get(username={name!r})
    job, claim = factories.running_job(owner, prompt={prompt!r}, steps=2)
    factories.transitions.fail(claim, "out_of_memory", "CUDA out of memory")
print(job.public_id)
"""


only_english = pytest.mark.parametrize("language", ["en"])
only_with_javascript = pytest.mark.parametrize("has_javascript", [True], ids=["js"])
only_without_javascript = pytest.mark.parametrize("has_javascript", [False], ids=["plain"])
crosswise = pytest.mark.parametrize(
    ("language", "has_javascript"), [("en", False), ("fr", True)], ids=["en-plain", "fr-js"]
)
"""For ways on which the one has nothing to do with the other."""
needs_worker = pytest.mark.usefixtures("worker")


@pytest.fixture(params=WORDS)
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[True, False], ids=["js", "plain"])
def has_javascript(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture
def words(language: str) -> Words:
    return WORDS[language]


@pytest.fixture(scope="module")
def worker(installation: Installation) -> subprocess.Popen[bytes]:
    """Paints at a pace that eyes can follow; the installation stops it."""
    return installation.start_worker(IMAGEN_FAULT=SLOW)


@pytest.fixture(scope="module")
def people(installation: Installation) -> Iterator[Person]:
    """One after the other, so that no test sees another's pictures."""
    return iter(make_people(installation, [f"person-{number}" for number in range(100)]))


@pytest.fixture(scope="module")
def operator(installation: Installation) -> Person:
    return make_people(installation, ["operator"], is_operator=True)[0]


@pytest.fixture
def person(people: Iterator[Person]) -> Person:
    return next(people)


@pytest.fixture
def stranger(
    browser: Browser, installation: Installation, language: str, has_javascript: bool
) -> Iterator[Visitor]:
    """Somebody at the gate."""
    options = {"java_script_enabled": has_javascript}
    with visit(browser, installation, language=language, **options) as visitor:
        yield visitor


@pytest.fixture
def visitor(stranger: Visitor, person: Person) -> Visitor:
    """The person, signed in. A preview may be gone by the time that it is asked for."""
    stranger.expect_refusal(404, r"/jobs/[^/]+/preview")
    stranger.enter_as(person)
    return stranger


@pytest.fixture
def retrier(
    browser: Browser, installation: Installation, operator: Person, language: str
) -> Iterator[Visitor]:
    """The operator, signed in."""
    with visit(browser, installation, language=language) as visitor:
        visitor.enter_as(operator)
        yield visitor


def sign_in(visitor: Visitor, person: Person, password: str = PASSWORD) -> None:
    visitor.page.locator("[name=username]").fill(person.name)
    visitor.page.locator("[name=password]").fill(password)
    visitor.page.locator(".gate__form form button").click()


def fill(page: Page, prompt: str, **advanced: object) -> None:
    """The words, and fields of the fold."""
    page.locator("#prompt").fill(prompt)
    if not page.locator("#steps").is_visible():
        page.locator("details.fold:has(#steps) > summary").click()
    for name, value in advanced.items():
        page.locator(f"#{name}").fill(str(value))


def paint(page: Page) -> str:
    """Press the button; the new job's id."""
    page.locator(".go .btn--main").click()
    page.wait_for_url(JOB)
    return job_of(page)


def job_of(page: Page) -> str:
    found = JOB.fullmatch(page.url)
    assert found
    return found[1]


def painted(installation: Installation, person: Person, **fields: object) -> str:
    """The id of a small picture of that person, asked for through the API."""
    job_id = installation.submit(person.token, steps=1, **fields)
    installation.wait_for_status(person.token, job_id, "SUCCESS", limit_s=120)
    return job_id


def expect_state(page: Page, state: str) -> None:
    """Reached without a hand: the page follows its job, or renews itself."""
    expect(page.locator("#job")).to_have_attribute("data-state", state, timeout=120_000)


def test_sign_in_leads_to_where_the_person_wanted_to_go(
    stranger: Visitor, person: Person, words: Words
) -> None:
    stranger.open("/pictures?q=sea")
    assert stranger.path == "/sign-in"
    expect(stranger.page.get_by_role("heading", level=1)).to_have_text(words.welcome)
    sign_in(stranger, person)
    stranger.page.wait_for_url("**/pictures?q=sea")


def test_wrong_password_is_told_and_the_name_stays(
    stranger: Visitor, person: Person, words: Words
) -> None:
    stranger.expect_refusal(400, "/sign-in")
    stranger.open("/sign-in")
    sign_in(stranger, person, "wrong")
    expect(stranger.page.get_by_role("alert")).to_contain_text(words.no_match)
    expect(stranger.page.locator("[name=username]")).to_have_value(person.name)


def test_sign_out_closes_the_door(visitor: Visitor, words: Words) -> None:
    visitor.open("/pictures")
    visitor.page.locator(".bar details.menu > summary").click()
    visitor.page.get_by_role("button", name=words.sign_out).click()
    visitor.page.wait_for_url("**/sign-in")
    visitor.open("/pictures")
    assert visitor.path == "/sign-in"


def test_new_person_finds_a_bare_wall_and_the_form(visitor: Visitor, words: Words) -> None:
    visitor.open("/pictures")
    expect(visitor.page.locator(".empty h2")).to_have_text(words.empty)
    visitor.page.locator(".empty .btn--main").click()
    visitor.page.wait_for_url("**/create")
    expect(visitor.page.get_by_label(words.prompt)).to_be_visible()
    expect(visitor.page.get_by_label(words.negative)).to_be_visible()
    expect(visitor.page.locator(".go").get_by_role("button", name=words.paint)).to_be_visible()


@only_with_javascript
@needs_worker
def test_watched_job_shows_steps_and_preview_without_a_reload(
    visitor: Visitor, words: Words
) -> None:
    page = visitor.page
    visitor.open("/create")
    fill(page, "a lighthouse in the rain", steps=MANY_STEPS, width=64, height=64)
    paint(page)
    page.evaluate("document.documentElement.dataset.stayed = 'yes'")
    expect(page.get_by_text(words.may_leave)).to_be_visible()
    expect_state(page, "running")
    expect(page.locator(".stages li")).to_contain_text(list(words.stages))
    expect(page).to_have_title(re.compile(words.painting))
    expect(page.locator(".easel img[src*='/preview']")).to_be_visible()
    early = page.locator("#job progress").get_attribute("value")
    expect(page.locator("#job progress")).not_to_have_attribute("value", early or "")
    expect_state(page, "succeeded")
    expect(page).to_have_title("a lighthouse in the rain \N{EN DASH} Imagen")
    expect(page.get_by_role("status").first).to_have_text(words.ready)
    expect(page.locator("html")).to_have_attribute("data-stayed", "yes")


@only_without_javascript
@needs_worker
def test_page_without_javascript_renews_itself_until_the_picture_is_there(
    visitor: Visitor, words: Words
) -> None:
    page = visitor.page
    loads: list[str] = []
    page.on("domcontentloaded", lambda loaded: loads.append(loaded.url))
    visitor.open("/create")
    fill(page, "a lighthouse in the rain", steps=MANY_STEPS, width=64, height=64)
    job_id = paint(page)
    expect(page.get_by_text(words.may_leave)).to_be_visible()
    expect_state(page, "running")
    expect(page).to_have_title(re.compile(words.painting))
    expect(page.locator(".easel img[src*='/preview']")).to_be_visible()
    expect_state(page, "succeeded")
    assert sum(url.endswith(job_id) for url in loads) > 2


@crosswise
@needs_worker
def test_picture_is_found_by_a_word_and_by_a_filter(
    visitor: Visitor, person: Person, installation: Installation
) -> None:
    job_id = painted(installation, person, prompt="a violet sailboat")
    painted(installation, person, prompt="a green hill")
    page = visitor.page
    visitor.open("/pictures")
    expect(page.locator(".card")).to_have_count(2)
    page.get_by_role("searchbox").fill("sailb")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.get_by_role("img", name="a violet sailboat")).to_be_visible()
    page.locator(".chip[href*='status=failed']").click()
    expect(page.locator(".card")).to_have_count(0)
    page.locator(".chip[href*='status=painted']").click()
    page.locator(".card a").click()
    page.wait_for_url(JOB)
    assert job_of(page) == job_id


@crosswise
@needs_worker
def test_download_is_the_file_that_the_api_serves(
    visitor: Visitor, person: Person, installation: Installation, words: Words
) -> None:
    job_id = painted(installation, person)
    visitor.open(f"/jobs/{job_id}")
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name=words.download).click()
    file = download.value.path().read_bytes()
    with Image.open(io.BytesIO(file)) as picture:
        assert (picture.format, picture.size) == ("PNG", (256, 256))
    served = installation.ask("GET", f"/api/v1/jobs/{job_id}/image", token=person.token)[2]
    assert file == served


@crosswise
@needs_worker
def test_use_again_brings_the_same_order_into_the_form(
    visitor: Visitor, person: Person, installation: Installation, words: Words
) -> None:
    order = {"prompt": "reeds\nat dawn", "negative_prompt": "people", "seed": 99, "width": 192}
    job_id = painted(installation, person, **order)
    page = visitor.page
    visitor.open(f"/jobs/{job_id}")
    page.get_by_role("link", name=words.use_again).click()
    page.wait_for_url("**/create?again=*")
    for name, value in order.items():
        expect(page.locator(f"#{name}")).to_have_value(str(value))


@crosswise
@needs_worker
def test_deleted_picture_is_gone_from_the_history_and_the_disk(
    visitor: Visitor, person: Person, installation: Installation, words: Words
) -> None:
    job_id = painted(installation, person)
    page = visitor.page
    visitor.open(f"/jobs/{job_id}")
    page.locator(".rail details.menu > summary").click()
    page.locator("form[action$='/delete'] button").click()
    page.wait_for_url("**/pictures")
    expect(page.get_by_role("status")).to_have_text(words.deleted)
    expect(page.locator(".card")).to_have_count(0)
    assert not [path for path in installation.pictures() if path.name.startswith(job_id)]
    visitor.expect_refusal(404, f"/jobs/{job_id}")
    visitor.open(f"/jobs/{job_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text(words.not_here)


@only_english
@needs_worker
def test_picked_pictures_are_deleted_together(
    visitor: Visitor, person: Person, installation: Installation
) -> None:
    for prompt in ("one", "two", "three"):
        painted(installation, person, prompt=prompt)
    page = visitor.page
    visitor.open("/pictures")
    expect(page.locator(".bulk")).to_be_hidden()
    for prompt in ("one", "three"):
        page.locator(f".card:has(img[alt='{prompt}']) input").check()
    page.locator(".bulk summary").click()
    page.locator(".bulk button.btn--bad").click()
    expect(page.get_by_role("status")).to_contain_text("2")
    expect(page.locator(".card img")).to_have_attribute("alt", "two")


@crosswise
@needs_worker
def test_running_job_stops_when_it_is_told_to(visitor: Visitor, words: Words) -> None:
    page = visitor.page
    visitor.open("/create")
    fill(page, "a large canvas", steps=100, width=512, height=512)
    paint(page)
    expect_state(page, "running")
    page.locator("form[action$='/cancel'] button").click()
    expect_state(page, "cancelled")
    expect(page.get_by_role("heading", level=1)).to_have_text(words.cancelled)


@crosswise
@needs_worker
def test_operator_retries_a_failed_job_and_its_owner_finds_it_painted(
    visitor: Visitor, person: Person, retrier: Visitor, installation: Installation, words: Words
) -> None:
    prompt = f"a stubborn tower for {person.name}"
    script = FAIL_JOB.format(name=person.name, prompt=prompt)
    failed_id = installation.manage("shell", "-v0", "-c", script)
    visitor.open(f"/jobs/{failed_id}")
    expect(visitor.page.get_by_role("alert")).to_contain_text(words.failed)
    (key,) = installation.row(failed_id, "id")
    retrier.open(f"/admin/generation/generationjob/{key}/change/")
    retrier.page.locator("button[name=act][value=retry]").click()
    expect(retrier.page.locator(".messagelist .success")).to_be_visible()
    visitor.page.reload()
    visitor.page.locator(".rail p a[href^='/jobs/']").click()
    visitor.page.wait_for_url(lambda url: failed_id not in url)
    expect_state(visitor.page, "succeeded")
    visitor.open("/pictures?status=painted")
    expect(visitor.page.get_by_role("img", name=prompt)).to_be_visible()


@crosswise
@needs_worker
def test_sent_picture_is_followed_and_can_be_chosen_again(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/create")
    fill(page, "a harbour", steps=1)
    page.locator("details.fold:has(#file) > summary").click()
    file = io.BytesIO()
    Image.new("RGB", (96, 64), "tomato").save(file, "JPEG")
    sent = {"name": "dusk.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}
    page.locator("#file").set_input_files(sent)
    paint(page)
    expect_state(page, "succeeded")
    expect(page.locator(".facts")).to_contain_text(re.compile(r"0[.,]6"))
    visitor.open("/create")
    page.locator("details.fold:has(#file) > summary").click()
    page.locator(".size:has-text('dusk.jpg')").click()
    fill(page, "another harbour", steps=1)
    paint(page)
    expect_state(page, "succeeded")
    expect(page.locator(".facts")).to_contain_text(re.compile(r"0[.,]6"))


def test_refused_setting_is_named_and_the_words_stay(
    visitor: Visitor, words: Words, has_javascript: bool
) -> None:
    page = visitor.page
    visitor.expect_refusal(400, "/create")
    visitor.open("/create")
    fill(page, "reeds in the wind", steps=0)
    page.locator(".go .btn--main").click()
    summary = page.get_by_role("alert")
    expect(summary.get_by_role("heading")).to_have_text(words.one_error)
    expect(page).to_have_title(re.compile(f"^{words.error_title}"))
    expect(page.locator("#prompt")).to_have_value("reeds in the wind")
    expect(page.locator("#steps")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#steps-error")).to_be_visible()
    if has_javascript:
        expect(summary).to_be_focused()
    summary.get_by_role("link").click()
    expect(page.locator("#steps")).to_be_in_viewport()


def test_chosen_language_stays(visitor: Visitor, language: str) -> None:
    other = "en" if language == "fr" else "fr"
    page = visitor.page
    visitor.open("/account")
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.locator(f"button[name=language][value={other}]").click()
    expect(page.locator("html")).to_have_attribute("lang", other)
    assert visitor.path == "/account"
    visitor.open("/create")
    expect(page.get_by_label(WORDS[other].prompt)).to_be_visible()


def test_chosen_theme_is_seen_at_once_and_stays(visitor: Visitor, has_javascript: bool) -> None:
    page = visitor.page
    visitor.open("/pictures")
    light = background(page)
    with page.expect_response("**/theme"):
        page.locator("button[name=theme][value=dark]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("button[name=theme][value=dark]")).to_have_attribute("aria-pressed", "true")
    assert background(page) != light
    visitor.open("/create")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@only_english
@only_with_javascript
def test_lens_reads_the_words_while_they_are_typed(visitor: Visitor) -> None:
    visitor.open("/create")
    visitor.page.locator("#prompt").press_sequentially("a red kite")
    expect(visitor.page.locator("#lens .lens b").first).to_have_text(re.compile(r"^3 "))


@only_english
@only_without_javascript
def test_lens_reads_the_words_when_it_is_asked_to(visitor: Visitor) -> None:
    visitor.open("/create")
    visitor.page.locator("#prompt").fill("a red kite")
    visitor.page.locator("button[name=check]").first.click()
    expect(visitor.page.locator("#lens .lens b").first).to_have_text(re.compile(r"^3 "))
    expect(visitor.page.locator("#prompt")).to_have_value("a red kite")


@crosswise
def test_words_outside_the_miniatures_world_are_told_before_painting(
    visitor: Visitor, has_javascript: bool
) -> None:
    """While they are typed, or when it is asked to; and gone once the words are known."""
    page = visitor.page
    visitor.open("/create")
    for prompt, hints in (("a cat before a castle", 1), ("a castle by the sea", 0)):
        page.locator("#prompt").fill(prompt)
        if not has_javascript:
            page.locator("button[name=check]").first.click()
        expect(page.locator("#lens #hint")).to_have_count(hints)
    with page.expect_popup() as opened:
        page.locator("#lens a[href='/miniature']").click()
    example = opened.value.locator("main .chip").first
    words = example.inner_text()
    example.click()
    expect(opened.value.locator("#prompt")).to_have_value(words)


@only_english
def test_dice_draw_a_seed(visitor: Visitor) -> None:
    visitor.open("/create")
    fill(visitor.page, "a red kite")
    visitor.page.locator("button[name=roll]").click()
    expect(visitor.page.locator("#seed")).to_have_value(re.compile(r"^\d+$"))
    expect(visitor.page.locator("#prompt")).to_have_value("a red kite")


@only_english
def test_token_is_drawn_shown_once_and_revoked(
    visitor: Visitor, installation: Installation
) -> None:
    page = visitor.page
    visitor.open("/account")
    page.locator("#id_name").fill("garden robot")
    page.locator("form[action='/account/tokens'] button").click()
    key = page.locator("#key").inner_text().strip()
    assert installation.ask("GET", "/api/v1/jobs", token=key)[0] == 200
    visitor.open("/account")
    expect(page.locator("#key")).to_have_count(0)
    page.locator("tr:has-text('garden robot') button").click()
    expect(page.locator("tr:has-text('garden robot')")).to_have_count(0)
    assert installation.ask("GET", "/api/v1/jobs", token=key)[0] == 401


@only_english
@only_with_javascript
def test_words_outlive_the_end_of_a_session(visitor: Visitor, person: Person) -> None:
    """Signed in again in another tab, whose form's token is another one."""
    page = visitor.page
    visitor.open("/create")
    fill(page, "a castle at night", steps=1)
    visitor.context.clear_cookies(name="sessionid")
    page.locator("#prompt").press_sequentially(" by the sea")
    expect(page.locator("#signed-out")).to_be_visible()
    other = visitor.context.new_page()
    other.goto("/sign-in?next=/account")
    other.locator("[name=username]").fill(person.name)
    other.locator("[name=password]").fill(PASSWORD)
    other.locator(".gate__form form button").click()
    other.wait_for_url("**/account")
    page.locator("#prompt").press_sequentially(", stars")
    expect(page.locator("#signed-out")).to_be_hidden()
    paint(page)
    expect(page.locator("#main")).to_contain_text("a castle at night by the sea, stars")


@only_english
def test_state_renews_itself(visitor: Visitor, has_javascript: bool) -> None:
    page = visitor.page
    if not has_javascript:
        visitor.open("/state")
        expect(page.locator("meta[http-equiv=refresh]")).to_have_attribute("content", "15")
        return
    page.clock.install()
    visitor.open("/state")
    figure = page.locator("#now .stat b").first
    figure.evaluate("figure => figure.textContent = 'old'")
    page.clock.run_for(16_000)
    expect(figure).to_have_text(re.compile(r"^\d+$"))
