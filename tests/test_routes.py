"""Every address, asked by its owner, another user, nobody and an operator.

A new address without a row here fails the suite. What belongs to somebody is 404 for everybody
else, operators included: they have the admin. Nobody is led to the sign-in (302), a program without
a token gets 401.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLResolver, get_resolver

from generation.jobs import transitions, uploads
from generation.models import GenerationJob
from generation.tokens import draw_token
from tests import factories
from tests.web.pictures import body_of, finished_job

pytestmark = pytest.mark.django_db

MAX_QUERIES = 12
BROWSER = {"accept": "text/html", "accept-language": "en"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How a route is asked, and what owner, other user, nobody and operator are answered."""

    method: str
    owner: int
    other: int
    nobody: int
    operator: int
    job: str = "succeeded"
    data: Any = None

    def expected(self, actor: str) -> int:
        return int(getattr(self, actor))


def mine(method: str = "GET", status: int = 200, **more: Any) -> Row:
    """A page about something of the owner's."""
    return Row(method=method, owner=status, other=404, nobody=302, operator=404, **more)


def members(method: str = "GET", status: int = 200, **more: Any) -> Row:
    """A page for everybody who has signed in, about what is one's own."""
    return Row(method=method, owner=status, other=status, nobody=302, operator=status, **more)


def public(method: str = "GET", status: int = 200, **more: Any) -> Row:
    return Row(method=method, owner=status, other=status, nobody=status, operator=status, **more)


def my_api(method: str = "GET", status: int = 200, **more: Any) -> Row:
    return Row(method=method, owner=status, other=404, nobody=401, operator=404, **more)


def any_api(method: str = "GET", status: int = 200, **more: Any) -> Row:
    return Row(method=method, owner=status, other=status, nobody=401, operator=status, **more)


PROMPT = {"prompt": "a castle"}
PAGES = {
    "": public(status=302),
    "create": members(),
    "create/prompt": members("POST", data=PROMPT),
    "create/queue": members(),
    "reference": members(),
    "uploads/<int:upload_id>": mine(),
    "jobs/<uuid:job_id>": mine(),
    "jobs/<uuid:job_id>/live": mine(job="running"),
    "jobs/<uuid:job_id>/cancel": mine("POST", 302, job="running"),
    "jobs/<uuid:job_id>/retry": mine("POST", 302, job="failed"),
    "jobs/<uuid:job_id>/delete": mine("POST", 302),
    "jobs/<uuid:job_id>/picture": mine(),
    "jobs/<uuid:job_id>/download": mine(),
    "jobs/<uuid:job_id>/thumbnail": mine(),
    "jobs/<uuid:job_id>/preview": mine(job="running"),
    "pictures": members(),
    "pictures/delete": members("POST", 302),
    "miniature": members(),
    "state": members(),
    "theme": public("POST", 302, data={"theme": "dark"}),
    "language": public("POST", 302, data={"language": "fr"}),
    "sign-in": Row(method="GET", owner=302, other=302, nobody=200, operator=302),
    "sign-out": public("POST", 302),
    "sign-up": Row(method="GET", owner=302, other=302, nobody=404, operator=302),
    "sign-up/<str:key>": Row(method="GET", owner=302, other=302, nobody=404, operator=302),
    "forgotten-password": public(),
    "new-password/<uidb64>/<token>": public(status=404),
    "account": members(),
    "account/password": members(),
    "account/tokens": members("POST", data={"name": "laptop"}),
    "account/tokens/<int:token_id>/revoke": mine("POST", 302),
}
API = {
    "generate": any_api("POST", 202, data=PROMPT),
    "status/<uuid:job_id>": my_api(),
    "image/<uuid:job_id>": my_api(),
    "outputs/<picture:filename>": my_api(),
    "download/<picture:filename>": my_api(),
    "api/v1/jobs": any_api(),
    "api/v1/jobs/<uuid:job_id>": my_api(),
    "api/v1/jobs/<uuid:job_id>/cancel": my_api("POST", job="running"),
    "api/v1/jobs/<uuid:job_id>/retry": my_api("POST", 202, job="failed"),
    "api/v1/jobs/<uuid:job_id>/image": my_api(),
    "api/v1/jobs/<uuid:job_id>/preview": my_api(job="running"),
    "api/v1/profiles": any_api(),
    "api/v1/estimate": any_api("POST", data=PROMPT),
    "api/v1/prompt": any_api("POST", data=PROMPT),
    "api/v1/openapi.json": public(),
    "api/v1/docs": public(),
}
ADMIN = "admin/"


def routes() -> Iterator[str]:
    """The pattern of every address, as the resolver has it."""

    def walk(resolver: URLResolver, prefix: str) -> Iterator[str]:
        for each in resolver.url_patterns:
            pattern = prefix + str(each.pattern)
            if isinstance(each, URLResolver):
                yield from walk(each, pattern)
            else:
                yield pattern

    return walk(get_resolver(), "")


