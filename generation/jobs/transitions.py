"""THE state machine: every write of a job's status is one of these functions.

Each transition is one conditional UPDATE (or the first INSERT) that says whether it happened.
PostgreSQL's row lock decides every race: the loser's WHERE clause no longer matches, so it
changes nothing and learns it from the answer. All times are the database's. The same statement
writes the move into the job's log (JobTransition); of a new job it is the next statement, in the
caller's transaction.

    (new)   -> queued                       insert_queued
    queued  -> running                      claim_next
    queued  -> cancelled                    cancel
    running -> succeeded|failed|cancelled   succeed, fail, settle_cancelled: by the claim's holder
    running -> queued                       release, by the claim's holder or its supervisor
    running -> queued|failed|cancelled      recover: the worker is gone, or the deadline passed

`attempt` is the fence: it grows with every claim, stands in every write of a worker, and is
never reset, so a worker that was given up for dead can no longer change anything.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from generation.jobs import references, statements
from generation.jobs.kinds import PROMPT_SIZES
from generation.models import (
    GenerationJob,
    JobPreview,
    JobStatus,
    JobTransition,
    PaintingTime,
)
from generation.spec.formats import FORMATS
from generation.spec.request import GenerationRequest

Reason = JobTransition.Reason

Values = Mapping[str, str | int | bytes | datetime | list[str] | list[int] | None]
CLAIM_LOCK = 0x636C61696D  # "claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerIdentity:
    """Who claims: the supervisor's name for its cluster, and the working process."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to work on one job, valid until somebody claims it again or settles it."""

    job_id: int
    public_id: UUID
    attempt: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A job that was taken from a worker, and where it stands then."""

    public_id: UUID
    attempt: int
    status: JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a worker learns with each report."""

    cancel_requested: bool
    is_past_deadline: bool


class ClaimLost(Exception):
    """The job was given to somebody else, or settled: stop at once and write nothing more."""


def insert_queued(
    request: GenerationRequest,
    *,
    owner_id: int,
    retry_of: GenerationJob | None = None,
    actor_id: int | None = None,
    is_batch: bool = False,
) -> GenerationJob:
    """A new job, asked for by its owner or another actor.

    The caller holds the queue's lock, so that ids follow the order of commits.
    """
    order = asdict(request)
    job = GenerationJob.objects.create(
        reference_id=order.pop("reference") or None,
        **order,
        owner_id=owner_id,
        public_filename=_draw_filename(FORMATS[request.output_format].suffix),
        retry_of=retry_of,
        is_batch=is_batch,
        status=JobStatus.QUEUED,
    )
    reason = Reason.RETRIED if retry_of else Reason.SUBMITTED
    job.transitions.create(to_status=JobStatus.QUEUED, actor_id=actor_id or owner_id, reason=reason)
    return job


def claim_next(worker: WorkerIdentity, *, timeout_s: int, profiles: Sequence[str]) -> Claim | None:
    """Give the next job in order of service to this worker, of those whose profile it can serve.

    Claims stand in line for one lock, so each sees whose turn the one before has taken.
    SKIP LOCKED passes over a job that is just being cancelled.
    None: nothing may run here now. Paused and draining workers get nothing, nor does one whose job
    has not been taken back from a process that died.
    """
    values: Values = {
        "worker": worker.name,
        "pid": worker.pid,
        "timeout_s": timeout_s,
        "profiles": list(profiles),
        "claim_lock": CLAIM_LOCK,
    }
    order = statements.IN_TURN if settings.IMAGEN_FAIR else statements.IN_ORDER_OF_ACCEPTANCE
    claim = statements.CLAIM.format(order=order)
    moved = _move(claim, values, Reason.CLAIMED, origin="'queued'", first=statements.IN_LINE)
    if not moved:
        return None
    _status, job_id, public_id, attempt, created_at = moved[0]
    return Claim(job_id=job_id, public_id=public_id, attempt=attempt, created_at=created_at)


def report_step(claim: Claim, step: int) -> Standing:
    """Write progress and heartbeat; learn of a cancellation or a passed deadline, in one UPDATE.

    It does not wait for the disk: after a crash of PostgreSQL the last steps may be forgotten.
    Raises ClaimLost when the claim is no longer valid.
    """
    values = {"id": claim.job_id, "attempt": claim.attempt, "step": step}
    with connection.cursor() as cursor:
        cursor.execute(statements.NOT_TO_DISK + statements.REPORT, values)
        cursor.nextset()
        row = cursor.fetchone()
    if row is None:
        raise ClaimLost(f"attempt {claim.attempt} of job {claim.public_id} is over")
    return Standing(cancel_requested=row[0], is_past_deadline=row[1])


