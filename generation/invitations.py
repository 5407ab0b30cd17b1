"""Invitations: links that let one person sign up. Drawn here, shown once, kept as a digest."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from generation.models import Invitation
from generation.spec.errors import gettext_noop
from generation.tokens import digest


class SignUpClosed(Exception):
    """Nobody can make an account here: an invitation would open nothing."""

    template = gettext_noop("Nobody can sign up here; set IMAGEN_SIGN_UP=invite first.")

    def __str__(self) -> str:
        return self.template


def draw_invitation(
    *, note: str = "", created_by_id: int | None = None, days: int = 7
) -> tuple[Invitation, str]:
    """Make an invitation; returns its row and its key, which cannot be read again.

    Raises SignUpClosed.
    """
    if settings.IMAGEN_SIGN_UP == "closed":
        raise SignUpClosed
    key = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        digest=digest(key),
        note=note,
        created_by_id=created_by_id,
        expires_at=timezone.now() + timedelta(days=days),
    )
    return invitation, key


def invitation_url(key: str) -> str:
    """The link to send to somebody."""
    return settings.IMAGEN_PUBLIC_URL + reverse("web:invitation", args=[key])


def find_invitation(key: str) -> Invitation | None:
    """The live invitation with this key."""
    return _live().filter(digest=digest(key)).first()


def use_invitation(invitation: Invitation, user: AbstractBaseUser) -> bool:
    """Use it up for this user. False: it was used by somebody else, or has grown too old."""
    return bool(_live().filter(pk=invitation.pk).update(used_at=Now(), used_by=user))


def _live() -> QuerySet[Invitation]:
    return Invitation.objects.filter(used_at__isnull=True, expires_at__gt=Now())
