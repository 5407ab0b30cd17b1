"""Tokens for programs: drawn here, shown once, kept as a digest."""

import hashlib
import secrets
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from generation.models import ApiToken

KEY_PREFIX = "img_"
SHOWN_CHARS = 12
KEYWORDS = ("token", "bearer")
NOTE_USE_EVERY = timedelta(minutes=1)


def draw_token(user_id: int, name: str) -> tuple[ApiToken, str]:
    """Make a token for this user; returns its row and its text, which cannot be read again."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user_id=user_id, name=name, digest=_digest(key), prefix=key[:SHOWN_CHARS]
    )
    return token, key


def revoke_token(token: ApiToken) -> bool:
    """End a token for good. False: it had ended already."""
    live = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True)
    return bool(live.update(revoked_at=Now()))


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token img_…` or `Bearer img_…`; a request without the header is anonymous."""

    def authenticate(self, request: Request) -> tuple[object, ApiToken] | None:
        keyword, _space, key = request.headers.get("Authorization", "").partition(" ")
        if keyword.lower() not in KEYWORDS:
            return None
        tokens = ApiToken.objects.select_related("user").filter(
            digest=_digest(key.strip()), revoked_at__isnull=True, user__is_active=True
        )
        token = tokens.first()
        if token is None:
            raise AuthenticationFailed(
                _("The token is unknown or was revoked. Make one with manage.py create_token.")
            )
        _note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Token"


def _digest(key: str) -> str:
    """SHA-256 suffices: the key holds 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _note_use(token: ApiToken) -> None:
    """Write the time of use, at most once a minute: reads stay reads."""
    is_due = Q(last_used_at__isnull=True) | Q(last_used_at__lt=Now() - NOTE_USE_EVERY)
    ApiToken.objects.filter(is_due, pk=token.pk).update(last_used_at=Now())
