"""The pages in the states that they can be in."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect

JOBS = "/admin/generation/generationjob/"
Prepare = Callable[[Page], None]


def nothing(page: Page) -> None:
    """The page as its address gives it."""


def sign_in_wrongly(page: Page) -> None:
    page.locator("[name=username]").fill("nobody")
    page.locator("[name=password]").fill("wrong")
    page.locator(".gate__form form button").click()
    expect(page.get_by_role("alert")).to_be_visible()


def sign_up_wrongly(page: Page) -> None:
    page.locator("[name=username]").fill("camille")
    for name in ("password1", "password2"):
        page.locator(f"[name={name}]").fill("1234")
    page.locator(".gate__form form button").click()
    expect(page.get_by_role("alert")).to_be_visible()


def open_folds(page: Page) -> None:
    page.locator("#prompt").fill("stars over a (mountain lake:1.3), violet sky, (people:0.6)")
    page.locator("#lens details > summary").click()
    for summary in page.locator("details.fold > summary").all():
        summary.click()


def leave_the_world(page: Page) -> None:
    page.locator("#prompt").fill("a cat in a spaceship")
    expect(page.locator("#lens #hint")).to_be_visible()


def paint_wrongly(page: Page) -> None:
    page.locator("#prompt").fill("reeds in the wind")
    page.locator("details.fold:has(#steps) > summary").click()
    for name in ("steps", "width", "seed"):
        page.locator(f"#{name}").fill("0.5")
    page.locator(".go .btn--main").click()
    expect(page.get_by_role("alert")).to_be_visible()


def open_menu(page: Page) -> None:
    page.locator("details.menu > summary").first.click()


def open_detail(page: Page) -> None:
    for summary in page.locator("details.fold > summary").all():
        summary.click()


def begin_a_reason(page: Page) -> None:
    page.locator(".worker-acts summary").first.click()
    expect(page.locator(".worker-acts input[name=reason]").first).to_be_visible()


def pick_two(page: Page) -> None:
    for box in page.locator(".card__pick input").all()[:2]:
        box.check(force=True)
    expect(page.locator(".bulk")).to_be_visible()


def draw_token(page: Page) -> None:
    page.locator("#id_name").fill("garden robot")
    page.locator("form[action='/account/tokens'] button").click()
    expect(page.locator("#key")).to_be_visible()


def change_wrongly(page: Page) -> None:
    for box in page.locator("main input[type=password]").all():
        box.fill("1234")
    page.locator("main .btn--main").click()
    expect(page.get_by_role("alert").first).to_be_visible()


def ask_for_review(page: Page) -> None:
    for box in page.locator(".action-select").all()[2:5]:
        box.check()
    page.locator("select[name=action]").select_option("review_jobs")
    page.locator("button[name=index]").click()
    expect(page.locator("button[name=confirmed]")).to_be_visible()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One page in one state. who: a name of the scene's; nobody is signed in where it is empty.

    status: with which its address, or what is sent from it, answers. shows: where a screenshot
    begins. is_paused: the queue, with a crowd of other workers.
    """

    name: str
    address: str
    who: str = ""
    prepare: Prepare = nothing
    status: int = 200
    shows: str = "body"
    is_paused: bool = False


LOOKS = (
    Look(name="sign-in", address="/sign-in"),
    Look(name="sign-in-error", address="/sign-in", prepare=sign_in_wrongly, status=400),
    Look(name="sign-up", address="/sign-up"),
    Look(name="sign-up-errors", address="/sign-up", prepare=sign_up_wrongly, status=400),
    Look(name="forgotten-password", address="/forgotten-password"),
    Look(name="forgotten-password-sent", address="/forgotten-password?sent"),
    Look(name="new-password", address="{reset}"),
    Look(name="new-password-dead", address="/new-password/MQ/dead-link", status=404),
    Look(name="create", address="/create", who="sasha"),
    Look(name="create-empty-queue", address="/create", who="noor"),
    Look(
        name="create-folds",
        address="/create",
        who="camille",
        prepare=open_folds,
        shows="details.fold",
    ),
    Look(name="create-hint", address="/create", who="noor", prepare=leave_the_world),
    Look(name="create-errors", address="/create", who="noor", prepare=paint_wrongly, status=400),
    Look(name="job-queued", address="/jobs/{queued}", who="camille"),
    Look(name="job-queued-paused", address="/jobs/{queued}", who="camille", is_paused=True),
    Look(name="job-running", address="/jobs/{running}", who="sasha"),
    Look(
        name="job-moves",
        address="/jobs/{failed}",
        who="camille",
        prepare=open_detail,
        shows="details.fold:has(time)",
    ),
    Look(name="job-painted", address="/jobs/{painted}", who="camille"),
    Look(name="job-hint", address="/jobs/{outside}", who="sasha"),
    Look(name="job-hidden", address="/jobs/{hidden}", who="camille"),
    Look(name="job-failed", address="/jobs/{failed}", who="camille", prepare=open_detail),
    Look(name="job-cancelled", address="/jobs/{cancelled}", who="camille"),
    Look(name="pictures", address="/pictures", who="camille"),
    Look(name="pictures-picked", address="/pictures", who="camille", prepare=pick_two),
    Look(name="pictures-not-found", address="/pictures?q=zebra", who="camille"),
    Look(name="pictures-none", address="/pictures", who="noor"),
    Look(name="account", address="/account", who="camille"),
    Look(name="account-token", address="/account", who="sasha", prepare=draw_token),
    Look(name="change-password", address="/account/password", who="camille"),
    Look(
        name="change-password-errors",
        address="/account/password",
        who="camille",
        prepare=change_wrongly,
        status=400,
    ),
    Look(name="menu", address="/account", who="robin", prepare=open_menu),
    Look(name="miniature", address="/miniature", who="noor"),
    Look(name="state", address="/state", who="noor"),
    Look(name="not-found", address="/nowhere", who="camille", status=404),
    Look(name="not-found-stranger", address="/nowhere", status=404),
    Look(name="not-allowed", address="/admin/login/", who="camille", status=403),
    Look(name="admin", address="/admin/", who="robin"),
    Look(name="admin-jobs", address=JOBS, who="robin"),
    Look(name="admin-jobs-review", address=JOBS, who="robin", prepare=ask_for_review),
    Look(name="admin-job-painted", address=f"{JOBS}{{painted_key}}/change/", who="robin"),
    Look(name="admin-job-failed", address=f"{JOBS}{{failed_key}}/change/", who="robin"),
    Look(name="admin-queue", address="/admin/queue/", who="robin", prepare=begin_a_reason),
    Look(name="admin-queue-paused", address="/admin/queue/", who="robin", is_paused=True),
    Look(
        name="admin-queue-workers",
        address="/admin/queue/",
        who="robin",
        prepare=begin_a_reason,
        shows="#workers",
        is_paused=True,
    ),
    Look(
        name="admin-job-log", address=f"{JOBS}{{failed_key}}/change/", who="robin", shows=".job-log"
    ),
    Look(name="admin-workers", address="/admin/generation/worker/", who="robin"),
    Look(name="admin-tokens", address="/admin/generation/apitoken/", who="robin"),
    Look(name="admin-invitation", address="/admin/generation/invitation/add/", who="robin"),
)
