"""What every program of Imagen does first and last."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError

from imagen_site.embedded_postgres import EmbeddedPostgresError


@contextlib.contextmanager
def orderly_process() -> Iterator[None]:
    """Run a program so that it leaves the embedded PostgreSQL and explains itself in one line.

    SIGTERM and SIGHUP become an ordinary exit, which runs the exit handlers; a program with
    handlers of its own replaces these. Settings that make no sense and a database that cannot be
    had end it with a sentence instead of a traceback.
    """
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, _exit)
    try:
        yield
    except (ImproperlyConfigured, EmbeddedPostgresError) as error:
        sys.exit(f"imagen: {error}")
    except OperationalError as error:
        reason = " ".join(str(error).split())
        sys.exit(f"imagen: the database cannot be used; check DATABASE_URL: {reason}")


def _exit(signal_number: int, _frame: object) -> NoReturn:
    sys.exit(128 + signal_number)
