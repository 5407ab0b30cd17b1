"""Django's ASGI handler, mended for what a raw client can send."""

from typing import IO, Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponse

CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")
"""What bodies may be written in. Python knows others that take minutes, or are no text."""


class Handler(ASGIHandler):
    """Answers 400 where Django 5.2 lets a broken or strange Content-Type become a 500."""

    def create_request(
        self, scope: dict[str, Any], body_file: IO[bytes]
    ) -> tuple[ASGIRequest | None, HttpResponse | None]:
        from generation.api.errors import bad_request  # needs the applications to be ready

        try:
            request, refusal = super().create_request(scope, body_file)
        except (LookupError, ValueError) as error:
            return None, bad_request(None, error)
        if request and request.content_params.get("charset", CHARSETS[0]).lower() not in CHARSETS:
            return None, bad_request(None, ValueError("a charset that is not read"))
        return request, refusal
