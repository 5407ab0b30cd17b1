"""The one door: who may in, how often one may try, and what a forger gains."""

import asyncio
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn
from axes.models import AccessAttempt
from django.contrib.auth import hashers
from django.contrib.sessions.models import Session
from django.test import RequestFactory
from django.utils import translation

from generation.web.accounts import client_address, guard
from generation.web.accounts.guard import in_words
from imagen_site import env
from tests import factories
from tests.web.visitors import PASSWORD, all_at_once, browser, is_signed_in, minutes_pass, sign_in

pytestmark = pytest.mark.django_db


def fail(client, times: int, name: str = "ada") -> list[int]:
    return [sign_in(client, name, "wrong").status_code for _ in range(times)]


def test_name_and_password_open_the_door(ada) -> None:
    client = browser()
    assert not is_signed_in(client)
    assert sign_in(client).url == "/create"
    assert is_signed_in(client)


def test_pages_of_the_gate_are_kept_by_nobody(ada) -> None:
    client = browser()
    answers = [client.get(path) for path in ("/sign-in", "/sign-up", "/forgotten-password")]
    answers += [sign_in(client, password="wrong"), client.get("/account"), sign_in(client)]
    answers += [client.get("/account"), client.get("/account/password")]
    for answer in answers:
        assert "no-store" in answer["Cache-Control"]


def test_wrong_password_keeps_the_name_and_tells_the_rules(ada) -> None:
    page = sign_in(browser(), password="wrong")
    words = page.content.decode()
    assert page.status_code == 400
    assert words.count('role="alert"') == 1
    assert "That name and password do not match." in words
    assert "After 5 attempts, sign-in rests for 10 minutes." in words
    assert 'value="ada"' in words
    assert "wrong" not in words
    assert "<title>Error: Sign in" in words


def test_unknown_and_inactive_names_get_the_same_answer(ada) -> None:
    factories.make_user("gone", password=PASSWORD, is_active=False)

    def page(name: str) -> str:
        words = sign_in(browser(), name, "wrong").content.decode()
        return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", words).replace(name, "NAME")

    assert page("ada") == page("nobody") == page("gone")
    assert not sign_in(browser(), "gone").has_header("Location")


def test_unknown_name_costs_as_much_as_a_wrong_password(ada, monkeypatch) -> None:
    """One hash each, with axes before Django's own backend."""
    hashed = []
    encode = hashers.MD5PasswordHasher.encode

    def counted(self, password, salt):
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", counted)
    fail(browser(), 1, "nobody")
    fail(browser(), 1, "ada")
    assert hashed == ["wrong", "wrong"]


def test_session_ends_with_the_browser_unless_one_stays(ada) -> None:
    client = browser()
    assert sign_in(client).cookies["sessionid"]["max-age"] == ""
    assert sign_in(browser(), stay="on").cookies["sessionid"]["max-age"] == 14 * 86_400


def test_session_key_changes_so_that_a_planted_one_opens_nothing(ada) -> None:
    client = browser()
    client.get("/sign-in")
    planted = client.session
    planted["by"] = "mallory"
    planted.save()
    client.cookies["sessionid"] = planted.session_key
    sign_in(client)
    assert client.cookies["sessionid"].value != planted.session_key
    assert not Session.objects.filter(session_key=planted.session_key).exists()


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/pictures?page=2", "/pictures?page=2"),
        ("https://evil.example/", "/create"),
        ("//evil.example/", "/create"),
        ("/\\evil.example", "/create"),
        ("javascript:alert(1)", "/create"),
        ("/sign-in", "/create"),
        ("/sign-in?next=/sign-in", "/create"),
    ],
)
def test_next_leads_to_pages_of_this_site_alone(ada, target, leads_to) -> None:
    client = browser()
    assert sign_in(client, next=target).url == leads_to
    again = client.get("/sign-in", {"next": target})
    assert (again.status_code, again.url) == (302, leads_to)


def test_pages_send_to_the_gate_and_the_gate_sends_back(ada) -> None:
    client = browser()
    to_gate = client.get("/account/password").url
    page = client.get(to_gate).content.decode()
    hidden = re.findall(r'name="next" value="([^"]+)"', page)[0]
    assert sign_in(client, next=hidden).url == "/account/password"


def test_sign_out_is_for_forms_alone(ada) -> None:
    client = browser()
    sign_in(client)
    assert client.get("/sign-out").status_code == 405
    assert is_signed_in(client)
    assert client.post("/sign-out").url == "/sign-in"
    assert not is_signed_in(client)


def test_forms_need_their_csrf_token(ada) -> None:
    client = browser(enforce_csrf_checks=True)
    assert sign_in(client).status_code == 403
    client.force_login(ada)
    for path in ("/sign-out", "/account/tokens", "/account/password"):
        assert client.post(path, {"name": "x"}).status_code == 403


def test_sign_in_rests_even_for_the_right_password_and_then_lets_in(ada) -> None:
    client = browser()
    assert fail(client, 5) == [400, 400, 400, 400, 429]
    refused = sign_in(client)
    words = refused.content.decode()
    assert refused.status_code == 429
    assert 590 < int(refused["Retry-After"]) <= 600
    assert "no-store" in refused["Cache-Control"]
    assert "Sign-in rests." in words
    assert "Come back in 10 minutes." in words
    assert 'value="ada"' in words
    assert not is_signed_in(client)
    minutes_pass(9)
    assert sign_in(client).status_code == 429
    minutes_pass(1.1)
    assert sign_in(client).status_code == 302


