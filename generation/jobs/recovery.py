"""What nobody else would notice: dead workers, passed deadlines, missing tickets, old results."""

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from generation.jobs import durations, outputs, queue, tickets, transitions
from generation.models import FINAL_STATUSES, GenerationJob, JobStatus

logger = logging.getLogger(__name__)

REAPER_LOCK = queue.QUEUE_LOCK + 1
DEADLINE_GRACE_S = 10
"""A worker that lives ends a late job itself, at its next step; it gets this long to do so."""
EXPIRED_AT_ONCE = 100


def reap_and_ring() -> None:
    """Take jobs from dead workers and put tickets where they are missing.

    Every host's supervisor calls this; one at a time does it, the others return at once. With
    nothing to do it costs two queries.
    """
    if not _abandoned().exists() and not tickets.are_missing():
        return
    with transaction.atomic():
        if not _try_lock():
            return
        ended = [job for job in _abandoned() if _recover(job)]
        tickets.ring_missing()
    _discard(ended)


def tidy() -> None:
    """Remove what nobody needs any more: ended attempts' previews, tickets, times, old results."""
    transitions.sweep_previews()
    durations.forget_old_kinds()
    tickets.purge()
    delete_expired()


def recover_worker(worker_name: str) -> None:
    """Take the jobs of a cluster whose processes are known to be dead, without waiting."""
    with transaction.atomic():
        ended = [job for job in _running().filter(worker=worker_name) if _recover(job)]
        tickets.ring_missing()
    _discard(ended)


def release_worker(worker_name: str) -> None:
    """Give back the job of a cluster that was ended, for no fault of the job's."""
    with transaction.atomic():
        given_back = transitions.release(worker_name)
        tickets.ring_missing()
    for released in given_back:
        logger.info(
            "attempt %d was released by %s: now %s",
            released.attempt,
            worker_name,
            released.status,
            extra={"job": str(released.public_id)},
        )


def delete_expired() -> int:
    """Delete results older than IMAGEN_RESULT_DAYS (0 keeps them), some at a time; how many.

    Hidden ones stay for an operator to delete.
    """
    days = settings.IMAGEN_RESULT_DAYS
    if not days:
        return 0
    expired = GenerationJob.objects.final().filter(
        finished_at__lt=Now() - timedelta(days=days), hidden_at__isnull=True
    )
    ids = list(expired.order_by("id").values_list("pk", flat=True)[:EXPIRED_AT_ONCE])
    deleted = transitions.delete_final(ids)
    for job in deleted:
        outputs.discard_pictures(job)
        logger.info("expired and deleted", extra={"job": str(job.public_id)})
    return len(deleted)


def busy_pid(worker_name: str) -> int | None:
    """The process that works on a job for this cluster, if one does."""
    job = _running().filter(worker=worker_name).first()
    return job.worker_pid if job else None


def _running() -> QuerySet[GenerationJob]:
    return GenerationJob.objects.filter(status=JobStatus.RUNNING)


def _abandoned() -> QuerySet[GenerationJob]:
    stale = Q(heartbeat_at__lt=Now() - timedelta(seconds=settings.IMAGEN_STALE_AFTER))
    late = Q(deadline_at__lt=Now() - timedelta(seconds=DEADLINE_GRACE_S))
    return _running().filter(stale | late)


def _recover(job: GenerationJob) -> bool:
    """Whether it has ended: what it left goes once that is committed."""
    status = transitions.recover(job, crash_tries=settings.IMAGEN_CRASH_TRIES)
    if status is not None:
        logger.warning(
            "attempt %d on %s was given up: now %s",
            job.attempt,
            job.worker,
            status,
            extra={"job": str(job.public_id)},
        )
    return status in FINAL_STATUSES


def _discard(ended: Iterable[GenerationJob]) -> None:
    for job in ended:
        outputs.discard_leftovers(job)


def _try_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [REAPER_LOCK])
        return bool(cursor.fetchone()[0])
