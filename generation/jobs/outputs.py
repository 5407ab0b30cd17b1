"""Finished pictures: stored first, then claimed by the row; a file without a row is removed."""

import logging
import os

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from generation.jobs import outage, transitions
from generation.jobs.transitions import Claim
from generation.models import GenerationJob
from generation.spec.errors import StorageFailed
from generation.spec.picture import Picture

logger = logging.getLogger(__name__)


def publish(claim: Claim, picture: Picture) -> bool:
    """Store the picture and settle its job. False: the claim was lost, the file is gone again.

    Raises StorageFailed when the file cannot be written; nothing is left of it then.
    """
    name = _store(claim, picture.png)
    if not outage.wait_out(lambda: transitions.succeed(claim, name)) and not _is_ours(claim, name):
        discard(name)
        return False
    _discard_earlier_attempts(claim)
    return True


def discard(name: str) -> None:
    """Remove a stored picture; one that is already gone is fine, what else fails is logged."""
    try:
        default_storage.delete(name)
    except OSError as error:
        logger.warning("could not delete %s: %s", name, error)


def _store(claim: Claim, png: bytes) -> str:
    name = _name(claim, claim.attempt)
    try:
        stored = default_storage.save(name, ContentFile(png))
        _sync(stored)
    except OSError as error:
        discard(name)
        raise StorageFailed(f"{name} could not be written: {error}") from error
    return stored


def _sync(name: str) -> None:
    """Bring a local file to the disk itself, so that a row never points at a lost picture."""
    try:
        path = default_storage.path(name)
    except NotImplementedError:  # a remote store confirms a write by its answer
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_ours(claim: Claim, name: str) -> bool:
    """Whether the row already points at this file: the server went away after it had settled."""
    return GenerationJob.objects.filter(pk=claim.job_id, output=name).exists()


def _discard_earlier_attempts(claim: Claim) -> None:
    """Files of attempts that were killed between storing and settling."""
    for attempt in range(1, claim.attempt):
        if default_storage.exists(name := _name(claim, attempt)):
            discard(name)


def _name(claim: Claim, attempt: int) -> str:
    return f"outputs/{claim.created_at:%Y/%m}/{claim.public_id}-{attempt}.png"
