"""What wakes the workers. With jobs.bell the only module that knows django-q2.

A django-q2 message is a ticket: "try to claim something". It names no job, so one that is lost,
late, doubled or out of order does no harm; which job runs is decided by the rows alone.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.contrib import admin
from django.db import DatabaseError, Error, connection, models
from django.db.models.functions import Now
from django_q import signals
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.tasks import async_task

from generation.jobs import statements

logger = logging.getLogger(__name__)

TASK = "generation.tasks.run_next"
BROKER_MODELS: tuple[type[models.Model], ...] = (Schedule, Success, Failure, OrmQ)
HELD_AT_MOST_S = 60
"""A ticket that was taken longer ago is in some worker's memory, or lost with it: its row goes."""
RUNG_AT_ONCE = 100
FAILURES_DAYS = 7


def ring() -> None:
    """Put a ticket into the broker and wake who listens, with the caller's transaction if any."""
    async_task(TASK)


def are_missing() -> bool:
    """Whether a waiting job has no ticket of its own. One that must rest has its ticket ready."""
    return _count_missing() > 0


def ring_missing() -> None:
    """Put in as many tickets as waiting jobs lack, and wake who listens.

    A free ticket is one that no pusher holds: those of a killed cluster stay locked.
    """
    for _ in range(min(_count_missing(), RUNG_AT_ONCE)):
        ring()


def wake() -> None:
    """Let whoever listens look for a ticket, though none was put in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [statements.BELL])


def purge() -> int:
    """Delete tickets that nobody will spend: long held ones, and free ones that nobody needs.

    With them go django-q2's own notes of failed tasks, which the log has too. Returns the tickets.
    """
    Failure.objects.filter(stopped__lt=Now() - timedelta(days=FAILURES_DAYS)).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            statements.PURGE_TICKETS,
            {"retry_s": int(settings.Q_CLUSTER["retry"]), "held_s": HELD_AT_MOST_S},
        )
        return int(cursor.rowcount)


def take_down_broker_pages() -> None:
    """Unregister django-q2's admin: its schedules would run any function of the code."""
    import django_q.admin  # noqa: F401  registers its pages now, or has done so before

    admin.site.unregister(BROKER_MODELS)


def connect_signals() -> None:
    """Acknowledge tickets early, and warn when a cluster runs unsupervised."""
    signals.pre_execute.connect(_acknowledge, dispatch_uid="imagen-acknowledge")
    signals.post_spawn.connect(_warn_unsupervised, dispatch_uid="imagen-unsupervised")


def _count_missing() -> int:
    with connection.cursor() as cursor:
        cursor.execute(statements.MISSING_TICKETS)
        return int(cursor.fetchone()[0])


def _acknowledge(sender: object, task: dict[str, object], **kwargs: object) -> None:
    """Delete the ticket before the work starts, so that a killed worker is never redelivered.

    A ticket that cannot be deleted now is purged later, or comes back and finds nothing to claim.
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
