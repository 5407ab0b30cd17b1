"""A supervisor's row: who it is and when it was last seen, by the database's clock."""

import socket
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib.metadata import version

from django.db.models.functions import Now

from generation import conf
from generation.models import Worker

FORGET_AFTER = timedelta(days=7)


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


def enrol(identity: Identity) -> None:
    """Make the row, or take the predecessor's over with its last error."""
    _write(identity, "host", "device", "profile", "version", "started_at", "seen_at", "stopped_at")


def give_sign(identity: Identity) -> None:
    """Say that it lives; remove the rows of those that have long not been seen."""
    _write(identity, "seen_at")
    Worker.objects.filter(seen_at__lt=Now() - FORGET_AFTER).delete()


def note_error(identity: Identity, words: str) -> None:
    """Note why it had to start again; a sign of life as well."""
    error = {"last_error": words, "last_error_at": Now()}
    _write(identity, "seen_at", *error, **error)


def note_stop(identity: Identity) -> None:
    """Say that it stops because it was told to."""
    _write(identity, "seen_at", "stopped_at", stopped_at=Now())


def _write(identity: Identity, *columns: str, **values: object) -> None:
    """One statement: insert the row, or change these columns of the one that is there."""
    Worker.objects.bulk_create(
        [Worker(**asdict(identity), **values)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=columns,
    )
