"""Every page, narrow and wide, light and dark: nothing sticks out, and nobody is left out.

SCREENSHOTS=FOLDER writes each of them there, as NAME-WIDTH-LANGUAGE-THEME.png.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser.looks import LOOKS, Look
from tests.browser.scene import Scene, set_scene
from tests.browser.visitor import LOCALES, Visitor, visit
from tests.stack.harness import Installation

WIDTHS = (1280, 360)
ODD_WIDTHS = (1920, 320)
"""Only for what sticks out."""
HEIGHTS = {1920: 1080, 1280: 800, 360: 740, 320: 640}
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
COLOURS = 128
"""Of a screenshot: flat pages stay small, and nobody sees the difference."""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

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
    visitor.page.evaluate("window.stop()")  # pages that renew themselves stay as they are
    visitor.page.evaluate(AXE_SCRIPT)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_page_fits_and_is_accessible(
    visitor: Visitor, scene: Scene, language: str, look: Look
) -> None:
    page = visitor.page
    show(visitor, look, scene)
    found = []
    for width in (*WIDTHS, *ODD_WIDTHS):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        found += [f"{width}: {wide}" for wide in sticking_out(page)]
        for theme in THEMES if width in WIDTHS else ():
            change_colours(page, theme)
            found += [f"{width} {theme}: {violation}" for violation in violations(page)]
            keep_screenshot(page, f"{look.name}-{width}-{language}-{theme}")
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


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA, of whatever impact."""
    found = page.evaluate(
        """async ([tags, exempt]) => {
            const found = await axe.run(document, {
                runOnly: tags,
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
        [WCAG, DJANGOS_OWN],
    )
    return found


def keep_screenshot(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        with Image.open(io.BytesIO(page.screenshot())) as picture:
            small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(Path(folder, f"{name}.png"), optimize=True)
