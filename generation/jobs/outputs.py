"""Finished pictures: stored first, then claimed by the row; a file without a row is removed."""

import io
import itertools
import logging
import os

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image

from generation.jobs import outage, transitions
from generation.jobs.transitions import Claim
from generation.models import GenerationJob
from generation.spec.errors import StorageFailed
from generation.spec.formats import SUFFIXES
from generation.spec.picture import Picture

logger = logging.getLogger(__name__)

THUMBNAIL_SIDE = 560
NO_THUMBNAIL = (OSError, ValueError, LookupError, MemoryError, Image.DecompressionBombError)
"""What the disk and Pillow raise where a small picture cannot be made or kept."""


def publish(claim: Claim, picture: Picture) -> bool:
    """Store picture and thumbnail and settle the job. False: the claim was lost, they are gone.

    A picture can do without its thumbnail. Raises StorageFailed when the picture cannot be written;
    nothing is left of it then.
    """
    name = _store(claim, picture)
    _store_thumbnail(claim, name, picture)
    is_settled = outage.wait_out(lambda: transitions.succeed(claim, name, picture.adjustments))
    if not is_settled and not outage.wait_out(lambda: _is_ours(claim, name)):
        _discard_both(name)
        return False
    discard_earlier(claim)
    return True


def discard_earlier(claim: Claim) -> None:
    """Remove what killed attempts before this one may have left."""
    _discard_attempts(claim, range(1, claim.attempt))


def discard_leftovers(work: Claim | GenerationJob) -> None:
    """Remove what killed attempts left of a job that has ended without a picture."""
    _discard_attempts(work, range(1, work.attempt + 1))


def discard_pictures(job: GenerationJob) -> None:
    """Remove every file of a deleted job, those of killed attempts included."""
    discard_leftovers(job)
    if job.output.name:
        _discard_both(job.output.name)


def make_thumbnail(file: bytes, side: int = THUMBNAIL_SIDE) -> bytes:
    """A WebP of at most so many pixels a side; a small picture keeps its size."""
    with Image.open(io.BytesIO(file)) as image:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        thumbnail = io.BytesIO()
        image.save(thumbnail, "WEBP", quality=82, method=4)
    return thumbnail.getvalue()


def thumbnail_name(output: str) -> str:
    """The thumbnail's name, beside its picture's; never the same, though both may be WebP."""
    return output.removesuffix(".png") + ".webp"


def _discard_both(output: str) -> None:
    _discard(output)
    _discard(thumbnail_name(output))


def _discard(name: str) -> None:
    """Remove a stored picture; one that is already gone is fine, what else fails is logged."""
    try:
        default_storage.delete(name)
    except OSError as error:
        logger.warning("could not delete %s: %s", name, error)


def _store(claim: Claim, picture: Picture) -> str:
    name = _name(claim, claim.attempt, picture.format.suffix)
    try:
        name = _save(name, picture.file)
    except OSError as error:
        _discard(name)
        raise StorageFailed(f"{name} could not be written: {error}") from error
    return name


def _store_thumbnail(claim: Claim, output: str, picture: Picture) -> None:
    name = thumbnail_name(output)
    try:
        _save(name, make_thumbnail(picture.file))
    except NO_THUMBNAIL as error:
        _discard(name)
        own = {"job": str(claim.public_id)}
        logger.warning("%s goes without a thumbnail: %s", output, error, extra=own)


def _save(name: str, content: bytes) -> str:
    stored = default_storage.save(name, ContentFile(content))
    _sync(stored)
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
    for attempt, suffix in itertools.product(attempts, SUFFIXES):
        if default_storage.exists(name := _name(work, attempt, suffix)):
            _discard_both(name)


def _name(work: Claim | GenerationJob, attempt: int, suffix: str) -> str:
    return f"outputs/{work.created_at:%Y/%m}/{work.public_id}-{attempt}{suffix}"
