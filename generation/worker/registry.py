"""A supervisor's row: who it is, what it can serve, and when it was last seen.

All times are the database's. A worker that starts anew takes the row of its predecessor over.
"""

import socket
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from django.db import connection
from django.db.models.functions import Now

from generation import conf
from generation.jobs.state import QUIET_AFTER
from generation.models import Worker

FORGET_AFTER = timedelta(days=7)

_ENROL = """
INSERT INTO generation_worker AS known
       (name, host, device, lock, profile, profiles, version, last_error)
VALUES (%(name)s, %(host)s, %(device)s, %(lock)s, %(profile)s, %(profiles)s, %(version)s, '')
    ON CONFLICT (name) DO UPDATE
   SET host = EXCLUDED.host, device = EXCLUDED.device, lock = EXCLUDED.lock,
       profile = EXCLUDED.profile, profiles = EXCLUDED.profiles, version = EXCLUDED.version,
       started_at = statement_timestamp(), seen_at = statement_timestamp(), stopped_at = NULL,
       loading_since = NULL, draining_since = NULL, drained_at = NULL,
       memory_plan = '', memory_gib = 0, ended_pid = NULL
 WHERE (known.host, known.lock) = (EXCLUDED.host, EXCLUDED.lock)
    OR known.stopped_at IS NOT NULL
    OR known.seen_at < statement_timestamp() - %(quiet_after)s
RETURNING true
"""

_GIVE_SIGN = """
UPDATE generation_worker SET seen_at = statement_timestamp(), profiles = %(profiles)s
 WHERE name = %(name)s
RETURNING draining_since IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a worker says of itself."""

    name: str
    host: str
    device: str
    lock: str
    profile: str
    version: str


def identify(name: str, device: str, lock: Path) -> Identity:
    """The worker of this name, on this host, with this lock and these settings."""
    return Identity(
        name=name,
        host=socket.gethostname(),
        device=device,
        lock=str(lock),
        profile=conf.profile().name,
        version=version("imagen"),
    )


def enrol(identity: Identity) -> bool:
    """Make the row, or take the predecessor's over with its last error. A drain ends with it.

    False: a worker with another lock has this name and lives; the jobs of one would be both's. Who
    had this host's same lock before is dead, since the caller holds it now.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ENROL, _values(identity) | {"quiet_after": QUIET_AFTER})
        return cursor.fetchone() is not None


def give_sign(identity: Identity) -> bool:
    """Say that it lives and what it can serve. Whether it is to be drained."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_SIGN, _values(identity))
        row = cursor.fetchone()
    if row is None:  # somebody removed it
        enrol(identity)
        return False
    return bool(row[0])


def note_error(identity: Identity, words: str) -> None:
    """Note why it had to start again; a sign of life as well."""
    give_sign(identity)
    _update(identity, last_error=words, last_error_at=Now())


def note_drained(identity: Identity) -> None:
    """Say that nothing runs here any more, if it is to be drained and has not said so."""
    draining = Worker.objects.filter(pk=identity.name, draining_since__isnull=False)
    draining.filter(drained_at__isnull=True).update(drained_at=Now())


def note_cluster(identity: Identity) -> None:
    """Say that a cluster begins; what a lost one was doing is no longer true."""
    _update(identity, loading_since=None)


def note_stop(identity: Identity) -> None:
    """Say that it stops because it was told to."""
    _update(identity, seen_at=Now(), stopped_at=Now(), loading_since=None)


def forget_lost() -> None:
    """Remove the rows of workers that have long not been seen."""
    Worker.objects.filter(seen_at__lt=Now() - FORGET_AFTER).delete()


def _update(identity: Identity, **values: object) -> None:
    Worker.objects.filter(pk=identity.name).update(**values)


def _values(identity: Identity) -> dict[str, object]:
    return asdict(identity) | {"profiles": conf.servable_profiles()}
