"""django-q2's broker, woken by PostgreSQL: a job starts milliseconds after it was accepted.

Tickets lie in django-q2's own table. Whoever puts one in rings by NOTIFY; the clusters' pushers
LISTEN, and ask anyway every few seconds. A pusher whose worker paints, is paused, or could not
serve any waiting job leaves the ticket to others.
"""

import contextlib
import logging
import time

import psycopg
from django.conf import settings
from django.db import connection
from django_q.brokers.orm import ORM

from generation import conf
from generation.jobs import outage, statements

logger = logging.getLogger(__name__)

BACKSTOP_S = 2.0
"""So long a job waits at most where no bell is heard: behind a pooler, or while it is mended."""
PAUSE_S = 1.0
UNTIL_CLAIMED_S = 0.03
"""Until then the worker has claimed, and this cluster leaves other tickets to others."""


class Bell(ORM):  # type: ignore[misc]  # django-q2 has no types
    """The ORM broker with a bell. One of a kind in its process: the pusher's, or a submitter's."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self.ear = Ear()
        self._is_first = True
        self._has_taken = False

    def enqueue(self, task: str) -> int:
        """Put a ticket in, and ring once the caller's transaction is committed. Its key."""
        values = {"key": self.list_key, "payload": task, "bell": statements.BELL}
        with connection.cursor() as cursor:
            cursor.execute(statements.PUT_TICKET, values)
            return int(cursor.fetchone()[0])

    def dequeue(self) -> list[tuple[int, str]] | None:
        """Take a ticket if this cluster's worker can begin something; else wait for the bell.

        The first one is taken without asking: it loads the model. None: nothing was taken. While
        the database is away it returns from time to time, so that the pusher lives through it.
        """
        if self._has_taken:
            self._has_taken = False
            time.sleep(UNTIL_CLAIMED_S)
        try:
            ticket = self._take()
        except outage.GONE as error:
            logger.warning("no tickets can be taken, the database is away: %s", error)
            connection.close()
            time.sleep(PAUSE_S)
            return None
        if ticket is None:
            self.ear.listen(BACKSTOP_S)
            return None
        self._is_first = False
        self._has_taken = True
        return [ticket]

    def acknowledge(self, task_id: int) -> None:
        """Nothing: the ticket was deleted before the work began, or is purged.

        django-q2's monitor asks for it once more afterwards, and would die of a database that is
        away just then; with it the whole crew, and the model it has loaded.
        """

    def _take(self) -> tuple[int, str] | None:
        values = {
            "key": self.list_key,
            "worker": settings.IMAGEN_WORKER_NAME,
            "profiles": conf.servable_profiles(),
            "is_first": self._is_first,
            "retry_s": settings.Q_CLUSTER["retry"],
        }
        with connection.cursor() as cursor:
            cursor.execute(statements.TAKE_TICKET, values)
            ticket: tuple[int, str] | None = cursor.fetchone()
            return ticket


class Ear:
    """A connection of its own that hears the bell; IMAGEN_LISTEN_URL may lead it past a pooler."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection | None = None
        self._is_deaf = False

    def listen(self, limit_s: float) -> None:
        """Return when the bell rings, or after `limit_s` seconds.

        Returns at once when it has just begun to listen: it may have rung before.
        """
        try:
            if self._connection is None:
                self._connection = self._open()
            else:
                for _ring in self._connection.notifies(timeout=limit_s, stop_after=1):
                    pass
        except psycopg.Error as error:
            self._give_up(error)
            time.sleep(limit_s)

    def close(self) -> None:
        """Hear nothing more, until it listens again."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def _open(self) -> psycopg.Connection:
        patience = {"connect_timeout": int(BACKSTOP_S) or 1}
        opened = psycopg.connect(**settings.LISTEN_PARTS | patience, autocommit=True)
        opened.execute(f"LISTEN {statements.BELL}")
        if self._is_deaf:
            logger.info("the bell is heard again")
        self._is_deaf = False
        return opened

    def _give_up(self, error: psycopg.Error) -> None:
        """Told once for each outage."""
        if not self._is_deaf:
            logger.warning("the bell cannot be heard, asking every %g s: %s", BACKSTOP_S, error)
        self._is_deaf = True
        self.close()
