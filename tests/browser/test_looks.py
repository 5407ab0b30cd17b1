"""Every page, narrow and wide, light and dark: nothing sticks out, and nobody is left out.

SCREENSHOTS=FOLDER writes each of them there, as NAME-WIDTH-LANGUAGE-THEME.webp.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.looks import LOOKS, Look
from tests.browser.scene import Scene, pause, set_scene
from tests.browser.visitor import LOCALES, Visitor, visit
from tests.stack.harness import Installation

WIDTHS = (1280, 360)
ODD_WIDTHS = (1920, 320)
"""Only for what sticks out."""
HEIGHTS = {1920: 1080, 1280: 800, 360: 740, 320: 640}
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CHECKS = {
    "light": {"type": "tag", "values": WCAG},
    "dark": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
"""What axe looks for: in the dark only the colours are others."""
DJANGOS_OWN = (
    # The path above each page: its links have no underline, and white on blue is all that tells
    # them from the last, unlinked word.
    ("link-in-text-block", ".breadcrumbs"),
    # "Show all" beside the number of what was found.
    ("link-in-text-block", "#changelist-search"),
    # The filters beside a list are lines of 20 pixels.
    ("target-size", "#changelist-filter"),
)
"""Rules of axe that markup of Django's admin breaks, and a selector for just that markup."""


only_english = pytest.mark.parametrize("language", ["en"])
BY_NAME = {look.name: look for look in LOOKS}
READ_FOCUS = """() => {
    const element = document.activeElement;
    if (element === document.body) return ["", ""];
    const shown = element.closest(".size, .card__pick") ?? element;
    const hasRing = [element, shown].some((candidate) => {
        const style = getComputedStyle(candidate);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    });
    const box = shown.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const isCovered = !shown.contains(top) && !top?.contains(shown);
    const problem = (hasRing ? "" : "no ring ") + (isCovered ? "covered" : "");
    return [element.outerHTML.slice(0, 120), problem];
}"""
"""The focused element, and what is wrong with how it shows that it is."""


@pytest.fixture(scope="module")
def scene(installation: Installation) -> Scene:
    return set_scene(installation)


@pytest.fixture(params=LOCALES)
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def visitor(browser: Browser, installation: Installation, language: str) -> Iterator[Visitor]:
    with visit(browser, installation, language=language) as made:
        yield made


def show(visitor: Visitor, look: Look, scene: Scene) -> None:
    if look.who:
        visitor.enter_as(scene.people[look.who])
    if look.status != 200:
        visitor.expect_refusal(look.status, ".*")
    visitor.open(look.address.format(**scene.addresses))
    look.prepare(visitor.page)
    visitor.page.evaluate(AXE_SCRIPT)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_page_fits_and_is_accessible(
    visitor: Visitor, scene: Scene, installation: Installation, language: str, look: Look
) -> None:
    page = visitor.page
    pause(installation, is_paused=look.is_paused)
    show(visitor, look, scene)
    found = []
    for width in (*WIDTHS, *ODD_WIDTHS):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        found += [f"{width}: {wide}" for wide in sticking_out(page)]
        for theme in THEMES if width in WIDTHS else ():
            change_colours(page, theme)
            if language == "en" or theme == "light":  # no colour depends on the language
                found += [f"{width} {theme}: {broken}" for broken in violations(page, theme)]
            keep_screenshot(page, look, f"{width}-{language}-{theme}")
    assert not found, "\n".join(found)


def change_colours(page: Page, theme: Theme) -> None:
    """At once: Django's buttons fade from one colour to the other."""
    page.emulate_media(color_scheme=theme)
    page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")


def sticking_out(page: Page) -> list[str]:
    """What makes the page scroll sideways."""
    return page.evaluate(
        """() => {
            const root = document.documentElement;
            if (root.scrollWidth <= root.clientWidth) return [];
            return [...document.querySelectorAll("body *")]
                .filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1)
                .slice(0, 5)
                .map((element) => `sticks out: ${element.outerHTML.slice(0, 90)}`)
                .concat(`${root.scrollWidth} pixels wide`);
        }"""
    )