def beat(claim: Claim) -> Standing | None:
    """Write a heartbeat while no step reports, and learn the same.

    None: the claim is lost. A claim past its deadline gets no heartbeat any more.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            statements.NOT_TO_DISK + statements.BEAT, {"id": claim.job_id, "attempt": claim.attempt}
        )
        cursor.nextset()
        row = cursor.fetchone()
    return Standing(cancel_requested=row[0], is_past_deadline=row[1]) if row else None


def show_preview(claim: Claim, step: int, image: bytes) -> bool:
    """Put a preview in the place of the one before; like a step it does not wait for the disk.

    False: the claim is lost, nothing is shown.
    """
    values: Values = {
        "id": claim.job_id,
        "attempt": claim.attempt,
        "step": step,
        "image": image,
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.NOT_TO_DISK + statements.PREVIEW, values)
        cursor.nextset()
        return bool(cursor.rowcount)


def succeed(claim: Claim, output: str, adjustments: Sequence[str] = ()) -> bool:
    """running -> succeeded, with the stored picture's name. False: the claim was lost.

    adjustments: codes of spec.adjustments, which the log has too.
    """
    return _settle(claim, JobStatus.SUCCEEDED, output=output, adjustments=list(adjustments))


def fail(claim: Claim, code: str, detail: str) -> bool:
    """running -> failed. `detail` is for the operator. False: the claim was lost."""
    return _settle(claim, JobStatus.FAILED, error_code=code, error_detail=detail)


def settle_cancelled(claim: Claim) -> bool:
    """running -> cancelled, after the worker stopped. False: the claim was lost."""
    return _settle(claim, JobStatus.CANCELLED)


def postpone(claim: Claim, *, detail: str, delay_s: int, tries: int) -> JobStatus | None:
    """running -> queued after out-of-memory, not to be claimed before the delay has passed.

    A requested cancellation is carried out instead, and the `tries`-th time the job is failed.
    Returns where the job stands then; None: the claim was lost.
    """
    values: Values = {
        "id": claim.job_id,
        "attempt": claim.attempt,
        "detail": detail,
        "delay_s": delay_s,
        "tries": tries,
    }
    return _status_after(statements.POSTPONE, values, Reason.OUT_OF_MEMORY)


def release(worker_name: str) -> list[Release]:
    """running -> queued for what this worker held, because it was stopped, not lost.

    Only after its processes are gone. Costs no try; a requested cancellation is carried out.
    """
    return [
        Release(public_id=public_id, attempt=attempt, status=JobStatus(status))
        for status, _id, public_id, attempt, _at in _move(
            statements.RELEASE, {"worker": worker_name}, Reason.WORKER_STOPPED
        )
    ]


def recover(job: GenerationJob, *, crash_tries: int) -> JobStatus | None:
    """Take a running job from a worker that is gone, in one UPDATE on what the caller saw.

    `job` carries id, attempt and heartbeat_at: when any of them has moved on, the worker lives
    (or somebody else was faster), nothing happens and None is returned. A requested
    cancellation wins over a passed deadline, that over the `crash_tries`-th crash, and else
    the job is queued again.
    """
    values = {
        "id": job.pk,
        "attempt": job.attempt,
        "heartbeat_at": job.heartbeat_at,
        "tries": crash_tries,
    }
    return _status_after(statements.RECOVER, values, Reason.WORKER_LOST)


def cancel(job_id: int, *, actor_id: int | None = None) -> JobStatus | None:
    """queued -> cancelled at once; a running job is asked to stop within its next step.

    Only the first request is written and logged. Returns where the job stands then; None: it had
    ended already.
    """
    values: Values = {"id": job_id, "actor": actor_id}
    origin = "CASE status WHEN 'cancelled' THEN 'queued' ELSE status END"
    if moved := _move(statements.CANCEL, values, Reason.CANCEL_REQUESTED, origin=origin):
        return JobStatus(moved[0][0])
    still_stops = GenerationJob.objects.filter(pk=job_id, status=JobStatus.RUNNING).exists()
    return JobStatus.RUNNING if still_stops else None


def delete_final(job_ids: Sequence[int]) -> list[GenerationJob]:
    """Remove these jobs' rows where they have ended, and references that nobody has any more.

    Returns what they were.
    """
    jobs = GenerationJob.objects.final().filter(pk__in=job_ids)
    with transaction.atomic():
        deleted = list(jobs.select_for_update())
        jobs.filter(pk__in=[job.pk for job in deleted]).delete()
        for digest in sorted({job.reference_id for job in deleted if job.reference_id}):
            references.discard_unused(digest)
    return deleted


def sweep_previews() -> int:
    """Remove previews of jobs that do not run: one written just as its claim was taken away.

    Returns how many.
    """
    gone, _by_model = JobPreview.objects.exclude(job__status=JobStatus.RUNNING).delete()
    return gone


def _draw_filename(suffix: str) -> str:
    """A name such as 20260130_123456_abc123.png that no job has. Under the queue's lock."""
    while True:
        name = f"{timezone.now():%Y%m%d_%H%M%S}_{secrets.token_hex(3)}{suffix}"
        if not GenerationJob.objects.filter(public_filename=name).exists():
            return name


NO_OUTCOME: Values = {"output": "", "adjustments": [], "error_code": "", "error_detail": ""}


def _settle(claim: Claim, status: JobStatus, **outcome: str | list[str]) -> bool:
    """outcome: what of NO_OUTCOME is otherwise."""
    values: Values = {
        "id": claim.job_id,
        "attempt": claim.attempt,
        "status": status.value,
        **NO_OUTCOME,
        **outcome,
    }
    return _status_after(statements.SETTLE, values, Reason.PAINTED) is not None


def _status_after(statement: str, values: Values, reason: Reason) -> JobStatus | None:
    """Run one conditional UPDATE of one running job; its new status, None: no row matched."""
    moved = _move(statement, values, reason)
    return JobStatus(moved[0][0]) if moved else None


def _move(
    statement: str, values: Values, reason: Reason, *, origin: str = "'running'", first: str = ""
) -> list[tuple[str, int, UUID, int, datetime]]:
    """Run a conditional UPDATE; status, id, public id, attempt, creation of each row it changed.

    reason: why, unless a cancellation or an error is the reason. origin: SQL for the status before.
    first: a statement that goes before it in the same message.
    """
    move = statements.MOVE.format(update=statement, origin=origin)
    further: Values = {
        "actor": None,
        "bell": statements.BELL,
        "kept_times": PaintingTime.KEPT,
        "prompt_sizes": PROMPT_SIZES,
        "reason": reason.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(first + move, {**further, **values})
        if first:
            cursor.nextset()
        return [row[:5] for row in cursor.fetchall()]
