"""Forms that are sent twice: the second time leads to what the first one made.

Kept in the process's cache for an hour, by user, by a word that was drawn with the form, and by
what it says: a page that is gone back to carries the same word, and other wishes.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from uuid import UUID

from django.core.cache import cache

from generation.web.middleware import give_connections_back

FIELD = "once"
TOKEN = "csrfmiddlewaretoken"
KEPT_S = 3600
PENDING = "pending"
PATIENCE_S = 5.0


def draw() -> str:
    """A word for a new form."""
    return secrets.token_urlsafe(12)


def find(user_id: int, form: Mapping[str, str]) -> UUID | None:
    """The job of a form that has been sent before; None claims it for this request.

    The twin of a request that is still being answered waits for it.
    """
    if not form.get(FIELD):
        return None
    key = _key(user_id, form)
    give_connections_back()
    give_up_at = time.monotonic() + PATIENCE_S
    while not cache.add(key, PENDING, KEPT_S):
        known = cache.get(key)
        if isinstance(known, UUID):
            return known
        if time.monotonic() > give_up_at:
            break
        time.sleep(0.05)
    return None


def note(user_id: int, form: Mapping[str, str], job_id: UUID) -> None:
    """What the form has become."""
    if form.get(FIELD):
        cache.set(_key(user_id, form), job_id, KEPT_S)


def forget(user_id: int, form: Mapping[str, str]) -> None:
    """The form was refused and may be sent again."""
    cache.delete(_key(user_id, form))


def _key(user_id: int, form: Mapping[str, str]) -> str:
    said = sorted((name, value) for name, value in form.items() if name != TOKEN)
    return f"once-{user_id}-{hashlib.sha256(repr(said).encode()).hexdigest()}"
