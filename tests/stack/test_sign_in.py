"""The gate behind a proxy, as a running web process guards it."""

import http.client
import re
from urllib.parse import urlencode

import pytest

from tests.stack.harness import Installation

VISITOR = "203.0.113.7"


def ask(
    installation: Installation, method: str, body: str, **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", installation.port, timeout=60)
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    fields |= {"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "en"}
    try:
        connection.request(method, "/sign-in", body, fields)
        answer = connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, fields, answer.read().decode()
    finally:
        connection.close()


def sign_in(installation: Installation, password: str, forwarded_for: str) -> tuple[int, str, str]:
    """Status, Retry-After and page of a form that was opened and sent."""
    _status, headers, page = ask(installation, "GET", "")
    cookie = headers["set-cookie"].split(";")[0]
    (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
    form = {"username": "ada", "password": password, "csrfmiddlewaretoken": token}
    status, headers, page = ask(
        installation, "POST", urlencode(form), Cookie=cookie, X_Forwarded_For=forwarded_for
    )
    return status, headers.get("retry-after", ""), page


@pytest.fixture
def password(installation: Installation) -> str:
    return installation.manage("create_user", "ada")


def test_forged_forwarding_header_opens_no_second_round(
    installation: Installation, password: str
) -> None:
    """This machine is trusted as a proxy; what a visitor wrote stands left of what it adds."""
    tries = [sign_in(installation, "wrong", f"9.9.9.{number}, {VISITOR}")[0] for number in range(5)]
    assert tries == [400, 400, 400, 400, 429]
    status, retry_after, page = sign_in(installation, password, f"9.9.9.9, {VISITOR}")
    assert (status, int(retry_after) > 500) == (429, True)
    assert "Come back in 10 minutes." in page
    assert sign_in(installation, password, f"{VISITOR}, 198.51.100.4")[0] == 302
