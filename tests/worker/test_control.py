"""What the supervisor makes of a drain, and of a crew that does not hear."""

import os
from pathlib import Path

import pytest
from django.db import OperationalError

from generation.jobs import controls, presence, transitions
from generation.models import GenerationJob, JobStatus, Worker
from generation.worker import registry
from generation.worker import supervisor as module
from tests import factories
from tests.worker.test_supervisor import FakeCluster, run_job_on

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr(module, "REAP_EVERY_S", 0.01)
    monkeypatch.setattr(module, "SHORTEST_PAUSE_S", 0.01)


@pytest.fixture
def clusters(monkeypatch) -> list[FakeCluster]:
    """Those that a supervisor has started."""
    started: list[FakeCluster] = []

    def start(*args: object, **kwargs: object) -> FakeCluster:
        started.append(FakeCluster())
        return started[-1]

    monkeypatch.setattr(module, "Cluster", start)
    return started


def on_reap(monkeypatch, *acts: object) -> None:
    """Call these, one at each round of the duties; the last one again and again."""
    left = list(acts)

    def reap() -> None:
        (left.pop(0) if len(left) > 1 else left[0])()

    monkeypatch.setattr(module.recovery, "reap_and_ring", reap)


def nothing() -> None:
    pass


def test_drained_worker_frees_its_device_and_waits(supervise, clusters, monkeypatch) -> None:
    supervisor = supervise()
    states: list[tuple[bool, bool]] = []

    def look() -> None:
        worker = Worker.objects.get()
        states.append((clusters[0].is_ended, worker.drained_at is not None))
        assert supervisor.lock.holder().group_id == os.getpid()

    on_reap(monkeypatch, supervisor.drain, nothing, look, supervisor.stop)
    supervisor.run()
    assert len(clusters) == 1
    assert states == [(True, True)]


def test_running_job_is_finished_before_the_drain_ends(supervise, clusters, monkeypatch) -> None:
    supervisor = supervise()
    ended: list[bool] = []

    def finish() -> None:
        ended.append(clusters[0].is_ended)
        GenerationJob.objects.update(
            status=JobStatus.SUCCEEDED, output="a.png", finished_at=factories.now()
        )

    on_reap(
        monkeypatch,
        lambda: run_job_on(supervisor),
        supervisor.drain,
        nothing,
        finish,
        nothing,
        lambda: ended.append(clusters[0].is_ended),
        supervisor.stop,
    )
    supervisor.run()
    assert ended == [False, True]
    assert GenerationJob.objects.get().status == JobStatus.SUCCEEDED


def test_resumed_worker_starts_a_cluster_again(supervise, clusters, monkeypatch) -> None:
    supervisor = supervise()
    on_reap(
        monkeypatch,
        lambda: controls.drain(supervisor.name),
        nothing,
        lambda: controls.resume(worker=supervisor.name),
        nothing,
        *[lambda: len(clusters) == 2 and supervisor.stop()] * 500,
        supervisor.stop,
    )
    supervisor.run()
    assert [cluster.is_ended for cluster in clusters] == [True, True]


def test_drain_waits_for_a_database_that_is_away(supervise, clusters, monkeypatch) -> None:
    supervisor = supervise()
    calls: list[str] = []

    def drain(name: str) -> None:
        calls.append(name)
        if len(calls) == 1:
            raise OperationalError("gone")
        monkeypatch.undo()
        supervisor.stop()

    monkeypatch.setattr(module.controls, "drain", drain)
    supervisor.drain()
    supervisor.run()
    assert len(calls) == 2


def test_drain_ends_with_its_supervisor() -> None:
    identity = registry.identify("host/gpu-0", "gpu-0", Path("/run/imagen-gpu-0.lock"))
    registry.enrol(identity)
    controls.drain("host/gpu-0")
    assert registry.give_sign(identity)
    registry.enrol(identity)
    assert not registry.give_sign(identity)


def test_deaf_crew_is_replaced(supervise, clusters, monkeypatch) -> None:
    """It does nothing for longer than DEAF_AFTER_S although a job waits."""
    monkeypatch.setattr(module, "DEAF_AFTER_S", 0.05)
    monkeypatch.setattr(presence, "QUIET_S", 0)
    factories.queued_job()
    supervisor = supervise()
    on_reap(monkeypatch, *[lambda: len(clusters) == 2 and supervisor.stop()] * 500, supervisor.stop)
    supervisor.run()
    assert len(clusters) == 2
    assert "took no job" in Worker.objects.get().last_error


