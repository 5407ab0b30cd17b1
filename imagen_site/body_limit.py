"""A cap on request bodies, before Django spools them to the disk."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

HEADERS = (
    (b"connection", b"close"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
WORDS = {
    ("fr", 413): (
        "C&rsquo;est trop à la fois",
        "Ce qui a été envoyé pèse plus de {megabytes}&nbsp;Mo, et rien n&rsquo;en a été gardé. "
        "Revenez en arrière&nbsp;: vos mots y sont encore. Choisissez une image plus légère, puis "
        "renvoyez le tout.",
    ),
    ("fr", 411): (
        "Ce n&rsquo;est pas arrivé entier",
        "Ce qui a été envoyé n&rsquo;annonçait pas sa longueur, et rien n&rsquo;en a été gardé. "
        "Revenez en arrière&nbsp;: vos mots y sont encore. Renvoyez le tout.",
    ),
    ("fr", 408): (
        "C&rsquo;est arrivé trop lentement",
        "Ce qui a été envoyé n&rsquo;était pas entier à temps, et rien n&rsquo;en a été gardé. "
        "Revenez en arrière&nbsp;: vos mots y sont encore. Renvoyez le tout.",
    ),
    ("en", 413): (
        "That is too much at once",
        "What was sent is more than {megabytes}&nbsp;MB, and none of it was kept. Back brings your "
        "words back; choose a smaller picture and send it again.",
    ),
    ("en", 408): (
        "That came too slowly",
        "What was sent was not whole in time, and none of it was kept. Back brings your words "
        "back; send it again.",
    ),
    ("en", 411): (
        "That did not come whole",
        "What was sent did not say how long it is, and none of it was kept. Back brings your words "
        "back; send it again.",
    ),
}
"""What a browser shows, by language and status. Django, which translates, is not reached yet."""

_CHOSEN = re.compile(rb"(?:^|; ?)django_language=(en|fr)")
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} &ndash; Imagen</title>
</head>
<body><main><h1>{title}</h1><p>{words}</p></main></body>
</html>
"""

BODY_SECONDS = 60.0

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class _BodyTooLarge(Exception):
    """More bytes came in than may."""


class _BodyTooSlow(Exception):
    """The body was not whole in time."""


class BodyLimit:
    """ASGI middleware: answers 413 to a body that is too large, announced or streamed.

    max_bytes: of a body; roomier: paths that may take more, such as a form with a file, from
    whoever has a session. A body must be whole within BODY_SECONDS, or the connection ends.
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
        limit = self.roomier.get(scope["path"], 0) if _has_session(scope) else 0
        limit = max(limit, self.max_bytes)
        if _has_no_length(scope):
            await _refuse(scope, send, 411, limit)
        elif _announced_bytes(scope) > limit:
            await _refuse(scope, send, 413, limit)
        else:
            await self._count(scope, receive, send, limit)

    async def _count(self, scope: Message, receive: Receive, send: Send, limit: int) -> None:
        received, is_whole = 0, False
        give_up_at = asyncio.get_running_loop().time() + BODY_SECONDS

        async def counted_receive() -> Message:
            nonlocal received, is_whole
            if is_whole:
                return await receive()
            try:
                async with asyncio.timeout_at(give_up_at):
                    message = await receive()
            except TimeoutError as error:
                raise _BodyTooSlow from error
            received += len(message.get("body", b""))
            if received > limit:
                raise _BodyTooLarge
            is_whole = not message.get("more_body", False)
            return message

        try:
            await self.app(scope, counted_receive, send)
        except _BodyTooLarge:  # Django reads the whole body before it answers
            await _refuse(scope, send, 413, limit)
        except _BodyTooSlow:
            await _refuse(scope, send, 408, limit)


async def _refuse(scope: Message, send: Send, status: int, limit: int) -> None:
    """Answer a browser with a page and a program in the one shape of errors; hang up."""
    if b"text/html" in _header(scope, b"accept"):
        kind, body = b"text/html; charset=utf-8", _page(scope, status, limit)
    else:
        kind, body = b"application/problem+json", _problem(status, limit)
    sizes = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*sizes, *HEADERS]})
    await send({"type": "http.response.body", "body": body})


def _page(scope: Message, status: int, limit: int) -> bytes:
    chosen = _CHOSEN.search(_header(scope, b"cookie"))  # at the foot of the page
    asked = chosen[1] if chosen else _header(scope, b"accept-language").lower()
    language = "en" if asked.startswith(b"en") else "fr"
    title, words = WORDS[language, status]
    words = words.format(megabytes=limit >> 20)
    return PAGE.format(language=language, title=title, words=words).encode()


def _problem(status: int, limit: int) -> bytes:
    code, detail = {
        411: (
            "length_required",
            "Send the body with a Content-Length; chunked bodies are not read.",
        ),
        408: ("body_too_slow", f"The body was not whole within {BODY_SECONDS:g} seconds."),
        413: ("body_too_large", f"The body is larger than {limit} bytes."),
    }[status]
    title = HTTPStatus(status).phrase
    problem = {"type": "about:blank", "title": title, "status": status, "code": code}
    return json.dumps(problem | {"detail": detail}).encode()


def _has_no_length(scope: Message) -> bool:
    """Whether a body comes in chunks: DRF takes a missing length for a missing body."""
    names = {name for name, _value in scope["headers"]}
    return b"transfer-encoding" in names and b"content-length" not in names


def _has_session(scope: Message) -> bool:
    """Whether a session is claimed; Django, which knows, is reached with the whole body alone."""
    return b"sessionid=" in _header(scope, b"cookie")


def _announced_bytes(scope: Message) -> int:
    length = _header(scope, b"content-length")
    return int(length) if length.isdigit() else 0


def _header(scope: Message, wanted: bytes) -> bytes:
    """The first of this name; empty where there is none."""
    return next((value for name, value in scope["headers"] if name == wanted), b"")
