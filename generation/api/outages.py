"""While the database is away: one request a second asks for it, all others are told at once.

Without this each of them would wait for the pool's patience, and the site would stand still for
its answers.
"""

import logging
import threading
import time

import psycopg
from django.conf import settings

logger = logging.getLogger(__name__)

ASK_EVERY_S = 1.0
PATIENCE_S = 2


class Outage:
    """Whether the database is known to be away. One of a kind in its process."""

    def __init__(self) -> None:
        self._is_on = False
        self._asks = threading.Lock()
        self._next_ask = 0.0

    def begin(self) -> None:
        """Somebody could not reach it. The next request asks: perhaps it was one connection."""
        if not self._is_on:
            self._next_ask = 0.0
            self._is_on = True

    def is_over(self) -> bool:
        """Whether a request may go on. The one that is first in a second finds out."""
        if not self._is_on:
            return True
        if not self._asks.acquire(blocking=False):
            return False
        try:
            if time.monotonic() >= self._next_ask:
                self._is_on = not _answers()
                self._next_ask = time.monotonic() + ASK_EVERY_S
            return not self._is_on
        finally:
            self._asks.release()


def _answers() -> bool:
    """Whether it lets a connection in, past the pool."""
    try:
        psycopg.connect(**settings.DATABASE_PARTS | {"connect_timeout": PATIENCE_S}).close()
    except psycopg.OperationalError:
        return False
    logger.info("the database is back")
    return True


present = Outage()
