"""Pausing, draining and resuming: what an operator's page, commands and signals call.

A pause lets the running job end and takes no new one; the model stays loaded. It holds until
somebody resumes, whatever restarts. A drain does the same and then ends the worker's cluster, so
that the device is free; it ends with the supervisor or by resuming.
"""

import logging

from django.db import transaction
from django.db.models.functions import Now

from generation.jobs import queue, tickets
from generation.models import Pause, Worker
from generation.spec.errors import gettext_noop

logger = logging.getLogger(__name__)

MAX_REASON_CHARS = 300


class ControlRefused(Exception):
    """What was asked for makes no sense now; nothing was changed. params: for the template."""

    code = "control_refused"
    template = gettext_noop("This cannot be done now.")

    def __init__(self, **params: object) -> None:
        super().__init__(self.template % params)
        self.params = params


class ReasonMissing(ControlRefused):
    """Those who wait have a right to know why."""

    code = "reason_missing"
    template = gettext_noop(
        "A pause needs a reason of 1 to %(maximum)d visible characters: users read it."
    )


class AlreadyPaused(ControlRefused):
    """A pause is in force; whoever wants another reason resumes first."""

    code = "already_paused"
    template = gettext_noop("It is paused already: %(reason)s")


class NotPaused(ControlRefused):
    """There is nothing to resume."""

    code = "not_paused"
    template = gettext_noop("It is not paused.")


class UnknownWorker(ControlRefused):
    """No worker of that name has given a sign."""

    code = "unknown_worker"
    template = gettext_noop("There is no worker called %(worker)s.")


def pause(reason: str, *, worker: str = "", actor_id: int | None = None) -> Pause:
    """Let no job be begun by this worker; without a name, by none. Running ones go on.

    Raises ReasonMissing, UnknownWorker, AlreadyPaused.
    """
    reason = " ".join(reason.split())
    if not (1 <= len(reason) <= MAX_REASON_CHARS and reason.isprintable()):
        raise ReasonMissing(maximum=MAX_REASON_CHARS)
    with transaction.atomic():
        _lock(worker)
        present = current_pause(worker)
        if present is not None:
            raise AlreadyPaused(reason=present.reason)
        made = Pause.objects.create(worker=worker, reason=reason, began_by_id=actor_id)
    logger.warning("%s: paused: %s", worker or "the queue", reason)
    return made


def drain(worker: str) -> None:
    """Let this worker end its job, take no more, and free its device.

    Raises UnknownWorker.
    """
    known = Worker.objects.filter(pk=worker)
    if not known.filter(draining_since__isnull=True).update(draining_since=Now(), drained_at=None):
        if not known.exists():
            raise UnknownWorker(worker=worker)
        return
    logger.warning("%s: draining", worker)


def resume(*, worker: str = "", actor_id: int | None = None) -> None:
    """End the pause, and a worker's drain too. Raises UnknownWorker, NotPaused."""
    with transaction.atomic():
        _lock(worker)
        paused = Pause.objects.current().filter(worker=worker)
        ended = paused.update(ended_at=Now(), ended_by_id=actor_id)
        draining = Worker.objects.filter(pk=worker, draining_since__isnull=False)
        ended += draining.update(draining_since=None, drained_at=None)
        if not ended:
            raise NotPaused
        tickets.ring_missing()
        tickets.wake()
    logger.warning("%s: resumed", worker or "the queue")


def current_pause(worker: str = "") -> Pause | None:
    """The pause in force of this worker, without a name that of the whole queue."""
    return Pause.objects.current().filter(worker=worker).first()


def _lock(worker: str) -> None:
    """Make others who would pause or resume wait. Raises UnknownWorker. Needs a transaction."""
    queue.lock_controls()
    if worker and not Worker.objects.filter(pk=worker).exists():
        raise UnknownWorker(worker=worker)
