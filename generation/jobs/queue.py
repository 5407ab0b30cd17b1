"""Tickets, capacity and position. The only module that knows django-q2.

A django-q2 message is a ticket: "try to claim something". It names no job, so one that is lost,
late, doubled or out of order does no harm; which job runs is decided by the rows alone.
"""

import logging
from collections.abc import Iterable

from django.conf import settings
from django.contrib import admin
from django.db import DatabaseError, Error, connection, models
from django.db.models import Q
from django.utils import timezone
from django_q import signals
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.tasks import async_task

from generation.models import GenerationJob, JobStatus

logger = logging.getLogger(__name__)

QUEUE_LOCK = 0x696D6167656E  # "imagen"; held by every submission until it commits
TASK = "generation.tasks.run_next"
BROKER_MODELS: tuple[type[models.Model], ...] = (Schedule, Success, Failure, OrmQ)


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
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [QUEUE_LOCK])


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


def length() -> int:
    """How many jobs wait."""
    return GenerationJob.objects.queued().count()


def is_painting() -> bool:
    """Whether a worker holds a job."""
    return GenerationJob.objects.filter(status=JobStatus.RUNNING).exists()


def position(job: GenerationJob) -> int:
    """The place in the order of service: 1 is served next. For a queued job."""
    ahead = Q(id__lt=job.pk, attempt__gt=0) if job.attempt else Q(id__lt=job.pk) | Q(attempt__gt=0)
    return GenerationJob.objects.queued().filter(ahead).exclude(pk=job.pk).count() + 1


def positions(jobs: Iterable[GenerationJob]) -> dict[int, int]:
    """The same for all the queued ones of these jobs, by their primary keys, in one query."""
    wanted = {job.pk for job in jobs if job.status == JobStatus.QUEUED}
    if not wanted:
        return {}
    again = models.Case(models.When(attempt__gt=0, then=0), default=1)
    order = GenerationJob.objects.queued().order_by(again, "pk")
    places = enumerate(order.values_list("pk", flat=True), start=1)
    return {key: place for place, key in places if key in wanted}


def ring() -> None:
    """Put a ticket into the broker, inside the caller's transaction if there is one."""
    async_task(TASK)


def ring_if_needed() -> bool:
    """Ring when a job could run and no ticket is free to be taken.

    A free ticket is one that no pusher holds: those of a killed cluster stay locked for an hour.
    """
    now = models.functions.Now()
    runnable = GenerationJob.objects.queued().filter(
        Q(not_before__isnull=True) | Q(not_before__lte=now)
    )
    if not runnable.exists() or OrmQ.objects.filter(lock__lte=timezone.now()).exists():
        return False
    ring()
    return True


def take_down_broker_pages() -> None:
    """Unregister django-q2's admin: its schedules would run any function of the code."""
    import django_q.admin  # noqa: F401  registers its pages now, or has done so before

    admin.site.unregister(BROKER_MODELS)


def connect_signals() -> None:
    """Acknowledge tickets early, and warn when a cluster runs unsupervised."""
    signals.pre_execute.connect(_acknowledge, dispatch_uid="imagen-acknowledge")
    signals.post_spawn.connect(_warn_unsupervised, dispatch_uid="imagen-unsupervised")


def _acknowledge(sender: object, task: dict[str, object], **kwargs: object) -> None:
    """Delete the ticket before the work starts, so that a killed worker is never redelivered.

    A ticket that cannot be deleted now comes back later and finds nothing to claim.
    """
    try:
        OrmQ.objects.filter(pk=task.get("ack_id")).delete()
    except (DatabaseError, Error):
        logger.warning("could not delete ticket %s; it will come again", task.get("ack_id"))


def _warn_unsupervised(sender: object, **kwargs: object) -> None:
    if not settings.IMAGEN_WORKER_NAME:
        logger.warning(
            "this cluster runs without a supervisor: it takes no lock on its GPU, crashed workers "
            "are not replaced safely, lost jobs are not recovered, out-of-memory retries and "
            "expired results are not looked after. Start `manage.py imagen_worker` instead."
        )
