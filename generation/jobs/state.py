"""How the service is: queue, workers and what they paint, in six queries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import (
    BooleanField,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Min,
    Q,
    TextChoices,
)
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from generation.models import GenerationJob, JobStatus, Pause, Worker

QUIET_AFTER = timedelta(seconds=45)
"""A supervisor gives a sign every five seconds, or after the pause between two restarts."""
RECENT = timedelta(days=1)
"""A worker that was stopped before is no news to those who wait for pictures."""

_TODAY = """
SELECT count(*) FILTER (WHERE to_status = 'succeeded'),
       count(*) FILTER (WHERE to_status = 'failed'),
       count(*) FILTER (WHERE to_status = 'succeeded' AND detail <> ''
                           OR reason = 'out_of_memory')
  FROM generation_jobtransition
 WHERE at >= date_trunc('day', statement_timestamp())
"""

_WAITS = """
SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
           ORDER BY extract(epoch FROM claimed.at - submitted.at)::float)
  FROM generation_jobtransition claimed
  JOIN generation_jobtransition submitted USING (job_id)
 WHERE claimed.at >= statement_timestamp() - interval '1 hour'
   AND claimed.reason = 'claimed' AND claimed.attempt = 1
   AND submitted.from_status = ''
"""


class WorkerState(TextChoices):
    """What can be told of a worker from outside."""

    PAINTING = "painting", _("at work")
    DRAINING = "draining", _("draining")
    DRAINED = "drained", _("drained, its device is free")
    PAUSED = "paused", _("paused")
    LOADING = "loading", _("loading its model")
    IDLE = "idle", _("idle")
    QUIET = "quiet", _("gone quiet")  # no sign of life, and it did not say that it would stop
    STOPPED = "stopped", _("stopped")


LIVING = (WorkerState.PAINTING, WorkerState.LOADING, WorkerState.IDLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """A job that a worker holds; `job_id` is for operators' links alone."""

    job_id: int
    public_id: UUID
    worker: str
    step: int
    steps: int
    heartbeat_age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSign:
    """One supervisor, by its last sign of life."""

    name: str
    host: str
    device: str
    profile: str
    profiles: tuple[str, ...]
    memory_plan: str
    memory_gib: float
    version: str
    state: WorkerState
    pause_reason: str
    seen_age_s: float
    paints: RunningJob | None
    last_error: str
    last_error_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """One moment. Waits are of the last hour's first claims; None: there was none.

    short_today: how often memory ran out, with a smaller plan or a postponed job as the way out.
    """

    queued: int
    queue_limit: int
    pause: Pause | None
    oldest_wait_s: float | None
    running: tuple[RunningJob, ...]
    workers: tuple[WorkerSign, ...]
    painted_today: int
    failed_today: int
    short_today: int
    median_wait_s: float | None
    p95_wait_s: float | None

    @property
    def has_worker(self) -> bool:
        """Whether anybody takes jobs: a supervisor, or a cluster that is seen to paint."""
        held = self._held_names
        painting = {
            job.worker for job in self.running if job.heartbeat_age_s <= QUIET_AFTER.total_seconds()
        }
        living = {worker.name for worker in self.workers if worker.state in LIVING}
        return bool((painting | living) - held)

    @property
    def is_held(self) -> bool:
        """Whether nobody takes jobs because operators have told the living workers so."""
        return not self.has_worker and bool(self._held_names)

    @property
    def _held_names(self) -> set[str]:
        """Workers that live and take no jobs, because an operator wants it."""
        return {
            worker.name
            for worker in self.workers
            if worker.state in (WorkerState.DRAINING, WorkerState.DRAINED)
            or (worker.pause_reason and worker.state in (*LIVING, WorkerState.PAUSED))
        }

    @property
    def quiet_count(self) -> int:
        return sum(worker.state == WorkerState.QUIET for worker in self.workers)

    @property
    def recent_workers(self) -> tuple[WorkerSign, ...]:
        """Without those that were stopped long ago."""
        return tuple(
            worker
            for worker in self.workers
            if worker.state != WorkerState.STOPPED or worker.seen_age_s < RECENT.total_seconds()
        )


