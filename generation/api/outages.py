"""While the database is away: one request a second asks for it, all others are told at once.

Without this each of them would wait for the pool's patience, and the site would stand still for
its answers.
"""

import logging
import threading
import time

import psycopg
from django.conf import settings
from django.db import connection

logger = logging.getLogger(__name__)

ASK_EVERY_S = 1.0
PATIENCE_S = 2


class Outage:
    """Whether the database is known to be away. One of a kind in its process."""

    def __init__(self) -> None:
        self._is_suspected = False
        self._is_on = False
        self._asks = threading.Lock()
        self._next_ask = 0.0

    def begin(self) -> None:
        """Somebody could not reach it. The next request asks: perhaps it was one connection."""
        if not self._is_suspected:
            self._next_ask = 0.0
            self._is_suspected = True

    def is_over(self) -> bool:
        """Whether a request may go on. The one that is first in a second finds out.

        Nobody is refused before the first one has found that it is away.
        """
        if self._is_suspected and self._asks.acquire(blocking=False):
            try:
                if time.monotonic() >= self._next_ask:
                    self._is_on = self._is_suspected = not _answers()
                    self._next_ask = time.monotonic() + ASK_EVERY_S
            finally:
                self._asks.release()
        return not self._is_on


def _answers() -> bool:
    """Whether there is a connection to it: one of the pool's, as every request needs one."""
    try:
        if connection.pool:
            with connection.pool.connection(timeout=PATIENCE_S):
                pass
        else:
            psycopg.connect(**settings.DATABASE_PARTS | {"connect_timeout": PATIENCE_S}).close()
    except psycopg.OperationalError:
        return False
    logger.info("the database is back")
    return True


present = Outage()
