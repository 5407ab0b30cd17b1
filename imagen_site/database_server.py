"""This process's share of the embedded PostgreSQL, where DATABASE_URL names no other server."""

import atexit
import sys

from imagen_site import embedded_postgres, env
from imagen_site.embedded_postgres import Membership

_membership: Membership | None = None


def join_if_embedded() -> None:
    """Have the embedded server running until this process ends; the last one out stops it.

    Does nothing where DATABASE_URL is set, or when this process has joined already.
    """
    global _membership  # noqa: PLW0603  one process, one share
    if _membership is None and not env.text("DATABASE_URL"):
        is_told = env.process_kind() != "command" or env.text("IMAGEN_WORKER_NAME")
        announce = None if is_told else _announce
        _membership = embedded_postgres.join(env.data_dir(), announce=announce)
        atexit.register(_membership.leave)


def keep_running() -> None:
    """Bring the embedded server back if it died."""
    if _membership is not None and _membership.ensure_running():
        _announce("the embedded PostgreSQL had died and was started again")


def _announce(line: str) -> None:
    print(f"imagen: {line}", file=sys.stderr, flush=True)
