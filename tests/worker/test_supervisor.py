"""What the supervisor decides, with a cluster that does as it is told."""

import time

import pytest
from django.db import OperationalError

from generation.jobs import recovery
from generation.models import GenerationJob, JobStatus
from generation.worker import supervisor as module
from generation.worker.supervisor import Supervisor
from tests import factories

pytestmark = pytest.mark.django_db


class FakeCluster:
    """Loses the processes in `lost`; those in `alive` are well."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.started_at = 0.0
        self.group_id = 1
        self.crew = frozenset({1})
        self.lost: frozenset[int] = frozenset()
        self.alive: set[int] = set()
        self.is_ended = False

    def missing(self) -> frozenset[int]:
        return self.lost

    def is_alive(self, pid: int) -> bool:
        return pid in self.alive

    def end(self) -> None:
        self.is_ended = True


def run_job_on(supervisor: Supervisor) -> GenerationJob:
    job, _claim = factories.running_job()
    GenerationJob.objects.update(worker=supervisor.name)
    return job


def test_broken_crew_is_restarted_when_nothing_runs(supervise) -> None:
    assert supervise()._can_restart(FakeCluster(), frozenset({7}))


def test_broken_crew_is_restarted_when_its_worker_is_lost(supervise) -> None:
    supervisor = supervise()
    run_job_on(supervisor)
    assert supervisor._can_restart(FakeCluster(), frozenset({4242}))


def test_broken_crew_waits_for_a_job_in_good_health(supervise) -> None:
    supervisor, cluster = supervise(), FakeCluster()
    run_job_on(supervisor)
    cluster.alive = {4242}
    assert not supervisor._can_restart(cluster, frozenset({7}))


def test_broken_crew_waits_for_a_database_that_is_away(supervise, monkeypatch) -> None:
    def away(_name: str) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(recovery, "busy_pid", away)
    assert not supervise()._can_restart(FakeCluster(), frozenset({7}))


def test_failed_duty_is_logged_and_the_watch_goes_on(supervise, caplog) -> None:
    def fail() -> None:
        raise RuntimeError("disk on fire")

    supervisor, cluster = supervise(keep_database=fail), FakeCluster()
    job = factories.queued_job()
    cluster.lost = frozenset({7})
    supervisor._can_restart = lambda *_: "disk on fire" in caplog.text
    supervisor._watch(cluster)
    assert "disk on fire" in caplog.text
    assert GenerationJob.objects.get().pk == job.pk


def test_stopped_supervisor_ends_its_cluster_and_releases_the_job(supervise, monkeypatch) -> None:
    supervisor, clusters = supervise(), []

    def start(*args: object, **kwargs: object) -> FakeCluster:
        clusters.append(FakeCluster())
        run_job_on(supervisor)
        supervisor.stop()
        return clusters[-1]

    monkeypatch.setattr(module, "Cluster", start)
    supervisor.run()
    assert [cluster.is_ended for cluster in clusters] == [True]
    assert GenerationJob.objects.get().status == JobStatus.QUEUED


def test_job_is_released_even_when_the_cluster_cannot_start(supervise, monkeypatch) -> None:
    supervisor = supervise()

    def start(*args: object, **kwargs: object) -> FakeCluster:
        run_job_on(supervisor)
        raise OSError("no more processes")

    monkeypatch.setattr(module, "Cluster", start)
    with pytest.raises(OSError, match="no more processes"):
        supervisor.run()
    assert GenerationJob.objects.get().status == JobStatus.QUEUED


def test_database_that_is_known_to_be_away_is_brought_back(supervise, monkeypatch) -> None:
    """An embedded server has nobody else; it is started even where a connection fails before."""
    calls: list[bool] = []

    def away() -> None:
        raise OperationalError("gone")

    supervisor = supervise(keep_database=lambda: calls.append(True))
    monkeypatch.setattr(module.connection, "ensure_connection", away)
    assert not supervisor._with_database(away)
    supervisor._do_what_is_due()
    assert calls


def test_database_that_cannot_be_brought_back_stops_nobody(supervise, caplog) -> None:
    def fail() -> None:
        raise OSError("disk on fire")

    assert supervise(keep_database=fail)._do_what_is_due()
    assert "disk on fire" in caplog.text


def test_jobs_are_not_taken_right_after_an_outage(supervise, monkeypatch) -> None:
    """Nobody could beat meanwhile, and the database's clock went on."""
    supervisor = supervise()
    reaped: list[bool] = []
    monkeypatch.setattr(module.recovery, "reap_and_ring", lambda: reaped.append(True))
    monkeypatch.setattr(module, "REAP_EVERY_S", 0)
    supervisor._is_database_away = True
    supervisor._do_what_is_due()
    supervisor._do_what_is_due()
    assert not supervisor._is_database_away
    assert not reaped
    now = time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + module.REST_AFTER_OUTAGE_S + 1)
    supervisor._do_what_is_due()
    assert reaped
