"""What can be done with jobs. Every door - REST, admin, command line - calls these functions."""

import logging

from django.db import transaction

from generation import conf
from generation.jobs import outputs, queue, references, room, tickets, transitions
from generation.models import GenerationJob, JobStatus
from generation.spec.errors import FieldError, InvalidRequest, gettext_noop
from generation.spec.request import GenerationRequest, show_value

logger = logging.getLogger(__name__)

RETRYABLE = (JobStatus.FAILED, JobStatus.CANCELLED)


class JobNotCancellable(Exception):
    """The job has already ended."""

    code = "not_cancellable"
    template = gettext_noop("This job has already ended.")


class JobNotRetryable(Exception):
    """The job has not failed or been cancelled."""

    code = "not_retryable"
    template = gettext_noop("Only a failed or cancelled job can be retried.")


class JobRetriedBefore(JobNotRetryable):
    """The job has a successor."""

    code = "retried_before"
    template = gettext_noop("A job can be retried once; retry the one that followed it.")


class JobNotDeletable(Exception):
    """The job has not ended yet."""

    code = "not_deletable"
    template = gettext_noop("This job has not ended; cancel it first.")


class HiddenJobKept(JobNotDeletable):
    """An operator keeps the job from its owner, as evidence perhaps."""

    template = gettext_noop("An operator has hidden this picture; only operators can delete it.")


def submit_job(
    request: GenerationRequest,
    *,
    owner_id: int,
    retry_of: GenerationJob | None = None,
    actor_id: int | None = None,
    is_batch: bool = False,
) -> GenerationJob:
    """Accept one job: the row and its ticket are committed together, or neither is.

    Submissions stand in line for one lock, so the limits hold exactly and ids follow the order
    of commits. Raises InvalidRequest when the profile is not installed, no card has room for the
    size, or the reference has just been discarded, QueueFull or UserQueueFull when as many wait
    as may.
    """
    require_installed(request.profile)
    room.require_room(request)
    with transaction.atomic():
        queue.lock_queue()
        queue.check_capacity(owner_id)
        _hold_reference(request)
        job = transitions.insert_queued(
            request,
            owner_id=owner_id,
            retry_of=retry_of,
            actor_id=actor_id,
            is_batch=is_batch,
        )
        tickets.ring()
    _log(job, "submitted" if retry_of is None else f"submitted, a retry of {retry_of.public_id}")
    return job


def require_installed(name: str) -> None:
    """Raises InvalidRequest, with what to do, for a profile whose weights are not here."""
    profile = conf.profiles().get(name)
    if profile is not None and profile.is_installed:
        return
    if profile is not None and profile.install_command:
        template = gettext_noop(
            "%(field)s: %(value)s is not installed on this server. Its operator installs it by "
            "%(command)s"
        )
        params = {"command": profile.install_command}
    else:
        template = gettext_noop("%(field)s: %(value)s is no longer on this server.")
        params = {}
    error = FieldError(field="profile", value=name, template=template, params=params)
    raise InvalidRequest([error])


def _hold_reference(request: GenerationRequest) -> None:
    """Raises InvalidRequest when the picture to follow is gone; until the commit it stays."""
    if request.reference and not references.hold(request.reference):
        shown = show_value(request.ip_strength)
        error = FieldError(field="ip_strength", value=shown, template=references.GONE)
        raise InvalidRequest([error])


def cancel_job(job: GenerationJob, *, actor_id: int | None = None) -> JobStatus:
    """Cancel a queued job at once, or ask a running one to stop within its next step.

    actor_id: who asks, for the job's log. Returns where the job stands then, CANCELLED or RUNNING.
    Raises JobNotCancellable when it has ended.
    """
    status = transitions.cancel(job.pk, actor_id=actor_id)
    if status is None:
        raise JobNotCancellable(f"job {job.public_id} has already ended")
    if status == JobStatus.CANCELLED:
        outputs.discard_leftovers(job)
    _log(job, f"cancel requested: now {status}")
    return status


def retry_job(job: GenerationJob, *, actor_id: int | None = None) -> GenerationJob:
    """Submit the same order again, for the same owner, linked to the old job both ways.

    The old job stays as it is.
    actor_id: who asks, for the job's log; the owner where it is not told.
    Raises JobNotRetryable when it neither failed nor was cancelled, or already has a successor;
    InvalidRequest when its profile is not installed; QueueFull when there is no room.
    """
    with transaction.atomic():
        old = GenerationJob.objects.select_for_update().filter(pk=job.pk).first()
        if old is None:
            raise JobNotRetryable(f"job {job.public_id} has been deleted")
        if old.status not in RETRYABLE:
            raise JobNotRetryable(
                f"job {old.public_id} is {old.status}; only a failed or "
                "cancelled job can be retried"
            )
        successor = GenerationJob.objects.filter(retry_of=old).first()
        if successor is not None:
            raise JobRetriedBefore(f"job {old.public_id} was retried as {successor.public_id}")
        return submit_job(
            old.request,
            owner_id=old.owner_id,
            retry_of=old,
            actor_id=actor_id,
            is_batch=old.is_batch,
        )


def delete_job(job: GenerationJob, *, by_operator: bool = False) -> None:
    """Remove an ended job and its picture.

    Raises JobNotDeletable when it has not ended, or is hidden and no operator asks.
    """
    with transaction.atomic():
        # Locked first: who hides it now comes before or after, not in between.
        row = GenerationJob.objects.select_for_update().only("hidden_at").filter(pk=job.pk).first()
        if row and row.hidden_at and not by_operator:
            raise HiddenJobKept(f"job {job.public_id} is hidden; operators delete it")
        deleted = transitions.delete_final([job.pk])
        if row and not deleted:
            raise JobNotDeletable(f"job {job.public_id} has not ended; cancel it first")
    for gone in deleted:
        outputs.discard_pictures(gone)
        _log(gone, "deleted")


def _log(job: GenerationJob, words: str) -> None:
    logger.info("%s", words, extra={"job": str(job.public_id)})
