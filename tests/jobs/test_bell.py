"""The broker: who takes which ticket, and how soon it is known that there is one."""

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django_q.models import OrmQ

from generation import conf
from generation.jobs import bell as module
from generation.jobs import controls, tickets, transitions
from generation.jobs.bell import Bell, Ear
from generation.models import GenerationJob
from tests import factories

pytestmark = pytest.mark.django_db
HERE = factories.WORKER.name


@pytest.fixture(autouse=True)
def impatient(settings, monkeypatch) -> None:
    """Here as this worker, and without waiting for a bell that no test rings."""
    settings.IMAGEN_WORKER_NAME = HERE
    monkeypatch.setattr(module, "BACKSTOP_S", 0.01)
    names = ("host", "port", "dbname", "user", "password")
    parts = {name: getattr(psycopg_info(), name) for name in names}
    settings.LISTEN_PARTS = {name: value for name, value in parts.items() if value}


def psycopg_info() -> psycopg.ConnectionInfo:
    connection.ensure_connection()
    return connection.connection.info


@pytest.fixture
def new_broker() -> Iterator[Bell]:
    made = Bell("imagen")
    yield made
    made.ear.close()


@pytest.fixture
def broker(new_broker) -> Bell:
    """One that has taken its first ticket."""
    new_broker._is_first = False
    return new_broker


def test_ticket_of_a_runnable_job_is_taken_once(broker) -> None:
    factories.queued_job()
    assert len(broker.dequeue()) == 1
    assert broker.dequeue() is None


def test_second_ticket_is_left_until_the_first_is_claimed(broker, monkeypatch) -> None:
    """Two jobs, two workers: whoever took a ticket must not hold the other one's as well."""
    for _ in range(2):
        factories.queued_job()
    assert broker.dequeue()
    monkeypatch.setattr(module.time, "sleep", lambda _seconds: factories.claim())
    assert broker.dequeue() is None


def test_first_ticket_is_taken_to_load_the_model(new_broker) -> None:
    tickets.ring()
    assert new_broker.dequeue()
    tickets.ring()
    assert new_broker.dequeue() is None


def test_ticket_is_left_to_others_while_a_job_runs_here(broker, settings) -> None:
    factories.running_job()
    factories.queued_job()
    assert broker.dequeue() is None
    settings.IMAGEN_WORKER_NAME = "another"
    assert broker.dequeue()


@pytest.mark.parametrize("worker", ["", HERE])
def test_ticket_is_left_while_paused(broker, worker) -> None:
    factories.living_worker(HERE)
    factories.queued_job()
    controls.pause("a moment", worker=worker)
    assert broker.dequeue() is None
    controls.resume(worker=worker)
    assert broker.dequeue()


def test_ticket_is_left_while_draining(broker) -> None:
    factories.living_worker(HERE)
    factories.queued_job()
    controls.drain(HERE)
    assert broker.dequeue() is None


def test_ticket_is_left_to_those_who_can_serve_the_job(broker, monkeypatch) -> None:
    factories.queued_job()
    GenerationJob.objects.update(profile="sdxl")
    assert broker.dequeue() is None
    monkeypatch.setattr(conf, "servable_profiles", lambda: ["sdxl"])
    assert broker.dequeue()


def test_job_that_is_not_due_rings_for_nobody(broker) -> None:
    _job, claim = factories.running_job()
    transitions.postpone(claim, detail="", delay_s=3600, tries=3)
    tickets.ring()
    assert broker.dequeue() is None


def test_clock_of_this_host_does_not_matter(broker) -> None:
    """Both moments of a ticket, put in and taken, are the database's."""
    factories.queued_job()
    assert OrmQ.objects.filter(lock__lte=Now()).exists()
    assert broker.dequeue()
    assert OrmQ.objects.filter(lock__gt=Now()).exists()


def test_pusher_outlives_an_outage(broker, monkeypatch, caplog) -> None:
    def gone() -> None:
        raise OperationalError("gone")

    closed: list[bool] = []
    monkeypatch.setattr(module, "PAUSE_S", 0)
    monkeypatch.setattr(module.connection, "close", lambda: closed.append(True))
    monkeypatch.setattr(broker, "_take", gone)
    assert broker.dequeue() is None
    assert closed
    assert "away" in caplog.text


def test_monitor_outlives_an_outage(broker, monkeypatch) -> None:
    """It acknowledges what was acknowledged before the work began."""
    tickets.ring()
    monkeypatch.setattr(OrmQ.objects, "filter", lambda **_: pytest.fail("asked the database"))
    broker.acknowledge(OrmQ.objects.get().pk)


@pytest.fixture
def ear() -> Iterator[Ear]:
    made = Ear()
    yield made
    made.close()


@pytest.mark.django_db(transaction=True)
def test_bell_is_heard_at_once_once_the_job_is_committed(ear) -> None:
    ear.listen(0)

    def submit() -> None:
        factories.queued_job()
        connection.close()

    waits: list[float] = []
    thread = threading.Thread(target=submit)
    began = time.monotonic()
    thread.start()
    ear.listen(30)
    waits.append(time.monotonic() - began)
    thread.join()
    assert waits[0] < 5


@pytest.mark.django_db(transaction=True)
def test_free_worker_is_told_when_a_job_has_ended(ear) -> None:
    _job, claim = factories.running_job()
    ear.listen(0)
    transitions.fail(claim, "internal_error", "")
    began = time.monotonic()
    ear.listen(30)
    assert time.monotonic() - began < 5


def test_bell_that_cannot_be_heard_is_told_once(ear, settings, caplog) -> None:
    settings.LISTEN_PARTS = {"host": "127.0.0.1", "port": "1", "connect_timeout": 1}
    ear.listen(0.01)
    ear.listen(0.01)
    assert caplog.text.count("the bell cannot be heard") == 1


def test_bell_is_heard_again_after_a_cut(ear, caplog) -> None:
    caplog.set_level("INFO")
    ear.listen(0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [ear._connection.info.backend_pid])
    ear.listen(5)
    assert ear._connection is None
    ear.listen(0)
    assert ear._connection is not None
    assert "heard again" in caplog.text
