"""An operator pauses the queue, those who wait read why, and both pages follow by themselves."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visitor import Person, Visitor, make_people, visit
from tests.stack.harness import Installation

QUEUE = "/admin/queue/"
REASON = "A new disk is being built in, until <about> 15:30."
RENEW_MS = 10_000


@pytest.fixture(scope="module")
def person(installation: Installation) -> Person:
    return make_people(installation, ["waits"])[0]


@pytest.fixture(scope="module")
def operator(installation: Installation) -> Person:
    return make_people(installation, ["operator"], is_operator=True)[0]


@pytest.fixture
def visitor(browser: Browser, installation: Installation, person: Person) -> Iterator[Visitor]:
    with visit(browser, installation, language="en") as made:
        made.enter_as(person)
        yield made


@pytest.fixture
def keeper(browser: Browser, installation: Installation, operator: Person) -> Iterator[Visitor]:
    """The operator, at the page of the queue, whose clock the test turns."""
    with visit(browser, installation, language="en") as made:
        made.enter_as(operator)
        made.page.clock.install()
        made.open(QUEUE)
        yield made


def renew(page: Page) -> None:
    """Let the page's time come, and see that it was put in anew."""
    page.evaluate("document.querySelector('[data-renew]').dataset.old = 'yes'")
    page.clock.run_for(RENEW_MS)
    expect(page.locator("[data-renew]")).not_to_have_attribute("data-old", "yes")


def test_user_reads_why_the_queue_is_paused_and_that_it_goes_on(
    visitor: Visitor, keeper: Visitor, installation: Installation, person: Person
) -> None:
    visitor.open(f"/jobs/{installation.submit(person.token)}")
    page = visitor.page
    expect(page.get_by_role("heading", name="Next in line")).to_be_visible()
    keeper.page.get_by_label("Reason").first.fill(REASON)
    keeper.page.get_by_role("button", name="Pause the queue").click()
    expect(keeper.page.get_by_role("heading", name="The queue is paused")).to_be_visible()
    expect(page.get_by_role("heading", name="The queue is paused")).to_be_visible()
    expect(page.locator("#job .notice").get_by_text(REASON)).to_be_visible()
    expect(page.locator("#said")).to_contain_text(REASON)
    keeper.page.get_by_role("button", name="Resume", exact=True).click()
    expect(keeper.page.get_by_role("heading", name="The queue runs")).to_be_visible()
    expect(page.get_by_role("heading", name="The queue is paused")).to_be_hidden()


def test_half_typed_reason_survives_the_renewal(keeper: Visitor) -> None:
    page = keeper.page
    field = page.get_by_label("Reason").first
    field.press_sequentially("a disk")
    for _ in range(4):
        field.press("ArrowLeft")
    for word in ("new ", "and quick "):
        renew(page)
        expect(field).to_be_focused()
        page.keyboard.type(word)  # where the caret was
    expect(field).to_have_value("a new and quick disk")
    field.evaluate("field => field.blur()")
    renew(page)
    expect(field).to_have_value("a new and quick disk")


def test_open_form_of_a_worker_survives_the_renewal(
    keeper: Visitor, installation: Installation
) -> None:
    with installation.connect() as connection:
        connection.execute(
            "INSERT INTO generation_worker"
            " (name, host, device, profile, profiles, version, last_error)"
            " VALUES ('studio/gpu-0', 'studio', 'cpu', 'sdxl', '{sdxl}', '1', '')"
        )
    page = keeper.page
    renew(page)
    page.get_by_label("Pause studio/gpu-0…").click()
    field = page.get_by_role("row", name="studio/gpu-0").get_by_label("Reason")
    renew(page)
    expect(field).to_be_visible()
    field.fill("its fan is loud")
    renew(page)
    field.press("Enter")
    row = page.get_by_role("table", name="Workers").get_by_role("row", name="studio/gpu-0")
    expect(row.get_by_text("its fan is loud")).to_be_visible()
    expect(row.get_by_role("button")).to_have_text(
        ["Resume", "Drain: finish, then free the device"]
    )
