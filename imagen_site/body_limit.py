"""A cap on request bodies, before Django spools them to the disk."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class _BodyTooLarge(Exception):
    """More bytes came in than may."""


class BodyLimit:
    """ASGI middleware: answers 413 to a body of more than max_bytes, announced or streamed."""

    def __init__(self, app: App, *, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif _has_no_length(scope):
            detail = "Send the body with a Content-Length; chunked bodies are not read."
            await _refuse(send, 411, "length_required", detail)
        elif _announced_bytes(scope) > self.max_bytes:
            await self._refuse_size(send)
        else:
            await self._count(scope, receive, send)

    async def _count(self, scope: Message, receive: Receive, send: Send) -> None:
        received = 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise _BodyTooLarge
            return message

        try:
            await self.app(scope, counted_receive, send)
        except _BodyTooLarge:  # Django reads the whole body before it answers
            await self._refuse_size(send)

    async def _refuse_size(self, send: Send) -> None:
        detail = f"The body is larger than {self.max_bytes} bytes."
        await _refuse(send, 413, "body_too_large", detail)


async def _refuse(send: Send, status: int, code: str, detail: str) -> None:
    """Answer in the one shape of errors, and end the connection."""
    title = HTTPStatus(status).phrase
    problem = {"type": "about:blank", "title": title, "status": status, "code": code}
    body = json.dumps(problem | {"detail": detail}).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _has_no_length(scope: Message) -> bool:
    """Whether a body comes in chunks: DRF takes a missing length for a missing body."""
    names = {name for name, _value in scope["headers"]}
    return b"transfer-encoding" in names and b"content-length" not in names


def _announced_bytes(scope: Message) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
