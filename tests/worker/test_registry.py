"""A supervisor's row: made, renewed, ended; and it never stops a supervisor."""

from datetime import timedelta
from importlib.metadata import version

import pytest
from django.db import OperationalError
from django.db.models import F
from django.db.models.functions import Now

from generation.models import Worker
from generation.worker import registry
from generation.worker import supervisor as module
from tests.worker.test_supervisor import FakeCluster

pytestmark = pytest.mark.django_db

IDENTITY = registry.identify("host/cpu-1", "cpu")


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


def test_long_unseen_workers_are_forgotten() -> None:
    for name in ("gone", "quiet"):
        registry.enrol(registry.identify(name, "cpu"))
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
def test_registry_that_fails_stops_nobody(supervise, monkeypatch, error) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(registry, "_values", fail)
    supervisor, cluster = supervise(), FakeCluster()
    cluster.lost = frozenset({7})
    run_once(supervisor, monkeypatch, cluster)
    assert cluster.is_ended
    assert not Worker.objects.exists()


def test_first_words_lost_to_an_outage_are_said_later(supervise, monkeypatch) -> None:
    registry.enrol(registry.identify(supervise().name, "cpu"))
    registry.note_stop(registry.identify(supervise().name, "cpu"))
    supervisor = supervise()
    with monkeypatch.context() as away:
        away.setattr(registry, "_values", lambda *_: (_ for _ in ()).throw(OperationalError("x")))
        supervisor._do_duty(supervisor._give_sign)
    assert row().stopped_at is not None
    supervisor._do_duty(supervisor._give_sign)
    assert row().stopped_at is None


def test_name_is_taken_while_another_hosts_worker_lives() -> None:
    stranger = registry.Identity(
        name=IDENTITY.name, host="elsewhere", device="cpu", profile="miniature", version="0"
    )
    assert not registry.is_taken(IDENTITY)
    registry.enrol(stranger)
    assert registry.is_taken(IDENTITY)
    assert not registry.is_taken(stranger)
    make_older(seen_at=timedelta(minutes=1))
    assert not registry.is_taken(IDENTITY)
    registry.give_sign(stranger)
    registry.note_stop(stranger)
    assert not registry.is_taken(IDENTITY)


def test_namesake_waits_and_says_why(supervise, monkeypatch, caplog) -> None:
    supervisor = supervise()
    registry.enrol(
        registry.Identity(
            name=supervisor.name, host="elsewhere", device="cpu", profile="miniature", version="0"
        )
    )
    monkeypatch.setattr(module, "REAP_EVERY_S", 0)
    taken = iter([True, True, False])
    monkeypatch.setattr(registry, "is_taken", lambda _identity: next(taken))
    run_once(supervisor, monkeypatch, FakeCluster(), lost=frozenset({7}))
    assert caplog.text.count("IMAGEN_WORKER_NAME") == 1
    assert row().host != "elsewhere"