def service_state() -> ServiceState:
    """Ask the database; days begin at midnight of TIME_ZONE."""
    queued, oldest_wait_s = _queue()
    running = tuple(_running())
    pauses = {pause.worker: pause for pause in Pause.objects.current()}
    painted, failed, short = _ask(_TODAY)
    (waits,) = _ask(_WAITS)
    median_s, p95_s = waits or (None, None)
    return ServiceState(
        queued=queued,
        queue_limit=settings.IMAGEN_QUEUE_LIMIT,
        pause=pauses.get(""),
        oldest_wait_s=oldest_wait_s,
        running=running,
        workers=tuple(_workers(running, pauses)),
        painted_today=painted,
        failed_today=failed,
        short_today=short,
        median_wait_s=median_s,
        p95_wait_s=p95_s,
    )


def has_worker(profile: str = "") -> bool:
    """ServiceState.has_worker alone, in at most two cheap queries.

    profile: only such workers count as can serve it.
    """
    recent = Now() - QUIET_AFTER
    living = Worker.objects.filter(
        stopped_at__isnull=True, draining_since__isnull=True, seen_at__gte=recent
    )
    if profile:
        living = living.filter(profiles__contains=[profile])
    paused = Pause.objects.current().values("worker")
    if living.exclude(name__in=paused).exists():
        return True
    draining = Worker.objects.filter(draining_since__isnull=False).values("name")
    running = GenerationJob.objects.filter(status=JobStatus.RUNNING, heartbeat_at__gte=recent)
    if profile:
        running = running.filter(profile=profile)
    return running.exclude(worker__in=paused).exclude(worker__in=draining).exists()


def _queue() -> tuple[int, float | None]:
    """How many wait, and the age of the oldest of them."""
    age = ExpressionWrapper(Now() - Min("created_at"), output_field=DurationField())
    found = GenerationJob.objects.queued().aggregate(jobs=Count("id"), age=age)
    return found["jobs"], found["age"].total_seconds() if found["age"] is not None else None


def _running() -> Iterable[RunningJob]:
    age = ExpressionWrapper(Now() - F("heartbeat_at"), output_field=DurationField())
    rows = GenerationJob.objects.filter(status=JobStatus.RUNNING).order_by("id")
    columns = rows.values_list("id", "public_id", "worker", "step", "steps", age)
    for job_id, public_id, worker, step, steps, heartbeat_age in columns:
        yield RunningJob(
            job_id=job_id,
            public_id=public_id,
            worker=worker,
            step=step,
            steps=steps,
            heartbeat_age_s=heartbeat_age.total_seconds(),
        )


def _workers(running: Iterable[RunningJob], pauses: Mapping[str, Pause]) -> Iterable[WorkerSign]:
    painted_by = {job.worker: job for job in running}
    age = ExpressionWrapper(Now() - F("seen_at"), output_field=DurationField())
    longest = timedelta(seconds=settings.IMAGEN_JOB_TIMEOUT)
    is_loading = ExpressionWrapper(
        Q(loading_since__gt=Now() - longest), output_field=BooleanField()
    )
    for worker in Worker.objects.annotate(seen_age=age, is_loading=is_loading):
        paints = painted_by.get(worker.name)
        pause = pauses.get(worker.name)
        yield WorkerSign(
            name=worker.name,
            host=worker.host,
            device=worker.device,
            profile=worker.profile,
            profiles=tuple(worker.profiles),
            memory_plan=worker.memory_plan,
            memory_gib=worker.memory_gib,
            version=worker.version,
            state=_worker_state(worker, worker.seen_age, worker.is_loading, paints, pause),
            pause_reason=pause.reason if pause else "",
            seen_age_s=worker.seen_age.total_seconds(),
            paints=paints,
            last_error=worker.last_error,
            last_error_at=worker.last_error_at,
        )


def _worker_state(
    worker: Worker,
    seen_age: timedelta,
    is_loading: bool,
    paints: RunningJob | None,
    pause: Pause | None,
) -> WorkerState:
    if worker.stopped_at is not None:
        return WorkerState.STOPPED
    if seen_age > QUIET_AFTER:
        return WorkerState.QUIET
    if worker.draining_since is not None:
        return WorkerState.DRAINED if worker.drained_at else WorkerState.DRAINING
    if paints:
        return WorkerState.PAINTING
    if pause:
        return WorkerState.PAUSED
    return WorkerState.LOADING if is_loading else WorkerState.IDLE


def _ask(statement: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return tuple(cursor.fetchone())
