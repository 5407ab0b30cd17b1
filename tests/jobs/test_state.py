"""How the service is, read from rows in few queries."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from generation.jobs import controls, transitions
from generation.jobs import state as module
from generation.jobs.state import WorkerState, has_worker, service_state
from generation.models import GenerationJob, JobTransition, Worker
from tests import factories

pytestmark = pytest.mark.django_db

LONG_AGO = Now() - timedelta(minutes=5)


def worker(name: str, **fields: object) -> Worker:
    known = {"host": "host", "device": "cpu", "profile": "miniature", "version": "0.1.0"}
    return Worker.objects.create(name=name, **known, **fields)


def shift(job: GenerationJob, *, waited_s: float, ago_s: float = 60) -> None:
    """Let the job have been claimed some time ago, after a wait."""
    claimed = Now() - timedelta(seconds=ago_s)
    log = JobTransition.objects.filter(job=job)
    log.filter(reason="claimed", attempt=1).update(at=claimed)
    log.filter(from_status="").update(at=claimed - timedelta(seconds=waited_s))


def test_empty_service(settings) -> None:
    settings.IMAGEN_QUEUE_LIMIT = 7
    state = service_state()
    assert (state.queued, state.queue_limit, state.oldest_wait_s) == (0, 7, None)
    assert (state.running, state.workers) == ((), ())
    assert (state.has_worker, state.quiet_count) == (False, 0)
    assert (state.painted_today, state.failed_today) == (0, 0)
    assert (state.median_wait_s, state.p95_wait_s) == (None, None)


def test_queue_tells_its_length_and_its_oldest() -> None:
    first, _second = factories.queued_job(), factories.queued_job()
    GenerationJob.objects.filter(pk=first.pk).update(created_at=Now() - timedelta(minutes=5))
    state = service_state()
    assert state.queued == 2
    assert 300 <= state.oldest_wait_s < 320


def test_running_job_tells_its_step_and_heartbeat() -> None:
    job, claim = factories.running_job()
    transitions.report_step(claim, 12)
    GenerationJob.objects.update(heartbeat_at=Now() - timedelta(seconds=9))
    (running,) = service_state().running
    assert (running.job_id, running.public_id) == (job.pk, job.public_id)
    assert (running.worker, running.step, running.steps) == ("host/cpu", 12, 30)
    assert 9 <= running.heartbeat_age_s < 20


def test_each_state_of_a_worker() -> None:
    job, _claim = factories.running_job()
    long_ago = Now() - module.QUIET_AFTER - timedelta(seconds=5)
    worker("host/cpu", last_error="lost process [7]", last_error_at=Now())
    worker("host/gpu-0")
    worker("host/gpu-1", seen_at=long_ago)
    worker("host/gpu-2", seen_at=long_ago, stopped_at=long_ago)
    workers = service_state().workers
    assert {sign.name: sign.state for sign in workers} == {
        "host/cpu": WorkerState.PAINTING,
        "host/gpu-0": WorkerState.IDLE,
        "host/gpu-1": WorkerState.QUIET,
        "host/gpu-2": WorkerState.STOPPED,
    }
    assert workers[0].paints.public_id == job.public_id
    assert workers[0].last_error == "lost process [7]"
    assert workers[0].last_error_at is not None
    assert workers[2].seen_age_s > module.QUIET_AFTER.total_seconds()


@pytest.mark.parametrize(
    ("fields", "has_worker", "quiet_count"),
    [({}, True, 0), ({"seen_at": LONG_AGO}, False, 1), ({"stopped_at": Now()}, False, 0)],
)
def test_only_living_workers_count_as_running(fields, has_worker, quiet_count) -> None:
    worker("host/cpu", **fields)
    state = service_state()
    assert (state.has_worker, state.quiet_count) == (has_worker, quiet_count)


def test_worker_that_paints_is_running() -> None:
    factories.running_job()
    worker("host/cpu")
    assert service_state().has_worker


def test_long_stopped_workers_are_not_recent() -> None:
    last_week = Now() - timedelta(days=6)
    worker("host/gone", seen_at=last_week, stopped_at=last_week)
    worker("host/lost", seen_at=last_week)
    worker("host/stopped", stopped_at=Now())
    state = service_state()
    assert len(state.workers) == 3
    assert [sign.name for sign in state.recent_workers] == ["host/lost", "host/stopped"]


def test_today_counts_what_ended_today() -> None:
    for _ in range(3):
        factories.succeeded_job()
    factories.failed_job()
    factories.cancelled_job()
    yesterday = factories.succeeded_job()
    JobTransition.objects.filter(job=yesterday).update(at=F("at") - timedelta(days=1))
    state = service_state()
    assert (state.painted_today, state.failed_today) == (3, 1)


def test_waits_of_the_last_hour() -> None:
    for waited_s in range(1, 21):
        shift(factories.succeeded_job(), waited_s=waited_s)
    shift(factories.succeeded_job(), waited_s=5000, ago_s=4000)
    state = service_state()
    assert state.median_wait_s == pytest.approx(10.5, abs=0.1)
    assert state.p95_wait_s == pytest.approx(19.05, abs=0.1)


def test_second_attempt_is_no_second_wait() -> None:
    job, _claim = factories.running_job()
    shift(job, waited_s=3)
    transitions.release(job.worker)
    factories.claim()
    assert service_state().p95_wait_s == pytest.approx(3, abs=0.1)


def test_few_queries_however_many_rows(django_assert_max_num_queries) -> None:
    for number in range(6):
        factories.running_job()
        worker(f"host/gpu-{number}")
    with django_assert_max_num_queries(6):
        service_state()


def test_worker_that_is_held_back_while_it_paints_takes_no_more() -> None:
    factories.living_worker(factories.WORKER.name)
    factories.running_job()
    assert has_worker()
    controls.pause("too hot", worker=factories.WORKER.name)
    assert not has_worker()
    assert not service_state().has_worker
    assert service_state().is_held
