"""A supervisor's row: who it is, what it can serve, and when it was last seen.

All times are the database's. A worker that starts anew takes the row of its predecessor over.
"""

import socket
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib.metadata import version

from django.db import connection
from django.db.models.functions import Now

from generation import conf
from generation.jobs.state import QUIET_AFTER
from generation.models import Worker

FORGET_AFTER = timedelta(days=7)

_ENROL = """
INSERT INTO generation_worker AS known
       (name, host, device, profile, profiles, version, last_error)
VALUES (%(name)s, %(host)s, %(device)s, %(profile)s, %(profiles)s, %(version)s, '')
    ON CONFLICT (name) DO UPDATE
   SET host = EXCLUDED.host, device = EXCLUDED.device, profile = EXCLUDED.profile,
       profiles = EXCLUDED.profiles, version = EXCLUDED.version,
       started_at = statement_timestamp(), seen_at = statement_timestamp(), stopped_at = NULL,
       loading_since = NULL, draining_since = NULL, drained_at = NULL
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
    profile: str
    version: str


def identify(name: str, device: str) -> Identity:
    """The worker of this name, on this host and with these settings."""
    return Identity(
        name=name,
        host=socket.gethostname(),
        device=device,
        profile=conf.profile().name,
        version=version("imagen"),
    )


def is_taken(identity: Identity) -> bool:
    """Whether a worker of another host has this name and lives: the jobs of one would be both's."""
    namesakes = Worker.objects.filter(pk=identity.name, stopped_at__isnull=True)
    lives = namesakes.filter(seen_at__gte=Now() - QUIET_AFTER)
    return lives.exclude(host=identity.host).exists()


def enrol(identity: Identity) -> None:
    """Make the row, or take the predecessor's over with its last error. A drain ends with it."""
    with connection.cursor() as cursor:
        cursor.execute(_ENROL, _values(identity))


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
    """Say that nothing runs here any more, until it is resumed."""
    _update(identity, drained_at=Now())


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
