"""A worker's patience with a database that restarts."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
GONE = (OperationalError, InterfaceError)
LIMIT_S = 60.0
PAUSE_S = 1.0


def wait_out(action: Callable[[], Answer], *, limit_s: float = LIMIT_S) -> Answer:
    """Do it; while the database is away, wait and do it again on a new connection.

    The action may have happened although its answer was lost, so it must be conditional.
    Raises the last error when the database is still away after `limit_s` seconds.
    """
    give_up_at = time.monotonic() + limit_s
    while True:
        try:
            return action()
        except GONE as error:
            connection.close()
            if time.monotonic() > give_up_at:
                raise
            logger.warning("the database is away, trying again: %s", error)
        time.sleep(PAUSE_S)
