"""Fixtures that every folder uses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from generation.tokens import draw_token
from tests import factories


@pytest.fixture(autouse=True)
def without_static_files(settings: Any) -> None:
    """Spare each test client the search for style sheets; test_static looks at them."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "servestatic" not in name]


@pytest.fixture(autouse=True)
def no_language_of_before() -> Iterator[None]:
    """Outside of requests messages are as written: a request's language stays with its thread."""
    with translation.override(None):
        yield


@pytest.fixture
def user(db: None) -> User:
    return factories.make_user("alice")


@pytest.fixture
def stranger(db: None) -> User:
    return factories.make_user("mallory")


class ApiClient:
    """A program with a token; answers are decoded JSON with their status."""

    def __init__(self, token: str | None, language: str = "en") -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Accept-Language": language}
        if token:
            self.headers["Authorization"] = f"Token {token}"

    def post(self, path: str, body: Any = None, *, raw: bytes | None = None) -> Any:
        content = json.dumps(body).encode() if raw is None else raw
        return self.client.post(
            path, content, content_type="application/json", headers=self.headers
        )

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers)

    def delete(self, path: str) -> Any:
        return self.client.delete(path, headers=self.headers)


@pytest.fixture
def api(user: User) -> ApiClient:
    """Alice's program."""
    return ApiClient(draw_token(user.pk, "tests")[1])


@pytest.fixture
def stranger_api(stranger: User) -> ApiClient:
    return ApiClient(draw_token(stranger.pk, "tests")[1])


@pytest.fixture
def anonymous_api(db: None) -> ApiClient:
    return ApiClient(None)


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    """An empty folder for stored pictures."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"
