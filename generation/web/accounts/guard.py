"""Visitors: who counts as one, how often one may try, and how a refusal is answered."""

import hashlib
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.db import connection, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.generic.edit import FormMixin

PASSWORD_BACKEND = "django.contrib.auth.backends.ModelBackend"
NO_ADDRESS = "0.0.0.0"
ONE_CUSTOMER_BITS = 64
TRIES_AN_HOUR = 10
SIGN_INS_AN_HOUR = 100
"""Of one address, whatever the names: an office signs in often, a guesser oftener."""
AT_ONCE = 2
HOUR_S = 3_600


class Refusing(FormMixin):
    """Mixin: a form that is refused comes back with status 400."""

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=400)


def client_address(request: HttpRequest) -> str:
    """The visitor's address as uvicorn has found it; of IPv6 the network that is one customer's.

    What is no address counts as one that nobody has: axes compares in SQL, where an empty one
    would never equal itself, and no limit would hold.
    """
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return NO_ADDRESS
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), ONE_CUSTOMER_BITS), strict=False).network_address)


_hashing = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def one_at_a_time(name: str, address: str) -> Iterator[None]:
    """Make simultaneous tries of one name from one address wait for each other.

    axes counts a failure once it has happened: a hundred at once would all still be allowed.
    Passwords take long to hash on purpose; few at a time are, lest they hold all connections.
    """
    key = hashlib.sha256(f"{address} {name}".encode()).digest()[:8]
    with _hashing, transaction.atomic(), connection.cursor() as cursor:
        lock = int.from_bytes(key, signed=True)
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        yield


def may_try(what: str, who: str, limit: int = TRIES_AN_HOUR) -> bool:
    """Count one more try of this hour. In memory: a restart forgives, which costs nothing."""
    key = hashlib.sha256(f"{what} {who}".encode()).hexdigest()
    cache.add(key, 0, HOUR_S)
    try:
        return cache.incr(key) <= limit
    except ValueError:  # the hour has just ended
        return True


def in_an_hour(response: HttpResponse) -> HttpResponse:
    """The same page, as the answer to one try too many."""
    response.status_code, response["Retry-After"] = 429, str(HOUR_S)
    return response


def sign_in_rests_for(name: str, address: str) -> int:
    """Seconds until this name may be tried again from this address; 1 if it already may."""
    left = _rest_ends_at(name, address) - timezone.now()
    return max(1, math.ceil(left.total_seconds()))


def _rest_ends_at(name: str, address: str) -> datetime:
    """axes keeps a row for each browser; the newest of them fill the limit."""
    failures = 0
    attempts = AccessAttempt.objects.filter(username=name, ip_address=address)
    for attempt in attempts.order_by("-attempt_time"):
        failures += attempt.failures_since_start
        if failures >= settings.IMAGEN_SIGN_IN_TRIES:
            return attempt.attempt_time + timedelta(seconds=settings.IMAGEN_SIGN_IN_PAUSE)
    return timezone.now()


def let_in(request: HttpRequest, user: AbstractBaseUser, *, stay: bool = False) -> None:
    """Sign in under a new session key; unless they stay, until the browser is closed."""
    login(request, user, backend=PASSWORD_BACKEND)
    if not stay:
        request.session.set_expiry(0)


def in_words(seconds: int) -> str:
    """A length of time, rounded up, so that nobody comes back too early."""
    if seconds < 120:
        words, number = ngettext("%(number)d second", "%(number)d seconds", seconds), seconds
    elif seconds <= 7_200:
        number = math.ceil(seconds / 60)
        words = ngettext("%(number)d minute", "%(number)d minutes", number)
    else:
        number = math.ceil(seconds / 3_600)
        words = ngettext("%(number)d hour", "%(number)d hours", number)
    return words % {"number": number}