def violations(page: Page, theme: Theme) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA, of whatever impact."""
    found = page.evaluate(
        """async ([rules, exempt]) => {
            const found = await axe.run(document, {
                runOnly: rules,
                resultTypes: ["violations"],
                elementRef: true,
                preload: false,  // else axe itself breaks the content security policy
            });
            const isExempt = (rule, element) =>
                exempt.some(([id, within]) => rule.id === id && element.closest(within));
            return found.violations.flatMap((rule) =>
                rule.nodes
                    .filter((node) => !isExempt(rule, node.element))
                    .map((node) => `${rule.impact} ${rule.id}: ${node.html.slice(0, 150)}`));
        }""",
        [CHECKS[theme], DJANGOS_OWN],
    )
    return found


def keep_screenshot(page: Page, look: Look, kind: str) -> None:
    """Of what a visitor sees first."""
    folder = os.environ.get("SCREENSHOTS")
    if not folder:
        return
    page.locator(look.shows).first.evaluate("element => element.scrollIntoView()")
    page.evaluate(
        """() => Promise.all([...document.images]
            .filter((image) => image.getBoundingClientRect().top < innerHeight)
            .map((image) => image.decode()))"""
    )
    Path(folder).mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.save(Path(folder, f"{look.name}-{kind}.webp"), quality=80, method=6)


def stops(page: Page, limit: int = 150) -> Iterator[tuple[str, str]]:
    """Where the Tab key stops, until it leaves the page."""
    for _ in range(limit):
        page.keyboard.press("Tab")
        element, problem = page.evaluate(READ_FOCUS)
        if not element:
            return
        yield element, problem
    raise AssertionError(f"more than {limit} stops")


def tab_to(page: Page, selector: str) -> None:
    for _ in stops(page):
        if page.locator(selector).evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"the Tab key never stops at {selector}")


@only_english
@pytest.mark.parametrize("name", ["sign-in", "create", "pictures", "account", "state", "not-found"])
def test_first_stop_skips_to_the_content(visitor: Visitor, scene: Scene, name: str) -> None:
    show(visitor, BY_NAME[name], scene)
    link = visitor.page.locator("a.skip")
    expect(link).not_to_be_in_viewport()
    visitor.page.keyboard.press("Tab")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("#main")).to_be_focused()


@only_english
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "name", ["sign-in", "create-folds", "job-painted", "pictures-picked", "account", "menu"]
)
def test_focus_is_seen_at_every_stop(visitor: Visitor, scene: Scene, name: str, width: int) -> None:
    visitor.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    show(visitor, BY_NAME[name], scene)
    seen = list(stops(visitor.page))
    assert len(seen) > 5
    assert not [stop for stop in seen if stop[1]]


@only_english
def test_picture_is_ordered_by_keyboard_alone(
    visitor: Visitor, scene: Scene, installation: Installation
) -> None:
    visitor.enter_as(scene.people["kim"])
    visitor.open("/create")
    page, keyboard = visitor.page, visitor.page.keyboard
    tab_to(page, "#prompt")
    keyboard.type("a kite\nover the sea")
    tab_to(page, "#negative_prompt")
    keyboard.type("people")
    tab_to(page, "[name=shape]:checked")
    keyboard.press("ArrowRight")
    tab_to(page, "details.fold:has(#steps) > summary")
    keyboard.press("Enter")
    tab_to(page, "#steps")
    keyboard.press("Control+a")
    keyboard.type("12")
    tab_to(page, ".go .btn--main")
    keyboard.press("Enter")
    page.wait_for_url("**/jobs/*")
    order = installation.row(page.url.rsplit("/", 1)[1], "prompt, negative_prompt, width, steps")
    assert order == ("a kite\nover the sea", "people", 288, 12)


@only_english
def test_breach_of_the_policy_and_request_to_another_host_are_noticed(visitor: Visitor) -> None:
    """What each other test relies on."""
    visitor.open("/sign-in")
    visitor.page.evaluate("document.body.innerHTML += '<p style=\"color: red\">'")
    visitor.page.evaluate("fetch('http://127.0.0.2:1/').catch(() => {})")
    visitor.page.evaluate("fetch('/nowhere')")
    found = "\n".join(visitor.problems)
    visitor.problems.clear()
    assert "style-src 'self'" in found
    assert "connect-src 'self'" in found
    assert "404 from /nowhere" in found