def test_crew_that_takes_jobs_is_not_deaf(supervise, clusters, monkeypatch) -> None:
    monkeypatch.setattr(module, "DEAF_AFTER_S", 0.05)
    factories.queued_job()
    supervisor = supervise()

    def take() -> None:
        """Another job of the many that wait, each time."""
        GenerationJob.objects.filter(status=JobStatus.RUNNING).delete()
        factories.queued_job()
        worker = transitions.WorkerIdentity(name=supervisor.name, pid=1)
        transitions.claim_next(worker, timeout_s=9, profiles=factories.PROFILES)

    on_reap(monkeypatch, *[take] * 30, supervisor.stop)
    supervisor.run()
    assert len(clusters) == 1


def test_crew_that_is_not_whole_yet_is_not_called_deaf(supervise, monkeypatch) -> None:
    monkeypatch.setattr(module, "DEAF_AFTER_S", 0)
    factories.queued_job()
    supervisor, cluster = supervise(), FakeCluster()
    cluster.crew = frozenset()
    on_reap(monkeypatch, *[nothing] * 5, supervisor.stop)
    supervisor._watch(cluster)
    assert not Worker.objects.get().last_error


def test_worker_may_be_given_a_name(supervise, settings) -> None:
    settings.IMAGEN_WORKER_NAME = "studio/left"
    assert supervise().name == "studio/left"


def test_drain_that_was_taken_back_is_not_noted() -> None:
    identity = registry.identify("host/gpu-0", "gpu-0", Path("/run/imagen-gpu-0.lock"))
    registry.enrol(identity)
    controls.drain("host/gpu-0")
    controls.resume(worker="host/gpu-0")
    registry.note_drained(identity)
    assert Worker.objects.get().drained_at is None
    controls.drain("host/gpu-0")
    registry.note_drained(identity)
    assert Worker.objects.get().drained_at is not None


def test_second_drain_of_a_resting_worker_is_noted_too(supervise, clusters, monkeypatch) -> None:
    supervisor = supervise()

    def resume_and_drain() -> None:
        controls.resume(worker=supervisor.name)
        controls.drain(supervisor.name)
        assert Worker.objects.get().drained_at is None

    seen: list[bool] = []
    on_reap(
        monkeypatch,
        supervisor.drain,
        nothing,
        nothing,
        resume_and_drain,
        nothing,
        lambda: seen.append(Worker.objects.get().drained_at is not None),
        supervisor.stop,
    )
    supervisor.run()
    assert seen == [True]


def test_worker_that_was_resumed_in_time_is_not_drained(supervise) -> None:
    """What the supervisor remembers is not enough to end a cluster: it asks once more."""
    supervisor = supervise()
    registry.enrol(supervisor.identity)
    supervisor._is_draining = True
    assert not supervisor._is_drained()
    controls.drain(supervisor.name)
    supervisor._is_draining = True
    assert supervisor._is_drained()


@pytest.mark.parametrize(("lost", "crashes"), [({7}, 0), ({4242}, 1)])
def test_only_a_lost_worker_costs_its_job_a_crash(
    supervise, clusters, monkeypatch, lost, crashes
) -> None:
    supervisor = supervise()

    def break_crew() -> None:
        if len(clusters) == 1:
            run_job_on(supervisor)
            clusters[0].lost = frozenset(lost)
        elif len(clusters) == 2:
            supervisor.stop()

    monkeypatch.setattr(supervisor, "_can_restart", lambda *_: True)
    on_reap(monkeypatch, *[break_crew] * 50, supervisor.stop)
    supervisor.run()
    job = GenerationJob.objects.first()
    assert (job.status, job.crash_count) == (JobStatus.QUEUED, crashes)


def test_drain_before_the_start_starts_no_cluster(supervise, clusters, monkeypatch) -> None:
    supervisor = supervise()
    supervisor.drain()
    on_reap(monkeypatch, nothing, supervisor.stop)
    supervisor.run()
    assert not clusters


def test_next_crew_waits_until_the_job_of_the_last_one_is_taken_back(
    supervise, clusters, monkeypatch
) -> None:
    """Else it would claim nothing while that job seems to run here."""
    monkeypatch.setattr(module, "ENROL_EVERY_S", 0)
    supervisor, tries = supervise(), iter([True, True, False])
    recover = module.recovery.recover_worker

    def fail_twice(name: str) -> None:
        if supervisor._is_stopping or len(clusters) != 1:
            return
        if next(tries):
            raise OperationalError("gone")
        recover(name)

    def break_crew() -> None:
        if len(clusters) == 1:
            run_job_on(supervisor)
            clusters[0].lost = frozenset({4242})
        else:
            assert GenerationJob.objects.get().status == JobStatus.QUEUED
            supervisor.stop()

    monkeypatch.setattr(module.recovery, "recover_worker", fail_twice)
    on_reap(monkeypatch, *[break_crew] * 50, supervisor.stop)
    supervisor.run()
    assert len(clusters) == 2
    assert next(tries, None) is None
