"""The ASGI handler on what only a raw client can send."""

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator

from imagen_site.handler import Handler


@async_to_sync
async def ask(path: str, headers: list[tuple[bytes, bytes]]) -> int:
    """The status of a GET with these raw headers."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers],
    }
    client = ApplicationCommunicator(Handler(), scope)
    await client.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await client.receive_output(5)
    await client.wait(5)
    return start["status"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content_type", [b"a/b; x*=bogus''%41", b"application/json; charset*=utf-8''a%00b"]
)
def test_broken_content_type_is_400(content_type) -> None:
    assert ask("/healthz", [(b"content-type", content_type)]) == 400


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["rot13", "punycode", "unicode_escape", "idna", "zlib", ""])
def test_charset_that_is_no_text_is_400(charset: str) -> None:
    content_type = f"multipart/form-data; boundary=b; charset={charset}"
    assert ask("/sign-in", [(b"content-type", content_type.encode())]) == 400


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "us-ascii"])
def test_charset_of_browsers_is_read(charset: str) -> None:
    assert ask("/healthz", [(b"content-type", f"text/plain; charset={charset}".encode())]) == 200


@pytest.mark.django_db
def test_probe_answers_through_the_whole_application() -> None:
    assert ask("/healthz", []) == 200
