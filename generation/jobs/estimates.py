"""When a picture will be painted: the order of service, played through on the workers that live.

As the queue stands: whoever comes later and goes first, as before batch work, is not foreseen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from generation.jobs import order
from generation.jobs.durations import read_durations
from generation.jobs.kinds import Kind, kind_of, prompt_size
from generation.jobs.order import WaitingJob
from generation.jobs.schedule import LEAST_SHARE, Estimate, Painter, Remainder, Schedule
from generation.jobs.state import QUIET_AFTER
from generation.models import GenerationJob, JobStatus
from generation.spec.request import GenerationRequest

PACE_AFTER = 3
"""So many steps tell how quick the others will be."""

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
       coalesce(sign.loading_since > statement_timestamp() - make_interval(secs => %(load_s)s),
                false),
       job.id, job.profile, job.width, job.height, job.steps, job.ip_strength > 0,
       job.guidance_scale > 1, length(job.prompt) + length(job.negative_prompt), job.step,
       extract(epoch FROM statement_timestamp() - job.first_step_at)::float,
       extract(epoch FROM statement_timestamp() - job.claimed_at)::float
  FROM generation_worker sign
  FULL JOIN job ON job.worker = sign.name
  LEFT JOIN generation_pause pause
         ON pause.worker = coalesce(sign.name, job.worker) AND pause.ended_at IS NULL
 WHERE job.id IS NOT NULL
    OR sign.seen_at >= (SELECT since FROM recent) AND sign.stopped_at IS NULL
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
    nothing was measured. has_worker: whether somebody lives and takes jobs of its profile. is_held:
    nobody does, because operators have paused or drained those who could.
    """

    position: int
    estimate: Estimate | None
    pause_reason: str | None
    has_worker: bool
    is_held: bool


def outlook(jobs: Collection[GenerationJob]) -> Outlook:
    """Places and estimates of all of these that have not ended, in four queries at most."""
    live = (JobStatus.QUEUED, JobStatus.RUNNING)
    wanted = {job.pk for job in jobs if job.status in live}
    if not wanted:
        return Outlook()
    pause_reason, _turn = _circumstances(None)
    is_any_queued = any(job.status == JobStatus.QUEUED for job in jobs)
    waiting = order.waiting_jobs() if is_any_queued else []
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
        kind=kind_of(request),
    )
    waiting = order.in_order_of_service([*order.accepted_jobs(), own])
    position = waiting.index(own) + 1
    schedule = _play(waiting[:position], _read_painters())
    end = schedule.ends.get(None)
    has_worker = bool(schedule.can_serve(request.profile))
    return Forecast(
        position=position,
        estimate=end.estimate if end and pause_reason is None else None,
        pause_reason=pause_reason,
        has_worker=has_worker,
        is_held=not has_worker and schedule.has_held(request.profile),
    )


def _play(waiting: Sequence[WaitingJob], painters: Sequence[Painter]) -> Schedule:
    """These jobs, in the order of service, on these workers. One query, for the durations."""
    running = {painter.paints.kind.profile for painter in painters if painter.paints}
    durations = read_durations(running | {job.kind.profile for job in waiting})
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
        cursor.execute(
            _PAINTERS,
            {"quiet_s": QUIET_AFTER.total_seconds(), "load_s": settings.IMAGEN_JOB_TIMEOUT},
        )
        rows = cursor.fetchall()
    return [
        Painter(
            name=name,
            profiles=frozenset(profiles),
            takes_jobs=takes_jobs,
            is_loading=is_loading,
            paints=_remainder(job) if job[0] is not None else None,
        )
        for name, profiles, takes_jobs, is_loading, *job in rows
    ]


def _remainder(job: Sequence[Any]) -> Remainder:
    job_id, profile, width, height, steps, has_reference, has_guidance, chars = job[:8]
    step, painting_s, age_s = job[8:]
    kind = Kind(
        profile=profile,
        width=width,
        height=height,
        steps=steps,
        has_reference=has_reference,
        has_guidance=has_guidance,
        prompt_size=prompt_size(chars),
    )
    has_pace = painting_s is not None and PACE_AFTER <= step < steps
    return Remainder(
        job_id=job_id,
        kind=kind,
        share=max(LEAST_SHARE, 1 - step / steps),
        steps_left_s=painting_s / (step - 1) * (steps - step) if has_pace else None,
        age_s=age_s if step < PACE_AFTER else 0.0,
    )
