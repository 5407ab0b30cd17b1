"""The log of a job's moves in words, for its owner and for operators."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generation.models import GenerationJob, JobStatus, JobTransition
from generation.spec.errors import FAILURES, failure_sentence

REASONS = dict(JobTransition.Reason.choices)
STATUSES = dict(JobStatus.choices)
BACK_AGAIN = gettext_lazy("back in the queue")
TO_BE_CANCELLED = gettext_lazy("painting, to be cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One line of the log. attempt: 0 where the move is of none. The last two: for operators."""

    at: datetime
    status: str
    came_from: str | Promise  # empty: the job was new
    went_to: str | Promise
    why: str | Promise
    who: str | Promise
    attempt: int
    worker: str = ""
    detail: str = ""


def moves_for_owner(job: GenerationJob) -> list[Move]:
    """From the first to the last: no worker, no operator's name, no detail. One query."""
    columns = ("job", "at", "from_status", "to_status", "attempt", "reason", "actor")
    return [
        _in_words(
            move,
            why=_why(move, failure_sentence(move.reason)),
            who=_who_for_owner(move, job),
        )
        for move in job.transitions.order_by("id").only(*columns)
    ]


def moves_for_operators(job: GenerationJob) -> list[Move]:
    """The same with everything that is known; an error code of another release stands as it is."""
    return [
        _in_words(
            move,
            why=_why(move, FAILURES.get(move.reason, move.reason)),
            who=move.actor.get_username() if move.actor else "",
            worker=move.worker,
            detail=move.detail,
        )
        for move in job.transitions.order_by("id").select_related("actor")
    ]


def _in_words(
    move: JobTransition,
    *,
    why: str | Promise,
    who: str | Promise,
    worker: str = "",
    detail: str = "",
) -> Move:
    return Move(
        at=move.at,
        status=move.to_status,
        came_from=STATUSES.get(move.from_status, move.from_status),
        went_to=_destination(move),
        why=why,
        who=who,
        attempt=move.attempt if JobStatus.RUNNING in (move.from_status, move.to_status) else 0,
        worker=worker,
        detail=detail,
    )


def _why(move: JobTransition, failure: str) -> str | Promise:
    """A code such as out_of_memory stands for a failure and for a further try: the status tells."""
    if move.to_status == JobStatus.FAILED:
        return _(failure)
    return REASONS.get(move.reason, move.reason)


def _destination(move: JobTransition) -> str | Promise:
    """The new status, told by where the job came from."""
    match move.from_status, move.to_status:
        case JobStatus.RUNNING, JobStatus.QUEUED:
            return BACK_AGAIN
        case JobStatus.RUNNING, JobStatus.RUNNING:
            return TO_BE_CANCELLED
    return STATUSES.get(move.to_status, move.to_status)


def _who_for_owner(move: JobTransition, job: GenerationJob) -> str:
    if move.actor_id is None:
        return ""
    return _("by you") if move.actor_id == job.owner_id else _("by an operator")
