"""PostgreSQL in the doctor's eyes: a real one, with what can be wrong with it."""

import psycopg
import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from generation.doctor import database
from generation.doctor.finding import State, worst
from tests.doctor.found import only

pytestmark = pytest.mark.django_db


@pytest.fixture
def listening(settings) -> None:
    """Workers would LISTEN to the database of the tests."""
    connection.ensure_connection()
    info = connection.connection.info
    parts = {name: getattr(info, name) for name in ("host", "port", "dbname", "user", "password")}
    settings.LISTEN_PARTS = {name: value for name, value in parts.items() if value}


def examine() -> list:
    return list(database.examine())


@pytest.mark.django_db(transaction=True)
def test_database_of_a_running_service_is_well(listening) -> None:
    findings = examine()
    assert worst(findings) is State.OK, findings
    names = [finding.name for finding in findings]
    assert names == ["database", "migrations", "clock", "connections", "bell"]
    assert only(findings, "database").words.startswith("PostgreSQL ")
    assert database.has_tables(findings)


def test_missing_migration_is_bad_and_the_queue_is_not_asked() -> None:
    MigrationRecorder(connection).record_unapplied("generation", "0004_queue")
    findings = examine()
    found = only(findings, "migrations")
    assert (found.state, found.remedy) == (State.BAD, "manage.py migrate")
    assert found.words == "not applied: 1, the first is generation.0004_queue"
    assert not database.has_tables(findings)


def test_embedded_server_that_sleeps_is_told_and_left_asleep(monkeypatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(database.embedded_postgres, "is_answering", lambda _location: False)
    (found,) = examine()
    assert (found.state, found.remedy) == (State.WARNING, "make run")


@pytest.mark.parametrize(
    ("url", "remedy"), [("", "postgres.log"), ("postgresql://host/imagen", "$DATABASE_URL")]
)
def test_refused_connection_is_bad_in_one_line(monkeypatch, url, remedy) -> None:
    def refuse() -> None:
        raise database.Error("connection failed:\nIs the server running?")

    monkeypatch.setattr(database, "_server", refuse)
    monkeypatch.setattr(database.embedded_postgres, "is_answering", lambda _location: True)
    monkeypatch.setenv("DATABASE_URL", url)
    (found,) = examine()
    assert found.state is State.BAD
    assert found.words == "cannot be used: connection failed: Is the server running?"
    assert remedy in found.remedy


@pytest.mark.parametrize(("ahead_s", "way"), [(3_600, "ahead of"), (-3_600, "behind")])
def test_wrong_clock_of_this_host_is_told(monkeypatch, ahead_s, way) -> None:
    true_time = database.time.time
    monkeypatch.setattr(database.time, "time", lambda: true_time() + ahead_s)
    found = only(examine(), "clock")
    assert (found.state, found.remedy) == (State.WARNING, "timedatectl set-ntp true")
    assert f"3,600 s {way} the database" in found.words


def test_crowded_server_is_told(monkeypatch) -> None:
    monkeypatch.setattr(database, "CROWDED", 0.0)
    assert "max_connections" in only(examine(), "connections").remedy


def test_bell_that_nobody_can_hear_is_told(settings) -> None:
    settings.LISTEN_PARTS = {"host": "127.0.0.1", "port": "1"}
    found = only(examine(), "bell")
    assert found.state is State.WARNING
    assert found.words.endswith("jobs start up to two seconds late")
    assert "IMAGEN_LISTEN_URL" in found.remedy


@pytest.mark.django_db(transaction=True)
def test_bell_in_another_database_rings_unheard(listening, settings, monkeypatch) -> None:
    """As behind a pooler, which gives each statement another connection."""
    monkeypatch.setattr(database, "BELL_LIMIT_S", 0.1)
    settings.LISTEN_PARTS = settings.LISTEN_PARTS | {"dbname": "postgres"}
    assert "it rings unheard" in only(examine(), "bell").words


def test_password_is_never_told(settings) -> None:
    settings.LISTEN_PARTS = {"host": "127.0.0.1", "port": "1", "password": "geheim"}
    assert not [finding for finding in examine() if "geheim" in str(finding)]


@pytest.mark.django_db(transaction=True)
def test_workers_are_not_woken(listening, settings) -> None:
    with psycopg.connect(**settings.LISTEN_PARTS, autocommit=True) as worker:
        worker.execute("LISTEN imagen")
        examine()
        assert list(worker.notifies(timeout=0)) == []
