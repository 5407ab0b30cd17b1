"""A cap on request bodies, before Django spools them to the disk."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class _BodyTooLarge(Exception):
    """More bytes came in than may."""


class BodyLimit:
    """ASGI middleware: answers 413 to a body that is too large, announced or streamed.

    max_bytes: of a body; roomier: paths that may take more, such as a form with a file.
    """

    def __init__(
        self, app: App, *, max_bytes: int, roomier: Mapping[str, int] | None = None
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.roomier = roomier or {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.roomier.get(scope["path"], self.max_bytes)
        if _has_no_length(scope):
            detail = "Send the body with a Content-Length; chunked bodies are not read."
            await _refuse(send, 411, "length_required", detail)
        elif _announced_bytes(scope) > limit:
            await _refuse_size(send, limit)
        else:
            await self._count(scope, receive, send, limit)

    async def _count(self, scope: Message, receive: Receive, send: Send, limit: int) -> None:
        received = 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _BodyTooLarge
            return message

        try:
            await self.app(scope, counted_receive, send)
        except _BodyTooLarge:  # Django reads the whole body before it answers
            await _refuse_size(send, limit)


async def _refuse_size(send: Send, limit: int) -> None:
    await _refuse(send, 413, "body_too_large", f"The body is larger than {limit} bytes.")


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
