"""The sentence beside the button follows what the form holds."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visitor import Visitor, make_people, visit
from tests.stack.harness import Installation

MEASURED = """
INSERT INTO generation_paintingtime (profile, width, height, steps, has_reference, seconds)
VALUES ('miniature', 256, 256, 30, false, array_fill(10.0::float, ARRAY[20])),
       ('miniature', 256, 256, 30, true, array_fill(15.0::float, ARRAY[20]))
"""
WORKER = """
INSERT INTO generation_worker (name, host, device, profile, profiles, version, last_error, seen_at)
VALUES ('host/cpu', 'host', 'cpu', 'miniature', ARRAY['miniature'], '0', '',
        now() + interval '1 hour')
"""


@pytest.fixture
def visitor(browser: Browser, installation: Installation) -> Iterator[Visitor]:
    with installation.connect() as connection:
        connection.execute(MEASURED)
        connection.execute(WORKER)
    (person,) = make_people(installation, ["vera"])
    with visit(browser, installation, language="en") as made:
        made.enter_as(person)
        yield made


def test_time_follows_the_fields_and_no_word_leaves_the_page(visitor: Visitor) -> None:
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.open("/create")
    page = visitor.page
    told = page.locator("#estimate strong")
    expect(told).to_have_text("Ready in about 10\N{NARROW NO-BREAK SPACE}s")
    page.locator("#prompt").fill("a secret garden")
    page.locator("details.fold:has(#steps) > summary").click()
    page.locator("#steps").fill("60")
    expect(told).to_have_text("Ready in about 20\N{NARROW NO-BREAK SPACE}s")
    page.locator("input[type=range][aria-label^=Steps]").fill("90")
    expect(told).to_have_text("Ready in about 30\N{NARROW NO-BREAK SPACE}s")
    page.locator("#steps").fill("30")
    page.locator("details.fold:has(#file) > summary").click()
    page.locator("[name=reference][value=service]").check(force=True)
    expect(told).to_have_text("Ready in about 15\N{NARROW NO-BREAK SPACE}s")
    page.get_by_label("No hurry: let others go first").check()
    with page.expect_request(lambda request: "priority=batch" in request.url):
        pass
    assert not [url for url in asked if "secret" in url or "prompt=" in url]
    page.locator("#steps").fill("")
    expect(told).to_have_text("Ready in about 15\N{NARROW NO-BREAK SPACE}s")
