"""Invitations are drawn here, shown once, and withdrawn while nobody has used them."""

import re

import pytest
from django.utils import timezone

from generation import invitations
from generation.models import Invitation
from tests.admin.operators import ENGLISH, INVITATIONS, act, staff, text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def open_for_invited(settings) -> None:
    settings.IMAGEN_SIGN_UP = "invite"


def drawn_url(page: str) -> str:
    (url,) = re.findall(r'<code class="once">([^<]+)</code>', page)
    return url


def test_invitation_is_drawn_and_its_link_shown_once(operator) -> None:
    assert 'name="note"' in text(operator, f"{INVITATIONS}add/")
    answer = operator.post(
        f"{INVITATIONS}add/",
        {"note": "for Ada", "digest": "0" * 64, "expires_at": "2099-01-01"},
        headers=ENGLISH,
    )
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    invitation = Invitation.objects.get()
    url = drawn_url(answer.content.decode())
    assert invitations.find_invitation(url.rsplit("/", 1)[1]) == invitation
    assert (invitation.note, invitation.created_by) == ("for Ada", operator.user)
    assert invitation.expires_at.year < 2099
    assert "for Ada" in text(operator, INVITATIONS)
    assert url not in text(operator, INVITATIONS)
    assert url not in text(operator, f"{INVITATIONS}{invitation.pk}/change/")
    assert invitation.digest not in text(operator, f"{INVITATIONS}{invitation.pk}/change/")


def test_link_is_kept_neither_in_a_cookie_nor_in_the_session(operator) -> None:
    answer = operator.post(f"{INVITATIONS}add/", {"note": "for Ada"}, headers=ENGLISH)
    key = drawn_url(answer.content.decode()).rsplit("/", 1)[1]
    assert key not in str(operator.cookies)
    assert key not in str(dict(operator.session))


def test_page_that_is_sent_again_draws_no_second_invitation(operator) -> None:
    form = text(operator, f"{INVITATIONS}add/")
    (wish,) = re.findall(r'name="once" value="([^"]+)"', form)
    for _ in range(2):
        answer = operator.post(f"{INVITATIONS}add/", {"note": "for Ada", "once": wish})
    assert answer.status_code == 302
    assert Invitation.objects.count() == 1


@pytest.mark.parametrize("button", ["_addanother", "_continue", "_popup"])
def test_every_button_shows_the_link(operator, button) -> None:
    answer = operator.post(f"{INVITATIONS}add/", {"note": "for Ada", button: "1"})
    assert invitations.find_invitation(drawn_url(answer.content.decode()).rsplit("/", 1)[1])


def test_closed_service_tells_which_setting_opens_it(operator, settings) -> None:
    settings.IMAGEN_SIGN_UP = "closed"
    answer = operator.post(f"{INVITATIONS}add/", {"note": "me"}, follow=True, headers=ENGLISH)
    assert "set IMAGEN_SIGN_UP=invite first" in answer.content.decode()
    assert not Invitation.objects.exists()


def test_invitations_are_drawn_by_those_who_may(client) -> None:
    staff(client, "view_invitation")
    assert client.post(f"{INVITATIONS}add/", {"note": "me"}).status_code == 403
    assert not Invitation.objects.exists()


def test_only_unused_invitations_are_withdrawn(operator, user) -> None:
    unused, _key = invitations.draw_invitation(note="unused")
    used, _key = invitations.draw_invitation(note="used")
    Invitation.objects.filter(pk=used.pk).update(used_at=timezone.now(), used_by=user)
    page = act(operator, "withdraw", unused, used, url=INVITATIONS).content.decode()
    assert "1 invitation withdrawn." in page
    assert Invitation.objects.get() == used
