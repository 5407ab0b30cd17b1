"""Invitations are drawn, found while they live, and used once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from generation.invitations import (
    SignUpClosed,
    draw_invitation,
    find_invitation,
    invitation_url,
    use_invitation,
)
from generation.models import Invitation
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def open_for_invited(settings) -> None:
    settings.IMAGEN_SIGN_UP = "invite"


def test_only_the_digest_is_kept(user) -> None:
    invitation, key = draw_invitation(note="for zoe", created_by_id=user.pk, days=2)
    assert find_invitation(key) == invitation
    assert (invitation.note, invitation.created_by) == ("for zoe", user)
    left = invitation.expires_at - timezone.now()
    assert timedelta(days=1, hours=23) < left <= timedelta(days=2)
    row = Invitation.objects.values().get()
    assert key not in str(row)


def test_none_is_drawn_for_a_closed_service(settings) -> None:
    settings.IMAGEN_SIGN_UP = "closed"
    with pytest.raises(SignUpClosed, match="IMAGEN_SIGN_UP=invite"):
        draw_invitation()
    assert not Invitation.objects.exists()


def test_link_names_the_public_address(settings) -> None:
    settings.IMAGEN_PUBLIC_URL = "https://imagen.example.org"
    assert invitation_url("abc-_1") == "https://imagen.example.org/sign-up/abc-_1"


def test_it_is_used_once(user) -> None:
    invitation, key = draw_invitation()
    assert use_invitation(invitation, user)
    assert find_invitation(key) is None
    assert not use_invitation(invitation, factories.make_user())
    invitation.refresh_from_db()
    assert invitation.used_by == user


def test_it_grows_old(user) -> None:
    invitation, key = draw_invitation()
    Invitation.objects.update(expires_at=timezone.now())
    assert find_invitation(key) is None
    assert not use_invitation(invitation, user)


@pytest.mark.parametrize("key", ["", "x", "é", "\udcff"])
def test_made_up_keys_find_nothing(key) -> None:
    draw_invitation()
    assert find_invitation(key) is None
