"""The account page: tokens are made, shown once and revoked by their owner alone."""

import html
import re

import pytest

from generation.models import ApiToken
from generation.tokens import MAX_LIVE, TooManyTokens, draw_token, find_token
from tests import factories
from tests.conftest import ApiClient
from tests.web.visitors import all_at_once, browser, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def hers(ada):
    """Ada's browser, signed in."""
    client = browser()
    sign_in(client)
    return client


def wish(client) -> str:
    (once,) = re.findall(r'name="once" value="([^"]+)"', client.get("/account").content.decode())
    return once


def key_in(answer) -> str | None:
    found = re.search(r'<code id="key">([^<]+)</code>', answer.content.decode())
    return found and found[1]


def test_head_names_the_person(hers) -> None:
    page = hers.get("/account").content.decode()
    assert "ada · ada@example.org" in page
    assert 'aria-current="page"' in page


def test_new_token_works_and_its_key_is_shown_this_once(hers, ada) -> None:
    answer = hers.post("/account/tokens", {"name": "Blog robot", "once": wish(hers)})
    key = key_in(answer)
    assert "no-store" in answer["Cache-Control"]
    assert find_token(key).user == ada
    page = hers.get("/account").content.decode()
    assert key not in page
    assert f"{key[:12]}…" in page
    assert "Blog robot" in page
    assert not any(key in str(value) for value in hers.session.values())


def test_reload_makes_no_second_token_and_shows_no_key(hers) -> None:
    sent = {"name": "Blog robot", "once": wish(hers)}
    assert key_in(hers.post("/account/tokens", sent))
    again = hers.post("/account/tokens", sent)
    assert (again.status_code, again.url) == (302, "/account")
    assert ApiToken.objects.count() == 1
    assert key_in(hers.post("/account/tokens", {"name": "Another", "once": wish(hers)}))
    assert hers.get("/account/tokens").url == "/account"


@pytest.mark.django_db(transaction=True)
def test_form_that_is_sent_twice_at_once_makes_one_token(hers) -> None:
    sent = {"name": "Blog robot", "once": wish(hers)}
    answers = []

    def send(_number: int) -> None:
        client = browser()
        client.cookies = hers.cookies
        answers.append(client.post("/account/tokens", sent))

    all_at_once(4, send)
    assert ApiToken.objects.count() == 1
    assert sorted(answer.status_code for answer in answers) == [200, 302, 302, 302]
    assert [bool(key_in(answer)) for answer in answers].count(True) == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "nul\0"])
def test_name_is_needed_and_bounded(hers, name) -> None:
    page = hers.post("/account/tokens", {"name": name})
    assert page.status_code == 400
    assert 'aria-invalid="true"' in page.content.decode()
    assert "<title>Error: Account" in page.content.decode()
    assert not ApiToken.objects.exists()


def test_names_are_text_and_nothing_else(hers) -> None:
    page = hers.post("/account/tokens", {"name": "<b>'\"&amp;"}).content.decode()
    assert "<b>'" not in page
    assert html.escape("<b>'\"&amp;", quote=True).replace("&#x27;", "&#x27;") in page


def test_revoked_token_is_ended_and_not_listed(hers, ada) -> None:
    token, key = draw_token(ada.pk, "Notebook")
    done = hers.post(f"/account/tokens/{token.pk}/revoke", follow=True).content.decode()
    assert "“Notebook” is revoked." in done
    assert find_token(key) is None
    assert token.prefix not in done
    assert hers.post(f"/account/tokens/{token.pk}/revoke").status_code == 302


def test_revoking_is_for_forms_and_for_ones_own(hers, ada) -> None:
    token, key = draw_token(ada.pk, "Notebook")
    theirs, their_key = draw_token(factories.make_user("bob").pk, "Bob laptop")
    assert hers.get(f"/account/tokens/{token.pk}/revoke")["Location"] == "/account"
    assert hers.put(f"/account/tokens/{token.pk}/revoke").status_code == 405
    assert hers.post(f"/account/tokens/{theirs.pk}/revoke").status_code == 404
    assert hers.post("/account/tokens/999999/revoke").status_code == 404
    assert find_token(key)
    assert find_token(their_key)
    assert "Bob laptop" not in hers.get("/account").content.decode()


def test_strangers_are_sent_to_the_gate(ada) -> None:
    token, key = draw_token(ada.pk, "Notebook")
    stranger = browser()
    assert stranger.get("/account").url == "/sign-in?next=/account"
    assert "/sign-in" in stranger.post("/account/tokens", {"name": "x"}).url
    assert "/sign-in" in stranger.post(f"/account/tokens/{token.pk}/revoke").url
    assert find_token(key)
    assert ApiToken.objects.count() == 1


def test_limit_counts_live_tokens_and_names_the_way_out(hers, ada) -> None:
    tokens = [draw_token(ada.pk, str(number))[0] for number in range(MAX_LIVE)]
    with pytest.raises(TooManyTokens):
        draw_token(ada.pk, "one more")
    refused = hers.post("/account/tokens", {"name": "one more"})
    assert refused.status_code == 400
    assert "You have 50 tokens" in refused.content.decode()
    hers.post(f"/account/tokens/{tokens[0].pk}/revoke")
    assert key_in(hers.post("/account/tokens", {"name": "one more"}))


@pytest.mark.django_db(transaction=True)
def test_limit_holds_under_simultaneous_wishes(ada) -> None:
    for number in range(MAX_LIVE - 2):
        draw_token(ada.pk, str(number))
    refused: list[int] = []

    def draw(number: int) -> None:
        try:
            draw_token(ada.pk, f"at once {number}")
        except TooManyTokens:
            refused.append(number)

    all_at_once(6, draw)
    assert ApiToken.objects.count() == MAX_LIVE
    assert len(refused) == 4


def test_example_on_the_page_works_as_it_stands(hers, ada) -> None:
    page = hers.get("/account").content.decode()
    (example,) = re.findall(r'<code id="curl">([^<]+)</code>', page)
    address, body = re.fullmatch(
        r"curl http://127\.0\.0\.1:8009(\S+) -H \"Authorization: Token \$TOKEN\" "
        r"-H \"Content-Type: application/json\" -d '(.+)'",
        html.unescape(example),
    ).groups()
    api = ApiClient(draw_token(ada.pk, "tests")[1])
    assert api.post(address, raw=body.encode()).status_code == 202


def test_copy_buttons_wait_for_the_script(hers) -> None:
    page = hers.post("/account/tokens", {"name": "x"}).content.decode()
    buttons = re.findall(r"<button[^>]*data-copy=[^>]*>", page)
    assert len(buttons) == 2
    assert all(" hidden" in button for button in buttons)
    assert " style=" not in page
