"""A supervisor's row: made, renewed, ended; and it never stops a supervisor."""

from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from django.db import OperationalError
from django.db.models import F
from django.db.models.functions import Now

from generation.jobs import presence
from generation.models import Worker
from generation.spec.profiles import MINIATURE
from generation.worker import registry
from generation.worker import supervisor as module
from tests.worker.test_supervisor import FakeCluster

pytestmark = pytest.mark.django_db

LOCK = Path("/run/imagen-cpu.lock")
IDENTITY = registry.identify("host/cpu-1", "cpu", LOCK)


def row() -> Worker:
    return Worker.objects.get()


def make_older(**ages: timedelta) -> None:
    Worker.objects.update(**{column: F(column) - age for column, age in ages.items()})


def test_identity_tells_profile_and_version() -> None:
    assert (IDENTITY.profile, IDENTITY.version) == ("miniature", version("imagen"))
    assert IDENTITY.host


def test_enrolled_worker_is_there_and_seen() -> None:
    registry.enrol(IDENTITY)
    worker = row()
    assert (worker.name, worker.device, worker.stopped_at) == ("host/cpu-1", "cpu", None)
    assert Worker.objects.filter(started_at__lte=Now(), seen_at__lte=Now()).exists()


def test_sign_renews_only_the_time() -> None:
    registry.enrol(IDENTITY)
    make_older(seen_at=timedelta(minutes=3), started_at=timedelta(minutes=3))
    before = row()
    registry.give_sign(IDENTITY)
    assert row().seen_at > before.seen_at
    assert row().started_at == before.started_at


def test_lost_row_comes_back_with_the_next_sign() -> None:
    registry.give_sign(IDENTITY)
    assert row().profile == "miniature"


def test_worker_says_which_folders_it_serves(settings) -> None:
    settings.IMAGEN_MODELS = [MINIATURE.folder]
    registry.give_sign(IDENTITY)
    assert row().profiles == ["miniature", "path:weights"]


def test_error_is_kept_over_a_new_start() -> None:
    registry.enrol(IDENTITY)
    registry.note_error(IDENTITY, "lost process [7]")
    registry.note_stop(IDENTITY)
    assert row().stopped_at is not None
    make_older(started_at=timedelta(minutes=3))
    before = row()
    registry.enrol(IDENTITY)
    assert row().started_at > before.started_at
    assert (row().stopped_at, row().last_error) == (None, "lost process [7]")
    assert row().last_error_at == before.last_error_at


def test_a_new_start_forgets_the_card_of_the_one_before() -> None:
    """It may paint on the CPU now, or on another card."""
    registry.enrol(IDENTITY)
    presence.note_memory(IDENTITY.name, plan="offload", memory_gib=7.0)
    presence.note_end(IDENTITY.name, 4242)

    registry.enrol(IDENTITY)

    worker = row()
    assert (worker.memory_plan, worker.memory_gib, worker.ended_pid) == ("", 0, None)


def test_long_unseen_workers_are_forgotten() -> None:
    for name in ("gone", "quiet"):
        registry.enrol(registry.identify(name, "cpu", LOCK))
    Worker.objects.filter(name="gone").update(seen_at=Now() - timedelta(days=7, minutes=1))
    Worker.objects.filter(name="quiet").update(seen_at=Now() - timedelta(days=6))
    registry.enrol(IDENTITY)
    registry.forget_lost()
    assert set(Worker.objects.values_list("name", flat=True)) == {"quiet", "host/cpu-1"}


def run_once(
    supervisor, monkeypatch, cluster: FakeCluster, lost: frozenset[int] | None = None
) -> None:
    """Run it with this cluster, and stop it when the next one would start."""
    cluster.lost = lost or cluster.lost
    clusters = iter([cluster])

    def start(*args: object, **kwargs: object) -> FakeCluster:
        following = next(clusters, None)
        if following is None:
            supervisor.stop()
        return following or FakeCluster()

    monkeypatch.setattr(module, "Cluster", start)
    monkeypatch.setattr(module, "SHORTEST_PAUSE_S", 0.01)
    supervisor.run()


