"""A body that is too large never reaches Django."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from imagen_site import body_limit
from imagen_site.body_limit import BodyLimit


def answer(
    chunks: list[bytes],
    headers: Sequence[tuple[bytes, bytes]] = (),
    path: str = "/",
    max_bytes: int = 10,
) -> list[Any]:
    """What a client gets that sends these chunks; the inner application reads them all."""
    sent: list[Any] = []
    messages = [
        {"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}
        for index, chunk in enumerate(chunks)
    ]

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    app = BodyLimit(inner, max_bytes=max_bytes, roomier={"/create": 20})
    asyncio.run(app({"type": "http", "path": path, "headers": headers}, receive, send))
    return sent


def test_chunked_body_is_asked_for_its_length() -> None:
    start, body = answer([b"1"], [(b"transfer-encoding", b"chunked")])
    assert start["status"] == 411
    assert json.loads(body["body"])["code"] == "length_required"


BROWSER = (b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")
LONG = (b"content-length", b"11")


@pytest.mark.parametrize(
    ("language", "title"),
    [
        (b"en-GB,en;q=0.9", "That is too much at once"),
        (b"EN", "That is too much at once"),
        (b"fr-FR,fr;q=0.9,en;q=0.8", "C&rsquo;est trop à la fois"),
        (b"de", "C&rsquo;est trop à la fois"),
    ],
)
def test_browser_gets_a_page_in_its_language(language: bytes, title: str) -> None:
    start, body = answer([b""], [BROWSER, LONG, (b"accept-language", language)])
    headers = dict(start["headers"])
    html = body["body"].decode()
    assert start["status"] == 413
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert int(headers[b"content-length"]) == len(body["body"])
    assert f"<h1>{title}</h1>" in html
    assert f'<html lang="{"en" if language[:2].lower() == b"en" else "fr"}">' in html


@pytest.mark.parametrize(("chosen", "asked"), [(b"en", b"fr-FR"), (b"fr", b"en-GB")])
def test_the_language_chosen_on_the_page_comes_before_the_browser_s(
    chosen: bytes, asked: bytes
) -> None:
    cookie = (b"cookie", b"sessionid=x; django_language=" + chosen)
    html = answer([b""], [BROWSER, LONG, cookie, (b"accept-language", asked)])[1]["body"].decode()
    assert f'<html lang="{chosen.decode()}">' in html


def test_page_says_how_much_may_come_and_that_the_words_are_not_lost() -> None:
    headers = [BROWSER, (b"accept-language", b"en"), (b"content-length", str(26 << 20).encode())]
    page = answer([b""], headers, max_bytes=25 << 20)[1]["body"].decode()
    assert "more than 25&nbsp;MB" in page
    assert "Back brings your words back" in page


def test_page_runs_and_loads_nothing() -> None:
    start, body = answer([b""], [BROWSER, LONG])
    headers = dict(start["headers"])
    assert headers[b"content-security-policy"] == b"default-src 'none'"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"cache-control"] == b"no-store"
    assert not {"<script", "<link", "style=", "src="} & set(body["body"].decode().split())


def test_chunked_body_of_a_browser_gets_a_page_too() -> None:
    start, body = answer([b"1"], [BROWSER, (b"transfer-encoding", b"chunked")])
    assert start["status"] == 411
    assert "<h1>" in body["body"].decode()


def test_program_is_answered_in_json_and_inert() -> None:
    start, body = answer([b""], [LONG, (b"accept", b"*/*")])
    headers = dict(start["headers"])
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"content-security-policy"] == b"default-src 'none'"
    assert json.loads(body["body"])["status"] == 413


def test_small_body_passes() -> None:
    assert answer([b"12345", b"67890"])[0]["status"] == 200


@pytest.mark.parametrize(
    ("chunks", "headers"),
    [([b"12345", b"678901"], []), ([b""], [(b"content-length", b"11")])],
)
def test_large_body_is_413_announced_or_streamed(chunks, headers) -> None:
    start, body = answer(chunks, headers)
    assert start["status"] == 413
    assert json.loads(body["body"])["code"] == "body_too_large"


SESSION = [(b"cookie", b"theme=dark; sessionid=abc")]


@pytest.mark.parametrize(("size", "status"), [(20, 200), (21, 413)])
def test_form_with_a_file_has_more_room(size: int, status: int) -> None:
    assert answer([b"x" * size], SESSION, path="/create")[0]["status"] == status


def test_nobody_in_particular_has_no_more_room() -> None:
    assert answer([b"x" * 20], path="/create")[0]["status"] == 413


def test_body_that_does_not_come_is_not_waited_for(monkeypatch) -> None:
    monkeypatch.setattr(body_limit, "BODY_SECONDS", 0.05)
    sent: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass

    async def receive() -> Any:
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    app = BodyLimit(inner, max_bytes=10)
    asyncio.run(app({"type": "http", "path": "/", "headers": []}, receive, send))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["code"] == "body_too_slow"
