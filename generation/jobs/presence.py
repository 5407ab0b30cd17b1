"""Whether a worker hears: what it is seen to do, beside the job that it may hold."""

import contextlib
import logging
from collections.abc import Collection, Iterator

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from generation import conf
from generation.jobs import outage, statements
from generation.models import Worker

logger = logging.getLogger(__name__)

QUIET_S = 10
"""Whoever began or ended something since is at work, if only between two jobs."""


@contextlib.contextmanager
def loading(worker_name: str) -> Iterator[None]:
    """Let others see that the worker loads a model without a job, and so takes none."""
    known = Worker.objects.filter(pk=worker_name)
    known.update(loading_since=Now())
    try:
        yield
    finally:
        try:
            outage.wait_out(lambda: known.update(loading_since=None))
        except outage.GONE as error:
            logger.warning("%s: could not tell that its model is loaded: %s", worker_name, error)


def note_memory(worker_name: str, *, plan: str, memory_gib: float) -> None:
    """Say by which plan the worker paints on its card, so that what cannot fit is refused early."""
    known = Worker.objects.filter(pk=worker_name)
    outage.wait_out(lambda: known.update(memory_plan=plan, memory_gib=memory_gib))


def note_end(worker_name: str, pid: int) -> None:
    """Say that the process ends by itself, so that its supervisor does not take it for a loss."""
    known = Worker.objects.filter(pk=worker_name)
    outage.wait_out(lambda: known.update(ended_pid=pid))


def has_ended(worker_name: str, pids: Collection[int]) -> bool:
    """Whether one of these processes has said so."""
    return Worker.objects.filter(pk=worker_name, ended_pid__in=pids).exists()


def is_passed_over(worker_name: str) -> bool:
    """Whether a job waits that this worker could begin, though nothing has happened here lately.

    True for a moment with any worker that was idle; for long, only with one that is deaf. A model
    that loads for longer than a job may take is none that loads.
    """
    values: dict[str, str | int | list[str]] = {
        "worker": worker_name,
        "profiles": conf.servable_profiles(),
        "quiet_s": QUIET_S,
        "load_s": settings.IMAGEN_JOB_TIMEOUT,
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.PASSED_OVER, values)
        return bool(cursor.fetchone()[0])
