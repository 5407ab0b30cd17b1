"""A mail leaves by the server that IMAGEN_MAIL names."""

import socketserver
import threading
from collections.abc import Iterator

import pytest

from tests.stack.harness import Installation, wait_for

FORGET = """
from django.contrib.auth.models import User
from generation.passwords import mail_reset_links
User.objects.create_user("ada", "ada@example.org", "a long dusk over water")
mail_reset_links("ada@example.org")
"""


class Post(socketserver.ThreadingTCPServer):
    """A mail server that takes everything and keeps what it heard."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.heard: list[str] = []


class Talk(socketserver.StreamRequestHandler):
    """One client's commands; what follows DATA ends with a line of a single dot."""

    def handle(self) -> None:
        self.answer("220 here")
        is_text = False
        for line in self.rfile:
            words = line.decode().rstrip("\r\n")
            self.server.heard.append(words)
            if words.upper() == "DATA":
                is_text = True
                self.answer("354 go on")
            elif words == "." or not is_text:
                is_text = False
                self.answer("250 yes")

    def answer(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@pytest.fixture
def post() -> Iterator[Post]:
    with Post() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_link_is_sent_from_the_named_address(installation: Installation, post: Post) -> None:
    installation.manage(
        *("shell", "-v0", "-c", FORGET),
        IMAGEN_MAIL=f"smtp+plain://127.0.0.1:{post.server_address[1]}",
        IMAGEN_MAIL_FROM="paint@example.org",
        IMAGEN_PUBLIC_URL="https://imagen.example.org",
    )
    wait_for(lambda: "." in post.heard, limit_s=5, what="the mail is whole")
    assert "rcpt TO:<ada@example.org>" in post.heard
    assert "From: paint@example.org" in post.heard
    (link,) = [line for line in post.heard if line.startswith("http")]
    assert link.startswith("https://imagen.example.org/new-password/")
