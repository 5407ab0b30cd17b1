"""One shape for every error, whatever went wrong."""

from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse

from generation.api.classic import views
from generation.web import middleware

pytestmark = pytest.mark.django_db


def test_database_that_is_away_is_503_without_details(api, monkeypatch, caplog) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise OperationalError("connection to /tmp/secret failed")

    monkeypatch.setattr(views.services, "submit_job", away)
    response = api.post("/generate", {"prompt": "a"})
    assert response.status_code == 503
    assert response["Retry-After"] == "30"
    assert "secret" not in response.content.decode()
    assert "secret" in caplog.text


def test_database_that_is_away_outside_a_view_is_503_too(client, monkeypatch) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", away)
    client.raise_request_exception = False
    client.cookies["sessionid"] = "a" * 32
    response = client.get("/admin/")
    assert response.status_code == 503
    assert "Retry-After" in response


def test_unexpected_error_is_500_without_details(api, monkeypatch) -> None:
    monkeypatch.setattr(views.services, "submit_job", lambda *a, **k: 1 / 0)
    response = api.post("/generate", {"prompt": "a"})
    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert "division" not in response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_value_that_the_database_cannot_hold_is_400(client) -> None:
    client.raise_request_exception = False
    headers = {"cookie": 'sessionid="\\000aaaaaaaaaa"'}  # an octal escape that cookies may have
    assert client.get("/admin/", headers=headers).status_code == 400
    unknown = "/image/00000000-0000-4000-8000-000000000000"
    assert client.get(unknown, headers=headers).status_code == 400


def test_pooled_connection_is_given_back_before_the_answer_is_read(monkeypatch) -> None:
    given_back: list[str] = []
    idle, busy = (
        SimpleNamespace(
            in_atomic_block=name == "busy",
            close_if_unusable_or_obsolete=lambda name=name: given_back.append(name),
        )
        for name in ("idle", "busy")
    )
    fakes = SimpleNamespace(all=lambda initialized_only: [idle, busy])
    monkeypatch.setattr(middleware, "connections", fakes)
    middleware.DatabaseMiddleware(lambda request: HttpResponse())(HttpRequest())
    assert given_back == ["idle"]


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/outputs/%00",
        "/download/a%00b",
        "/status/not-a-uuid",
        "/outputs/../../etc/passwd",
    ],
)
def test_unknown_address_is_a_problem(api, path) -> None:
    response = api.get(path)
    assert response.status_code == 404
    assert response.json()["title"] == "Not Found"


def test_wrong_method_is_a_problem(api) -> None:
    response = api.get("/generate")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_foreign_host_is_refused(client) -> None:
    response = client.get("/admin/login/", headers={"host": "evil.example"})
    assert (response.status_code, response.json()["code"]) == (400, "unknown_host")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"prompt": "a", "steps": 0}, "#/steps"),
        ({"prompt": "a", "a/b~": 1}, "#/a~1b~0"),
        ([1], "#"),
    ],
)
def test_pointer_leads_into_the_body(api, body, pointer) -> None:
    [error] = api.post("/api/v1/jobs", body).json()["errors"]
    assert error["pointer"] == pointer


def test_field_of_the_address_has_no_pointer(api) -> None:
    [error] = api.get("/api/v1/jobs?limit=0").json()["errors"]
    assert error["field"] == "limit"
    assert "pointer" not in error
