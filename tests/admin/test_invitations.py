"""Invitations are drawn here, shown once, and withdrawn while nobody has used them."""

import re

import pytest
from django.utils import timezone

from generation import invitations
from generation.models import Invitation
from tests.admin.operators import ENGLISH, INVITATIONS, act, staff, text

pytestmark = pytest.mark.django_db


def test_invitation_is_drawn_and_its_link_shown_once(operator) -> None:
    assert 'name="note"' in text(operator, f"{INVITATIONS}add/")
    answer = operator.post(
        f"{INVITATIONS}add/",
        {"note": "for Ada", "digest": "0" * 64, "expires_at": "2099-01-01"},
        follow=True,
        headers=ENGLISH,
    )
    page = answer.content.decode()
    invitation = Invitation.objects.get()
    (url,) = re.findall(r'<code class="once">([^<]+)</code>', page)
    assert invitations.find_invitation(url.rsplit("/", 1)[1]) == invitation
    assert (invitation.note, invitation.created_by) == ("for Ada", operator.user)
    assert invitation.expires_at.year < 2099
    assert "for Ada" in page
    assert url not in text(operator, INVITATIONS)
    assert url not in text(operator, f"{INVITATIONS}{invitation.pk}/change/")
    assert invitation.digest not in text(operator, f"{INVITATIONS}{invitation.pk}/change/")


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
