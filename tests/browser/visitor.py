"""People at a browser, and what goes wrong on their screens."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

from tests.stack.harness import Installation

PASSWORD = "a long dusk over water"
LIMIT_MS = 45_000
LOCALES = {"en": "en-GB", "fr": "fr-FR"}
ANSWER_IN_CONSOLE = "Failed to load resource: the server responded with a status of"
"""Chromium's echo of an answer that `responses` has already."""

MAKE_PEOPLE = """
import json
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from generation.tokens import draw_token
rights = {{"is_staff": {is_operator}, "is_superuser": {is_operator}}}
password = make_password({password!r})
for name in {names}:
    user = User.objects.create(username=name, password=password, **rights)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    token = draw_token(user.pk, "notebook")[1]
    print(json.dumps({{"name": name, "token": token, "session": session.session_key}}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account, the token of its program, and a session that is signed in already."""

    name: str
    token: str
    session: str


def make_people(
    installation: Installation, names: Sequence[str], *, is_operator: bool = False
) -> list[Person]:
    """New accounts, all with PASSWORD; every process of Django costs seconds, so many at once."""
    script = MAKE_PEOPLE.format(names=list(names), password=PASSWORD, is_operator=is_operator)
    made = installation.manage("shell", "-v0", "-c", script).splitlines()
    return [Person(**json.loads(line)) for line in made]


class Visitor:
    """One window of a browser. What its console, its requests and its answers say is kept."""

    def __init__(self, browser: Browser, installation: Installation, **options: Any) -> None:
        self.origin = f"http://127.0.0.1:{installation.port}"
        self.context = browser.new_context(
            base_url=self.origin, accept_downloads=True, reduced_motion="reduce", **options
        )
        self.context.set_default_timeout(LIMIT_MS)
        self.problems: list[str] = []
        self.expected: list[tuple[int, str]] = []
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.problems.append(f"page: {error.error}"))
        self.context.on("request", self._watch_request)
        self.context.on("response", self._watch_response)
        self.page: Page = self.context.new_page()

    def expect_refusal(self, status: int, path: str) -> None:
        """Do not count this answer as a problem. path: a regular expression for the whole of it."""
        self.expected.append((status, path))

    def enter_as(self, person: Person) -> None:
        """Have that person's session, without the form."""
        self.context.add_cookies(
            [{"name": "sessionid", "value": person.session, "url": self.origin}]
        )

    def open(self, address: str) -> None:
        self.page.goto(address)

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(ANSWER_IN_CONSOLE):
            self.problems.append(f"console on {message.location.get('url')}: {message.text}")

    def _watch_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and not request.url.startswith(f"{self.origin}/"):
            self.problems.append(f"request to {request.url}")

    def _watch_response(self, response: Response) -> None:
        path = urlsplit(response.url).path
        is_expected = any(
            response.status == status and re.fullmatch(pattern, path)
            for status, pattern in self.expected
        )
        if response.status >= 400 and not is_expected:
            self.problems.append(f"{response.status} from {path}")


@contextmanager
def visit(
    browser: Browser, installation: Installation, *, language: str, **options: Any
) -> Iterator[Visitor]:
    """A visitor who speaks this language; fails at the end for whatever went wrong meanwhile.

    Chromium tells violations of the content security policy as errors of the console.
    """
    visitor = Visitor(browser, installation, locale=LOCALES[language], **options)
    try:
        yield visitor
    finally:
        visitor.context.close()
    assert not visitor.problems, "\n".join(visitor.problems)
