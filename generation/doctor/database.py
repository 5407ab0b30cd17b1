"""PostgreSQL: whether it answers, knows the tables, agrees about the time, and carries the bell."""

import secrets
import time
from collections.abc import Iterable, Sequence

import psycopg
from django.conf import settings
from django.db import Error, connection

from generation import schema
from generation.doctor.finding import Finding, State, bad, ok, one_line, warning
from imagen_site import embedded_postgres, env

BELL_LIMIT_S = 2.0
SKEW_LIMIT_S = 10.0
CROWDED = 0.8
"""The share of the server's connections from which on it is time for more."""
MIGRATIONS = "migrations"

_CONNECTIONS = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::int
       - current_setting('superuser_reserved_connections')::int
"""


def examine() -> Iterable[Finding]:
    """Nothing more than that it is away, where it is away. An embedded one is not started."""
    if _is_embedded() and not embedded_postgres.is_answering(_location()):
        yield warning(
            "database", "the embedded PostgreSQL is not running; a server starts it", "make run"
        )
        return
    try:
        yield _server()
        yield _migrations()
        yield _clock()
        yield _connections()
    except Error as error:
        yield bad("database", one_line(f"cannot be used: {error}"), _mending())
        return
    yield _bell()


def has_tables(findings: Sequence[Finding]) -> bool:
    """Whether the database answers with every table of this code."""
    return any(finding.name == MIGRATIONS and finding.state is State.OK for finding in findings)


def _is_embedded() -> bool:
    return not env.text("DATABASE_URL")


def _location() -> embedded_postgres.Location:
    return embedded_postgres.locate(env.data_dir())


def _mending() -> str:
    if _is_embedded():
        return f"tail {_location().log}"
    return 'psql "$DATABASE_URL" -c "select 1"  (and the server\'s own log)'


def _server() -> Finding:
    """Raises a database error where it cannot be reached."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        (number,) = cursor.fetchone()
    server = f"PostgreSQL {number // 10_000}.{number % 10_000}"
    if _is_embedded():
        return ok("database", f"{server}, embedded")
    host = connection.settings_dict["HOST"] or "this host"
    return ok("database", f"{server} on {host}, called {connection.settings_dict['NAME']}")


def _migrations() -> Finding:
    missing = schema.missing_migrations()
    if missing:
        words = f"not applied: {len(missing)}, the first is {'.'.join(missing[0])}"
        return bad(MIGRATIONS, words, "manage.py migrate")
    return ok(MIGRATIONS, "all are applied")


def _clock() -> Finding:
    """How far this host's clock is from the database's, whose times are all that count."""
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float")
        (there,) = cursor.fetchone()
    ahead_s = (before + time.time()) / 2 - there
    if abs(ahead_s) > SKEW_LIMIT_S:
        way = "ahead of" if ahead_s > 0 else "behind"
        words = f"this host is {abs(ahead_s):,.0f} s {way} the database: logs do not agree"
        return warning("clock", words, "timedatectl set-ntp true")
    return ok("clock", f"agrees with the database's to {max(0.1, abs(ahead_s)):.1f} s")


def _connections() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS)
        used, limit = cursor.fetchone()
    words = f"{used} of {limit} are in use"
    if used > CROWDED * limit:
        remedy = "a higher max_connections in postgresql.conf, then a restart of the server"
        return warning("connections", words, remedy)
    return ok("connections", words)


def _bell() -> Finding:
    """Ring on a channel that nobody else hears, and listen as workers do."""
    channel = f"imagen_doctor_{secrets.token_hex(4)}"
    patience = {"connect_timeout": int(BELL_LIMIT_S) or 1}
    try:
        with psycopg.connect(**settings.LISTEN_PARTS | patience, autocommit=True) as ear:
            ear.execute(f"LISTEN {channel}")
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [channel])
            is_heard = any(ear.notifies(timeout=BELL_LIMIT_S, stop_after=1))
        trouble = "" if is_heard else "it rings unheard"
    except (psycopg.Error, Error) as error:
        trouble = one_line(f"nobody can listen: {error}")
    if trouble:
        return warning(
            "bell",
            f"{trouble}; jobs start up to two seconds late",
            "IMAGEN_LISTEN_URL must name the database itself, not a pooler",
        )
    return ok("bell", "workers hear at once that a job waits")
