"""Browsers get pages, programs problem+json, and neither needs the database for it."""

import pytest
from django.db import OperationalError
from django.test import Client

from generation.models import GenerationJob
from generation.web import form_page
from tests import factories

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-language": "en"}


@pytest.mark.django_db
def test_unknown_address_is_a_page_for_browsers_alone(page, client) -> None:
    answer = page.get("/nothing/here", headers=BROWSER)
    assert answer.status_code == 404
    assert "Nothing hangs here" in answer.content.decode()
    assert "Your pictures" in answer.content.decode()
    program = client.get("/nothing/here", headers={"accept": "*/*"})
    assert program.headers["Content-Type"] == "application/problem+json"
    assert program.json()["code"] == "not_found"


@pytest.mark.django_db
def test_stranger_is_offered_to_sign_in(client) -> None:
    assert "Sign in" in client.get("/nothing", headers=BROWSER).content.decode()


@pytest.mark.django_db
def test_database_that_is_away_is_503_with_a_time(page, monkeypatch) -> None:
    def away(*_args: object, **_options: object) -> None:
        raise OperationalError("the server is gone, secret-host:5432")

    monkeypatch.setattr(form_page, "forecast", away)
    answer = page.get("/create/queue", headers=BROWSER)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    html = answer.content.decode()
    assert "Back in a moment" in html
    assert "secret-host" not in html


@pytest.mark.django_db
def test_failure_of_ours_is_a_page_without_details(user, monkeypatch) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(form_page, "forecast", broken)
    browser = Client(raise_request_exception=False, headers=BROWSER)
    browser.force_login(user)
    answer = browser.get("/create")
    assert answer.status_code == 500
    assert "Something broke" in answer.content.decode()
    assert "secret" not in answer.content.decode()


@pytest.mark.django_db
def test_form_without_its_token_is_a_page(user) -> None:
    browser = Client(enforce_csrf_checks=True, headers=BROWSER)
    browser.force_login(user)
    answer = browser.post("/create", {"prompt": "a castle"})
    assert answer.status_code == 403
    assert "This form has grown old" in answer.content.decode()


@pytest.mark.django_db
def test_unknown_host_is_refused_without_a_trace(client) -> None:
    answer = client.get("/", headers={**BROWSER, "host": "evil.example"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("pressed", "shown"),
    [
        ("/jobs/{job}/cancel", "/jobs/{job}"),
        ("/jobs/{job}/retry", "/jobs/{job}"),
        ("/jobs/{job}/delete", "/jobs/{job}"),
        ("/pictures/delete", "/pictures"),
    ],
)
def test_button_whose_session_had_ended_leads_back_to_its_page(page, user, pressed, shown) -> None:
    """The sign-in in between sends people to the button's address, by GET."""
    job = factories.queued_job(user).public_id
    answer = page.get(pressed.format(job=job))
    assert answer["Location"] == shown.format(job=job)
    assert GenerationJob.objects.get().status == "queued"
