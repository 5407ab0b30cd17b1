"""Capacity, places in the line, and the locks that make them exact."""

from django.conf import settings
from django.db import connection, models
from django.db.models import Q

from generation.jobs import order
from generation.models import GenerationJob, JobStatus

QUEUE_LOCK = 0x696D6167656E  # "imagen"; held by every submission until it commits
CONTROLS_LOCK = QUEUE_LOCK + 3  # held while a pause begins or ends


class QueueFull(Exception):
    """The whole queue holds as many waiting jobs as it may."""

    code = "queue_full"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} jobs are waiting, which is the limit")
        self.limit = limit


class UserQueueFull(QueueFull):
    """One user's share of the queue is used up."""

    code = "user_queue_full"


def lock_queue() -> None:
    """Make every other submission wait until this transaction ends. Needs a transaction."""
    _lock(QUEUE_LOCK)


def lock_controls() -> None:
    """Make everybody else who pauses or resumes wait until this transaction ends."""
    _lock(CONTROLS_LOCK)


def check_capacity(owner_id: int) -> None:
    """Raise QueueFull or UserQueueFull when no further job of this user may wait.

    Exact only under lock_queue.
    """
    counts = GenerationJob.objects.queued().aggregate(
        everybody=models.Count("id"), own=models.Count("id", filter=Q(owner_id=owner_id))
    )
    if counts["everybody"] >= settings.IMAGEN_QUEUE_LIMIT:
        raise QueueFull(settings.IMAGEN_QUEUE_LIMIT)
    if counts["own"] >= settings.IMAGEN_USER_QUEUE_LIMIT:
        raise UserQueueFull(settings.IMAGEN_USER_QUEUE_LIMIT)


def is_painting() -> bool:
    """Whether a worker holds a job."""
    return GenerationJob.objects.filter(status=JobStatus.RUNNING).exists()


def position(job: GenerationJob) -> int:
    """The place in the order of service: 1 is served next. For a queued job.

    One that has left the queue meanwhile is first.
    """
    places = enumerate(order.waiting_jobs(), start=1)
    return next((place for place, waiting in places if waiting.id == job.pk), 1)


def _lock(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
