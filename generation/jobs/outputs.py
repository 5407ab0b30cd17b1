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
    is_settled = outage.wait_out(lambda: transitions.succeed(claim, name))
    if not is_settled and not outage.wait_out(lambda: _is_ours(claim, name)):
        _discard(name)
        return False
    _discard_attempts(claim, range(1, claim.attempt))
    return True


def discard_pictures(job: GenerationJob) -> None:
    """Remove every file of a deleted job, those of killed attempts included."""
    _discard_attempts(job, range(1, job.attempt + 1))
    if job.output.name:
        _discard(job.output.name)


def _discard(name: str) -> None:
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
        _discard(name)
        raise StorageFailed(f"{name} could not be written: {error}") from error
    return stored


def _sync(name: str) -> None:
    """Bring a local file and its folder to the disk, so that a row never points at nothing."""
    try:
        path = default_storage.path(name)
    except NotImplementedError:  # a remote store confirms a write by its answer
        return
    for place in (path, os.path.dirname(path)):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _is_ours(claim: Claim, name: str) -> bool:
    """Whether the row already points at this file: the server went away after it had settled."""
    return GenerationJob.objects.filter(pk=claim.job_id, output=name).exists()


def _discard_attempts(work: Claim | GenerationJob, attempts: range) -> None:
    for attempt in attempts:
        if default_storage.exists(name := _name(work, attempt)):
            _discard(name)


def _name(work: Claim | GenerationJob, attempt: int) -> str:
    return f"outputs/{work.created_at:%Y/%m}/{work.public_id}-{attempt}.png"
