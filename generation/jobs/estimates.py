"""When a picture will be painted: the order of service, played through on the workers that live.

As the queue stands: whoever comes later and goes first, as before batch work, is not foreseen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from generation.jobs import order
from generation.jobs.durations import Kind, read_durations
from generation.jobs.order import WaitingJob
from generation.jobs.schedule import Estimate, Painter, Remainder, Schedule
from generation.jobs.state import QUIET_AFTER
from generation.models import GenerationJob, JobStatus
from generation.spec.request import GenerationRequest

LEAST_SHARE = 0.05
"""Of its time, a picture has so much before it even after the last step: decoding and storing."""

_CIRCUMSTANCES = """
SELECT (SELECT reason FROM generation_pause WHERE ended_at IS NULL AND worker = ''),
       (SELECT served_at FROM generation_ownerturn WHERE owner_id = %s)
"""

_PAINTERS = """
  WITH recent AS (SELECT statement_timestamp() - make_interval(secs => %(quiet_s)s) AS since),
       job AS (SELECT * FROM generation_generationjob
                WHERE status = 'running' AND heartbeat_at >= (SELECT since FROM recent))
SELECT coalesce(sign.name, job.worker), coalesce(sign.profiles, ARRAY[job.profile]),
       sign.stopped_at IS NULL AND sign.draining_since IS NULL AND pause.id IS NULL,
       job.id, job.profile, job.width, job.height, job.steps, job.ip_strength > 0, job.step
  FROM generation_worker sign
  FULL JOIN job ON job.worker = sign.name
  LEFT JOIN generation_pause pause
         ON pause.worker = coalesce(sign.name, job.worker) AND pause.ended_at IS NULL
 WHERE job.id IS NOT NULL OR sign.seen_at >= (SELECT since FROM recent)
"""
"""Who gives signs of life, as a supervisor or by a job's heartbeat, and what it paints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What awaits some jobs, by their primary keys.

    places: of the queued ones, in the order of service, from 1. estimates: of those queued and
    running ones of which it can be told. pause_reason: the operator's, while the queue is paused.
    """

    places: Mapping[int, int] = field(default_factory=dict)
    estimates: Mapping[int, Estimate] = field(default_factory=dict)
    pause_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What would await an order that is not submitted yet.

    estimate: None while the queue is paused, without a worker that could serve it, and where
    nothing was measured. has_worker: whether somebody lives and takes jobs of its profile.
    """

    position: int
    estimate: Estimate | None
    pause_reason: str | None
    has_worker: bool


def outlook(jobs: Iterable[GenerationJob]) -> Outlook:
    """Places and estimates of all of these that have not ended, in four queries at most."""
    live = (JobStatus.QUEUED, JobStatus.RUNNING)
    wanted = {job.pk for job in jobs if job.status in live}
    if not wanted:
        return Outlook()
    pause_reason, _turn = _circumstances(None)
    waiting = order.waiting_jobs()
    schedule = _play([] if pause_reason else waiting, _read_painters())
    return Outlook(
        places={
            job.id: place
            for place, job in enumerate(waiting, start=1)
            if job.id is not None and job.id in wanted
        },
        estimates={
            job_id: span.estimate
            for job_id, span in schedule.ends.items()
            if job_id is not None and job_id in wanted
        },
        pause_reason=pause_reason,
    )


def estimates(jobs: Iterable[GenerationJob]) -> Mapping[int, Estimate]:
    """By primary key, of those of which it can be told; four queries at most for all."""
    return outlook(jobs).estimates


def estimate(job: GenerationJob) -> Estimate | None:
    """None for a job that has ended, and where nobody can know."""
    return estimates([job]).get(job.pk)


def forecast(request: GenerationRequest, *, owner_id: int, is_batch: bool = False) -> Forecast:
    """What would become of this order now. Nothing is submitted; four queries."""
    pause_reason, served_at = _circumstances(owner_id)
    own = WaitingJob(
        id=None,
        owner_id=owner_id,
        served_at=served_at,
        is_again=False,
        is_batch=is_batch,
        not_before=None,
        profile=request.profile,
        width=request.width,
        height=request.height,
        steps=request.steps,
        has_reference=request.ip_strength > 0,
    )
    waiting = order.in_order_of_service([*order.accepted_jobs(), own])
    position = waiting.index(own) + 1
    schedule = _play(waiting[:position], _read_painters())
    end = schedule.ends.get(None)
    return Forecast(
        position=position,
        estimate=end.estimate if end and pause_reason is None else None,
        pause_reason=pause_reason,
        has_worker=bool(schedule.can_serve(request.profile)),
    )


def _play(waiting: Sequence[WaitingJob], painters: Sequence[Painter]) -> Schedule:
    """These jobs, in the order of service, on these workers. One query, for the durations."""
    running = {painter.paints.kind.profile for painter in painters if painter.paints}
    durations = read_durations(running | {job.profile for job in waiting})
    schedule = Schedule(painters, durations)
    schedule.add_all(waiting, timezone.now())
    return schedule


def _circumstances(owner_id: int | None) -> tuple[str | None, datetime | None]:
    """Why the queue is paused, if it is, and this user's last turn. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_CIRCUMSTANCES, [owner_id])
        pause_reason, served_at = cursor.fetchone()
    return pause_reason, served_at


def _read_painters() -> list[Painter]:
    """One for each worker that lives, and for each further job that it seems to run. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_PAINTERS, {"quiet_s": QUIET_AFTER.total_seconds()})
        rows = cursor.fetchall()
    return [
        Painter(
            name=name,
            profiles=frozenset(profiles),
            takes_jobs=takes_jobs,
            paints=_remainder(job) if job[0] is not None else None,
        )
        for name, profiles, takes_jobs, *job in rows
    ]


def _remainder(job: Sequence[Any]) -> Remainder:
    job_id, profile, width, height, steps, has_reference, step = job
    kind = Kind(
        profile=profile, width=width, height=height, steps=steps, has_reference=has_reference
    )
    return Remainder(job_id=job_id, kind=kind, share=max(LEAST_SHARE, 1 - step / steps))
