"""A body that is too large never reaches Django."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from imagen_site.body_limit import BodyLimit


def answer(
    chunks: list[bytes], headers: Sequence[tuple[bytes, bytes]] = (), path: str = "/"
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

    app = BodyLimit(inner, max_bytes=10, roomier={"/create": 20})
    asyncio.run(app({"type": "http", "path": path, "headers": headers}, receive, send))
    return sent


def test_chunked_body_is_asked_for_its_length() -> None:
    start, body = answer([b"1"], [(b"transfer-encoding", b"chunked")])
    assert start["status"] == 411
    assert json.loads(body["body"])["code"] == "length_required"


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


@pytest.mark.parametrize(("size", "status"), [(20, 200), (21, 413)])
def test_form_with_a_file_has_more_room(size: int, status: int) -> None:
    assert answer([b"x" * size], path="/create")[0]["status"] == status
