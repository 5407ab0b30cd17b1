"""New accounts: closed, by invitation, or open up to a limit."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from generation.accounts import InvitationSpent, NameTaken, add_user
from generation.invitations import draw_invitation
from generation.models import Invitation
from tests import factories
from tests.web.visitors import PASSWORD, all_at_once, browser, is_signed_in

pytestmark = pytest.mark.django_db
users = get_user_model().objects


def sign_up(client, path: str = "/sign-up", name: str = "zoe", **fields: str):
    filled = {"username": name, "password1": PASSWORD, "password2": PASSWORD, **fields}
    return client.post(path, filled)


@pytest.fixture
def invited(settings) -> str:
    """The path of a live invitation."""
    settings.IMAGEN_SIGN_UP = "invite"
    return f"/sign-up/{draw_invitation(note='for zoe')[1]}"


@pytest.fixture
def open_gate(settings) -> None:
    settings.IMAGEN_SIGN_UP = "open"


@pytest.mark.parametrize("mode", ["closed", "invite"])
def test_nobody_walks_in(settings, mode) -> None:
    settings.IMAGEN_SIGN_UP = mode
    for answer in (browser().get("/sign-up"), sign_up(browser())):
        assert answer.status_code == 404
        assert "Ask the person who runs this service" in answer.content.decode()
    assert not users.exists()
    assert "/sign-up" not in browser().get("/sign-in").content.decode()


def test_invitation_does_not_open_a_closed_gate(invited, settings) -> None:
    settings.IMAGEN_SIGN_UP = "closed"
    assert sign_up(browser(), invited).status_code == 404
    assert not users.exists()


def test_invited_person_is_signed_in_and_the_invitation_is_spent(invited) -> None:
    client = browser()
    assert client.get(invited).status_code == 200
    assert sign_up(client, invited).url == "/create"
    assert is_signed_in(client)
    assert client.cookies["sessionid"]["max-age"] == ""
    invitation = Invitation.objects.get()
    assert invitation.used_at
    assert invitation.used_by.username == "zoe"
    later = sign_up(browser(), invited, name="yan")
    assert later.status_code == 404
    assert "This invitation does not work" in later.content.decode()


def test_new_person_is_no_operator(invited) -> None:
    sign_up(browser(), invited, is_staff="on", is_superuser="on")
    zoe = users.get()
    assert not zoe.is_staff
    assert not zoe.is_superuser


def test_old_and_mistyped_invitations_do_not_work(invited) -> None:
    assert browser().get(f"{invited}x").status_code == 404
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert browser().get(invited).status_code == 404
    assert sign_up(browser(), invited).status_code == 404


def test_mistakes_do_not_spend_the_invitation(invited, ada) -> None:
    page = sign_up(browser(), invited, name="ada").content.decode()
    assert "This name is taken. Choose another." in page
    assert "<title>Error: New account" in page
    page = sign_up(browser(), invited, password2="another").content.decode()
    assert "aria-invalid" in page
    assert 'value="zoe"' in page
    assert PASSWORD not in page
    assert sign_up(browser(), invited).status_code == 302


@pytest.mark.parametrize("password", ["short", "12345678901", "password", "zoezoezoe"])
def test_weak_passwords_are_refused(invited, password) -> None:
    page = sign_up(browser(), invited, "zoezoezoe", password1=password, password2=password)
    assert page.status_code == 400
    assert not users.exists()


@pytest.mark.parametrize("name", ["ada", "ADA", "Ada", "\N{FULLWIDTH LATIN SMALL LETTER A}da"])
def test_name_in_other_letters_is_taken(ada, open_gate, name) -> None:
    page = sign_up(browser(), name=name)
    assert "This name is taken. Choose another." in page.content.decode()
    assert users.count() == 1


@pytest.mark.django_db(transaction=True)
def test_invitation_used_by_two_at_once_lets_in_one(invited) -> None:
    answers: list[int] = []

    def use(number: int) -> None:
        answers.append(sign_up(browser(), invited, name=f"zoe{number}").status_code)

    all_at_once(6, use)
    assert sorted(answers) == [302] + [404] * 5
    assert users.count() == 1


@pytest.mark.django_db(transaction=True)
def test_name_wanted_by_many_at_once_is_given_to_one(open_gate, settings) -> None:
    names = ["zoe", "ZOE", "Zoe", "zoE", "zOe", "ZoE"]
    answers: list[int] = []
    all_at_once(6, lambda n: answers.append(sign_up(browser(), name=names[n]).status_code))
    assert sorted(answers) == [302] + [400] * 5
    assert users.count() == 1


def test_refused_user_is_not_kept(ada, settings) -> None:
    settings.IMAGEN_SIGN_UP = "invite"
    invitation, _key = draw_invitation()
    Invitation.objects.update(used_at=timezone.now())
    with pytest.raises(InvitationSpent):
        add_user(users.model(username="zoe"), invitation)
    with pytest.raises(NameTaken):
        add_user(users.model(username="aDa"))
    assert users.count() == 1


def test_open_gate_is_shown_and_counts_by_address(open_gate) -> None:
    assert 'href="/sign-up"' in browser().get("/sign-in").content.decode()
    for number in range(10):
        assert sign_up(browser(), name=f"zoe{number}").status_code == 302
    refused = sign_up(browser(), name="zoe11")
    assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    assert "Try again in an hour" in refused.content.decode()
    assert sign_up(browser("198.51.100.4"), name="zoe11").status_code == 302


def test_address_is_asked_for_only_where_mails_are_sent(open_gate, settings) -> None:
    assert 'name="email"' not in browser().get("/sign-up").content.decode()
    sign_up(browser(), email="zoe@example.org")
    assert users.get().email == ""
    settings.IMAGEN_MAIL = object()
    assert 'name="email"' in browser().get("/sign-up").content.decode()
    sign_up(browser(), name="yan", email="yan@example.org")
    assert users.get(username="yan").email == "yan@example.org"


def test_who_is_signed_in_needs_no_account(invited, ada, settings) -> None:
    client = browser()
    client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
    assert client.get(invited).url == "/create"
    settings.LOGIN_REDIRECT_URL = "web:pictures"
    assert client.get(invited).url == "/pictures"
    assert factories.make_user()
    assert not Invitation.objects.get().used_at
