"""The database's tables: whether they are up to date, and bringing them there."""

import functools

from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

SCHEMA_LOCK = 0x736368656D61  # "schema"


def is_current() -> bool:
    """Whether every migration of this code is applied.

    One query. Raises a database error when there is nobody to ask.
    """
    return not missing_migrations()


def missing_migrations() -> list[tuple[str, str]]:
    """Those of this code that are not applied, as application and name. As dear as is_current."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(_known_migrations() - set(applied))


def bring_up_to_date() -> None:
    """Apply what is missing. Of several programs that start at once, one does it, others wait."""
    if is_current():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [SCHEMA_LOCK])
        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [SCHEMA_LOCK])


@functools.cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