def test_supervisor_notes_a_restart_and_its_stop(supervise, monkeypatch) -> None:
    supervisor, cluster = supervise(), FakeCluster()
    cluster.lost = frozenset({7})
    run_once(supervisor, monkeypatch, cluster)
    assert row().name == supervisor.name
    assert row().last_error == "lost process [7], restarting all"
    assert row().stopped_at is not None


def test_cluster_that_cannot_start_leaves_an_error(supervise, monkeypatch) -> None:
    def start(*args: object, **kwargs: object) -> FakeCluster:
        raise OSError("no more processes")

    monkeypatch.setattr(module, "Cluster", start)
    with pytest.raises(OSError, match="no more processes"):
        supervise().run()
    assert row().last_error == "OSError: no more processes"
    assert row().stopped_at is None


def test_round_renews_the_sign(supervise) -> None:
    supervisor, cluster = supervise(), FakeCluster()
    supervisor._can_restart = lambda *_: Worker.objects.filter(name=supervisor.name).exists()
    cluster.lost = frozenset({7})
    supervisor._watch(cluster)
    assert row().last_error


@pytest.mark.parametrize("error", [OperationalError("gone"), RuntimeError("a mistake")])
def test_sign_that_fails_stops_nobody(supervise, monkeypatch, error) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(registry, "give_sign", fail)
    supervisor, cluster = supervise(), FakeCluster()
    cluster.lost = frozenset({7})
    run_once(supervisor, monkeypatch, cluster)
    assert cluster.is_ended


def test_worker_enrols_once_the_database_is_there(supervise, monkeypatch) -> None:
    """Until then it brings an embedded one back, and starts no cluster."""
    kept: list[bool] = []
    supervisor, cluster = supervise(keep_database=lambda: kept.append(True)), FakeCluster()
    enrol, tries = registry.enrol, iter([OperationalError("gone"), OperationalError("gone"), None])

    def meet(identity: registry.Identity) -> bool:
        if error := next(tries):
            raise error
        return enrol(identity)

    monkeypatch.setattr(module, "ENROL_EVERY_S", 0)
    monkeypatch.setattr(registry, "enrol", meet)
    run_once(supervisor, monkeypatch, cluster, lost=frozenset({7}))
    assert len(kept) >= 2
    assert cluster.is_ended


@pytest.mark.parametrize("other", [{"host": "elsewhere"}, {"lock": "/tmp/other.lock"}])
def test_name_belongs_to_the_worker_that_lives(other) -> None:
    stranger = replace(IDENTITY, **other)
    assert registry.enrol(stranger)
    assert not registry.enrol(IDENTITY)
    assert registry.enrol(stranger)  # started again: it holds its lock, so its predecessor is dead
    make_older(seen_at=timedelta(minutes=1))
    assert registry.enrol(IDENTITY)
    registry.note_stop(IDENTITY)
    assert registry.enrol(stranger)


def test_namesake_waits_and_says_why(supervise, monkeypatch, caplog) -> None:
    supervisor = supervise()
    registry.enrol(replace(supervisor.identity, host="elsewhere"))
    enrol, tries = registry.enrol, iter([False, False, True])

    def meet(identity: registry.Identity) -> bool:
        if next(tries):
            make_older(seen_at=timedelta(minutes=1))
        return enrol(identity)

    monkeypatch.setattr(module, "ENROL_EVERY_S", 0)
    monkeypatch.setattr(registry, "enrol", meet)
    run_once(supervisor, monkeypatch, FakeCluster(), lost=frozenset({7}))
    assert caplog.text.count("IMAGEN_WORKER_NAME") == 1
    assert row().host == supervisor.identity.host


def test_a_worker_before_the_migration_says_so(supervise, monkeypatch, caplog) -> None:
    supervisor = supervise()
    lacking = iter([[("generation", "0099_new")], []])
    monkeypatch.setattr(module, "ENROL_EVERY_S", 0)
    monkeypatch.setattr(module.schema, "missing_migrations", lambda: next(lacking, []))
    run_once(supervisor, monkeypatch, FakeCluster(), lost=frozenset({7}))
    assert caplog.text.count("run manage.py migrate") == 1
    assert "IMAGEN_WORKER_NAME" not in caplog.text
