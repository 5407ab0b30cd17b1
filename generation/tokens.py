"""API tokens: drawn here, shown once, kept as a digest."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from generation.models import ApiToken

KEY_PREFIX = "img_"
SHOWN_CHARS = 12
NOTE_USE_EVERY = timedelta(minutes=1)
MAX_LIVE = 50  # tokens a user


class TooManyTokens(Exception):
    """The user has MAX_LIVE live tokens; one must be revoked first."""


@transaction.atomic
def draw_token(user_id: int, name: str) -> tuple[ApiToken, str]:
    """Make a token for this user; returns its row and its text, which cannot be read again."""
    wait_for_turn(user_id)  # or simultaneous drawings would all count the same tokens
    if live_tokens(user_id).count() >= MAX_LIVE:
        raise TooManyTokens
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user_id=user_id, name=name, digest=digest(key), prefix=key[:SHOWN_CHARS]
    )
    return token, key


def wait_for_turn(user_id: int) -> None:
    """Make this user's other drawings wait until this transaction ends. Needs a transaction."""
    get_user_model().objects.select_for_update(no_key=True).only("pk").get(pk=user_id)


def live_tokens(user_id: int) -> QuerySet[ApiToken]:
    """Those that open the door, newest first."""
    return ApiToken.objects.filter(user_id=user_id, revoked_at__isnull=True)


def find_token(key: str) -> ApiToken | None:
    """The live token of an active user with this text; its use is noted."""
    token = (
        ApiToken.objects.select_related("user")
        .filter(digest=digest(key), revoked_at__isnull=True, user__is_active=True)
        .first()
    )
    if token is not None:
        _note_use(token)
    return token


def revoke_token(token: ApiToken) -> bool:
    """End a token for good. False: it had ended already."""
    live = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True)
    return bool(live.update(revoked_at=Now()))


def digest(key: str) -> str:
    """SHA-256 suffices: the key holds 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _note_use(token: ApiToken) -> None:
    """Write the time of use, at most once a minute: reads stay reads."""
    is_due = Q(last_used_at__isnull=True) | Q(last_used_at__lt=Now() - NOTE_USE_EVERY)
    ApiToken.objects.filter(is_due, pk=token.pk).update(last_used_at=Now())