ADMIN_ROUTES = sorted({route for route in routes() if route.startswith(ADMIN)})


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Alice's things, and the four who ask."""

    job: GenerationJob
    upload_id: int
    token_id: int
    people: dict[str, User | None]

    def address(self, route: str) -> str:
        values = {
            "<uuid:job_id>": str(self.job.public_id),
            "<int:job_id>": str(self.job.pk),
            "<picture:filename>": self.job.public_filename,
            "<int:upload_id>": str(self.upload_id),
            "<int:token_id>": str(self.token_id),
            "<int:invitation_id>": "1",
            "<str:key>": "nobodys-key",
            "<uidb64>": "MQ",
            "<token>": "nobodys-token",
            "<id>": str(self.job.owner_id),
            "<path:object_id>": str(self.job.pk),
            "<path:content_type_id>": "1",
            "^(?P<app_label>auth|generation)/$": "generation/",
            "(?P<url>.*)$": "nothing/",
        }
        for name, value in values.items():
            route = route.replace(name, value)
        assert "<" not in route, f"{route}: tell the address of this route in the table"
        return f"/{route}"


@pytest.fixture
def people(user: User, stranger: User) -> dict[str, User | None]:
    operator = factories.make_user("olga", is_staff=True, is_superuser=True)
    return {"owner": user, "other": stranger, "nobody": None, "operator": operator}


def make_world(people: dict[str, User | None], job: str) -> World:
    owner = people["owner"]
    assert owner
    if job == "running":
        made, claim = factories.running_job(owner)
        transitions.show_preview(claim, 1, b"jpeg")
    else:
        made = finished_job(owner) if job == "succeeded" else factories.failed_job(owner)
    upload = uploads.keep_upload(owner.pk, "mine.png", factories.png())
    token, _key = draw_token(owner.pk, "mine")
    return World(job=made, upload_id=upload.pk, token_id=token.pk, people=people)


def ask_page(world: World, route: str, row: Row, actor: str) -> tuple[int, str, int]:
    """Status, where it leads, and how many queries it took; the session's own making apart."""
    browser = Client(headers=BROWSER, raise_request_exception=False)
    if person := world.people[actor]:
        browser.force_login(person)
    send = browser.post if row.method == "POST" else browser.get
    return ask(lambda: send(world.address(route), row.data or {}))


def ask_api(world: World, route: str, row: Row, actor: str) -> tuple[int, str, int]:
    headers = {"accept": "application/json"}
    if person := world.people[actor]:
        headers["authorization"] = f"Token {draw_token(person.pk, 'asks')[1]}"
    program = Client(headers=headers, raise_request_exception=False)
    data = {"data": row.data, "content_type": "application/json"} if row.data else {}
    send = program.post if row.method == "POST" else program.get
    return ask(lambda: send(world.address(route), **data))


def ask(send: Callable[[], Any]) -> tuple[int, str, int]:
    with CaptureQueriesContext(connection) as queries:
        answer = send()
    if answer.streaming:
        body_of(answer)
    return answer.status_code, answer.headers.get("Location", ""), len(queries)


def test_every_route_has_a_row() -> None:
    """A row that no route has is a mistake as well."""
    others = {route for route in routes() if not route.startswith(ADMIN)}
    assert others == set(PAGES) | set(API)
    assert not set(PAGES) & set(API)


@pytest.mark.parametrize("route", PAGES)
def test_page(route: str, people, media) -> None:
    check(route, PAGES[route], people, ask_page)


@pytest.mark.parametrize("route", API)
def test_api(route: str, people, media) -> None:
    check(route, API[route], people, ask_api)


def check(route: str, row: Row, people: dict[str, User | None], ask_as: Any) -> None:
    """Each actor meets the same world anew; every answer stays within the queries allowed."""
    answers = {}
    for actor in people:
        with transaction.atomic():
            status, _location, queries = ask_as(make_world(people, row.job), route, row, actor)
            transaction.set_rollback(True)
        answers[actor] = status
        assert row.method == "POST" or queries <= MAX_QUERIES, actor
    assert answers == {actor: row.expected(actor) for actor in people}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("route", ADMIN_ROUTES)
def test_admin_is_for_operators_alone(route: str, method: str, people, media) -> None:
    """Nobody else gets a page, a file or an effect, and operators get no error of ours."""
    world = make_world(people, "succeeded")
    before = list(GenerationJob.objects.values())
    row = public(method)
    for actor in ("owner", "other", "nobody"):
        status, _location, _queries = ask_page(world, route, row, actor)
        assert status in (302, 403, 404, 405), actor
    status, _location, queries = ask_page(world, route, row, "operator")
    assert status < 500
    assert method == "POST" or queries <= MAX_QUERIES
    assert list(GenerationJob.objects.values()) == before


def test_ids_of_nobody_are_not_found(people, media) -> None:
    """Not 403: what exists and what does not look the same."""
    world = make_world(people, "succeeded")
    nothing = str(uuid.uuid4())
    for route, row in PAGES.items():
        if "job_id" in route:
            address = world.address(route).replace(str(world.job.public_id), nothing)
            browser = Client(headers=BROWSER)
            browser.force_login(world.people["owner"])
            send = browser.post if row.method == "POST" else browser.get
            assert send(address).status_code == 404, route