def test_tries_during_the_pause_do_not_prolong_it(ada) -> None:
    client = browser()
    fail(client, 5)
    minutes_pass(6)
    assert fail(client, 3) == [429] * 3
    assert int(sign_in(client)["Retry-After"]) <= 240
    minutes_pass(4.1)
    assert sign_in(client).status_code == 302


def test_another_name_and_another_address_are_not_touched(ada) -> None:
    factories.make_user("bob", password=PASSWORD)
    fail(browser(), 6)
    assert sign_in(browser(), "bob").status_code == 302
    assert sign_in(browser("198.51.100.4")).status_code == 302
    assert sign_in(browser()).status_code == 429


def test_another_browser_at_the_same_address_is_no_new_visitor(ada) -> None:
    tries = []
    for number in range(7):
        client = browser(HTTP_USER_AGENT=f"agent {number}")
        tries.append(sign_in(client, password="wrong"))
    assert [answer.status_code for answer in tries] == [400] * 4 + [429] * 3
    assert int(tries[-1]["Retry-After"]) <= 600


def test_success_forgets_the_failures(ada) -> None:
    client = browser()
    fail(client, 4)
    sign_in(client)
    assert not AccessAttempt.objects.exists()
    assert fail(browser(), 4) == [400] * 4


def test_old_failures_are_swept_by_the_next_try_of_anybody(ada) -> None:
    fail(browser("198.51.100.4"), 2, "nobody")
    minutes_pass(11)
    sign_in(browser())
    assert not AccessAttempt.objects.exists()


def test_number_and_pause_come_from_the_settings(ada, settings) -> None:
    settings.IMAGEN_SIGN_IN_TRIES = settings.AXES_FAILURE_LIMIT = 1
    assert fail(browser(), 1) == [429]


@pytest.mark.django_db(transaction=True)
def test_a_burst_of_tries_gains_nothing(ada, monkeypatch) -> None:
    tested = []
    verify = hashers.MD5PasswordHasher.verify

    def counted(self, password, encoded):
        tested.append(password)
        return verify(self, password, encoded)

    monkeypatch.setattr(hashers.MD5PasswordHasher, "verify", counted)
    answers: list[int] = []
    all_at_once(12, lambda _n: answers.extend(fail(browser(), 1)))
    assert sorted(answers) == [400] * 4 + [429] * 8
    assert len(tested) == 5


def test_the_admin_has_no_door_of_its_own(ada) -> None:
    client = browser()
    assert (
        client.post("/admin/login/", {"username": "ada", "password": PASSWORD}).status_code == 302
    )
    assert not is_signed_in(client)
    path = client.get(client.get("/admin/generation/").url).url
    assert urlsplit(path).path == "/sign-in"
    assert parse_qs(urlsplit(path).query) == {"next": ["/admin/generation/"]}


def test_who_is_no_operator_is_told_so_and_not_sent_in_a_circle(ada) -> None:
    client = browser()
    sign_in(client)
    assert client.get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", "0.0.0.0"),
        ("unknown", "0.0.0.0"),
    ],
)
def test_one_customer_is_one_address(given, counted) -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=given)) == counted


@pytest.mark.parametrize("address", ["", "unknown", "::1"])
def test_limit_holds_for_odd_addresses_too(ada, address) -> None:
    assert fail(browser(address), 6) == [400] * 4 + [429] * 2


def forwarded(monkeypatch, proxies: str, peer: str, header: str) -> str:
    """The client that Django would see, by the middleware that uvicorn builds for this setting."""
    monkeypatch.setenv("IMAGEN_TRUSTED_PROXIES", proxies)
    seen = []

    async def app(scope, receive, send) -> None:
        seen.append(scope["client"][0])

    config = uvicorn.Config(
        app, log_config=None, proxy_headers=True, forwarded_allow_ips=env.trusted_proxies()
    )
    config.load()
    scope = {
        "type": "http",
        "client": (peer, 1),
        "headers": [(b"x-forwarded-for", header.encode())],
    }
    asyncio.run(config.loaded_app(scope, None, None))
    return seen[0]


@pytest.mark.parametrize(
    ("proxies", "peer", "header", "client"),
    [
        ("", "127.0.0.1", "9.9.9.9, 203.0.113.7", "203.0.113.7"),
        ("", "203.0.113.7", "9.9.9.9", "203.0.113.7"),
        ("10.0.0.0/8", "10.1.2.3", "9.9.9.9, 203.0.113.7, 10.9.9.9", "203.0.113.7"),
        ("10.0.0.0/8", "127.0.0.1", "9.9.9.9", "127.0.0.1"),
    ],
)
def test_forged_forwarding_header_is_not_believed(
    monkeypatch, proxies, peer, header, client
) -> None:
    assert forwarded(monkeypatch, proxies, peer, header) == client


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (90, "90 seconds"),
        (121, "3 minutes"),
        (600, "10 minutes"),
        (7_201, "3 hours"),
    ],
)
def test_time_is_told_rounded_up(seconds, words) -> None:
    with translation.override("en"):
        assert in_words(seconds) == words


def test_one_address_cannot_try_names_without_end(ada, monkeypatch) -> None:
    monkeypatch.setattr(guard, "SIGN_INS_AN_HOUR", 3)
    client = browser()
    for number in range(3):
        assert sign_in(client, f"name{number}", "wrong").status_code == 400
    refused = sign_in(client)
    assert refused.status_code == 429
    assert refused["Retry-After"] == "3600"
    told = refused.content.decode()
    assert "your name and password may be right" in told
    assert "aria-invalid" not in told
    assert sign_in(browser("203.0.113.8")).status_code == 302
