"""Forgotten, new and changed passwords."""

import re
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from generation.passwords import reset_url
from tests import factories
from tests.stack.harness import wait_for
from tests.web.visitors import PASSWORD, browser, is_signed_in, sign_in

pytestmark = pytest.mark.django_db

NEW = "a boat without an oar"
SITE = "http://127.0.0.1:8009"


@pytest.fixture
def has_mail(settings) -> None:
    settings.IMAGEN_MAIL = object()


def ask(client, address: str = "ada@example.org", **more: str):
    return client.post("/forgotten-password", {"email": address}, **more)


def sent(count: int = 1) -> list[mail.EmailMessage]:
    """The mails, which leave in threads of their own."""
    return wait_for(
        lambda: len(mail.outbox) >= count and mail.outbox, limit_s=5, what=f"{count} mails"
    )


def set_password(client, url: str, password: str = NEW):
    """Follow the link and fill in the form behind it."""
    form = client.get(url.removeprefix(SITE))
    assert form.status_code == 302, "the token leaves the address"
    return client.post(form.url, {"new_password1": password, "new_password2": password})


def test_link_in_the_mail_sets_a_password_once(ada, has_mail) -> None:
    page = browser().get(ask(browser()).url).content.decode()
    assert "If an account has this address" in page
    (message,) = sent()
    assert message.to == ["ada@example.org"]
    (url,) = re.findall(r"^http\S+$", message.body, re.MULTILINE)
    assert url.startswith(f"{SITE}/new-password/")
    client = browser()
    assert set_password(client, url).url == "/create"
    assert is_signed_in(client)
    assert sign_in(browser(), password=NEW).status_code == 302
    assert sign_in(browser()).status_code == 400
    used = browser().get(url.removeprefix(SITE))
    assert used.status_code == 404
    assert "This link no longer works" in used.content.decode()
    assert "no-store" in used["Cache-Control"]


@pytest.mark.parametrize("address", ["nobody@example.org", "idle@example.org", "demo@example.org"])
def test_answer_does_not_tell_who_has_an_account(ada, has_mail, address) -> None:
    factories.make_user("idle", email="idle@example.org", password=PASSWORD, is_active=False)
    factories.make_user("demo", email="demo@example.org")
    known, unknown = ask(browser()), ask(browser(), address)
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)
    assert [message.to for message in sent()] == [["ada@example.org"]]


def test_slow_mail_server_keeps_nobody_waiting(ada, has_mail, monkeypatch) -> None:
    from threading import Event

    may_go = Event()
    send = EmailBackend.send_messages

    def slow(self, messages):
        assert may_go.wait(10)
        return send(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", slow)
    assert ask(browser()).status_code == 302
    assert not mail.outbox
    may_go.set()
    sent()


def test_mail_server_that_refuses_is_a_line_in_the_log(ada, has_mail, monkeypatch, caplog) -> None:
    def refuse(self, messages):
        raise ConnectionRefusedError("no")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    assert ask(browser()).status_code == 302
    wait_for(lambda: "was not sent" in caplog.text, limit_s=5, what="the line")
    assert "ada@example.org" not in caplog.text


def test_host_of_the_request_has_no_say_in_the_link(ada, has_mail, settings) -> None:
    assert ask(browser(), headers={"host": "evil.example"}).status_code == 400
    settings.ALLOWED_HOSTS = ["*"]
    ask(browser(), headers={"host": "evil.example", "x-forwarded-host": "evil.example"})
    assert "evil.example" not in str(sent()[0].message())


def test_mail_is_written_in_the_readers_language(ada, has_mail) -> None:
    ask(browser())
    message = sent()[0]
    assert message.subject == "A new password for Imagen"
    assert "ada at 127.0.0.1:8009" in message.body
    assert "once, for 24 hours" in message.body


def test_mails_are_limited_by_sender_and_by_receiver(ada, has_mail) -> None:
    for number in range(10):
        assert ask(browser(), f"a{number}@example.org").status_code == 302
    refused = ask(browser())
    assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    for number in range(12):
        assert ask(browser(f"198.51.100.{number}")).status_code == 302
    assert len(sent(10)) == 10


def test_without_mail_the_page_names_the_operator(ada) -> None:
    for answer in (browser().get("/forgotten-password"), ask(browser())):
        words = answer.content.decode()
        assert "This service sends no mail." in words
        assert 'name="email"' not in words
    assert not mail.outbox


def test_signing_in_and_time_end_a_link(ada, monkeypatch) -> None:
    url = reset_url(ada).removeprefix(SITE)
    tomorrow = datetime.now() + timedelta(days=1, seconds=5)
    with monkeypatch.context() as patch:
        patch.setattr(PasswordResetTokenGenerator, "_now", lambda self: tomorrow)
        assert browser().get(url).status_code == 404
    assert browser().get(url).status_code == 302
    sign_in(browser())
    assert browser().get(url).status_code == 404


@pytest.mark.parametrize("path", ["/new-password/x/y", "/new-password/MQ/set-password"])
def test_made_up_links_do_not_work(path) -> None:
    assert browser().get(path).status_code == 404
    assert browser().post(path, {"new_password1": NEW, "new_password2": NEW}).status_code == 404


def test_link_of_somebody_who_may_not_sign_in_does_not_work(ada) -> None:
    url = reset_url(ada).removeprefix(SITE)
    ada.is_active = False
    ada.save()
    assert browser().get(url).status_code == 404


def test_mistyped_address_and_weak_password_are_refused_as_such(ada, has_mail) -> None:
    refused = ask(browser(), "no address")
    assert refused.status_code == 400
    assert "<title>Error: " in refused.content.decode()
    refused = set_password(browser(), reset_url(ada), "short")
    assert refused.status_code == 400
    assert not mail.outbox


def test_new_password_leads_where_sign_in_leads(ada, settings) -> None:
    settings.LOGIN_REDIRECT_URL = "web:pictures"
    assert set_password(browser(), reset_url(ada)).url == "/pictures"


def test_new_password_ends_the_rest_of_the_sign_in(ada) -> None:
    for _ in range(5):
        sign_in(browser(), password="wrong")
    set_password(browser(), reset_url(ada))
    assert sign_in(browser(), password=NEW).status_code == 302


def change(client, old: str, new: str = NEW):
    filled = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post("/account/password", filled)


def test_changed_password_ends_the_other_sessions(ada) -> None:
    here, there = browser(), browser()
    sign_in(here), sign_in(there)
    refused = change(here, "wrong")
    assert refused.status_code == 400
    assert "incorrectly" in refused.content.decode()
    assert is_signed_in(there)
    assert change(here, PASSWORD).url == "/account"
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert sign_in(browser(), password=NEW).status_code == 302


def test_weak_new_password_is_refused(ada) -> None:
    client = browser()
    sign_in(client)
    assert change(client, PASSWORD, "adaadaada1"[:6]).status_code == 400
    assert sign_in(browser()).status_code == 302


def test_old_password_cannot_be_guessed_without_end(ada) -> None:
    client = browser()
    sign_in(client)
    guess = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    statuses = [client.post("/account/password", guess).status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429]
    assert client.post("/account/password", guess | {"old_password": PASSWORD}).status_code == 429
