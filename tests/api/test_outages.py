"""While the database is away nobody waits for it, and somebody asks again each second."""

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client

from generation.api import outages
from generation.api.v1 import serializers
from generation.jobs import queue
from generation.models import GenerationJob

pytestmark = pytest.mark.django_db


@pytest.fixture
def attempts(monkeypatch) -> list[bool]:
    """An outage is on; each attempt to reach the database notes itself, and fails."""
    made: list[bool] = []

    def connect(**parts: object) -> None:
        made.append(True)
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(outages.psycopg, "connect", connect)
    monkeypatch.setattr(outages, "present", outages.Outage())
    outages.present.begin()
    return made


def test_requests_are_told_at_once_and_one_a_second_asks(attempts, client) -> None:
    answers = [client.get("/api/v1/jobs") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {503}
    assert answers[0]["Retry-After"] == "30"
    assert answers[0]["Content-Security-Policy"]
    assert len(attempts) == 1


def test_one_lost_connection_refuses_nobody(monkeypatch, client) -> None:
    monkeypatch.setattr(outages, "present", outages.Outage())
    for _ in range(3):
        outages.present.begin()
        assert client.get("/readyz").status_code == 200


def test_asking_goes_on(attempts, monkeypatch) -> None:
    monkeypatch.setattr(outages, "ASK_EVERY_S", 0)
    assert [outages.present.is_over() for _ in range(3)] == [False] * 3
    assert len(attempts) == 3


def test_only_one_request_asks_at_a_time(attempts) -> None:
    """Nobody is refused before it has an answer, and all are afterwards."""
    with outages.present._asks:
        assert outages.present.is_over()
        assert not attempts
    assert not outages.present.is_over()
    with outages.present._asks:
        assert not outages.present.is_over()
    assert len(attempts) == 1


def test_outage_ends_with_the_first_answer(attempts, monkeypatch, client) -> None:
    class Reached:
        def close(self) -> None:
            pass

    monkeypatch.setattr(outages.psycopg, "connect", lambda **parts: Reached())
    assert client.get("/readyz").status_code == 200
    assert client.get("/sign-in").status_code == 200


def test_probe_of_the_process_and_style_sheets_go_on(attempts, client) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503


def test_page_says_so_in_a_page(attempts) -> None:
    answer = Client().get("/pictures", headers={"accept": "text/html"})
    assert answer.status_code == 503
    assert b"<!DOCTYPE html>" in answer.content or b"<!doctype html>" in answer.content


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/readyz"])
def test_whoever_finds_it_away_begins_the_outage(monkeypatch, api, path) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(outages, "present", outages.Outage())
    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)
    assert api.get(path).status_code == 503
    assert outages.present._is_suspected


def end_connection() -> None:
    """As when the database goes away after the commit."""
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.django_db(transaction=True)
def test_the_original_door_says_so_too(monkeypatch, api) -> None:
    position = queue.position

    def cut_off(job: GenerationJob) -> int:
        end_connection()
        return position(job)

    monkeypatch.setattr(queue, "position", cut_off)
    answer = api.post("/generate", {"prompt": "a lighthouse at dusk"})
    assert answer.status_code == 202
    assert answer.json() == {
        "job_id": str(GenerationJob.objects.get().public_id),
        "status": "queued",
        "message": "Job queued.",
    }


@pytest.mark.django_db(transaction=True)
def test_accepted_is_said_even_if_the_database_goes_away_after_the_commit(monkeypatch, api) -> None:
    outlook = serializers.outlook

    def cut_off(rows: list[GenerationJob]) -> object:
        end_connection()
        return outlook(rows)

    monkeypatch.setattr(serializers, "outlook", cut_off)
    answer = api.post("/api/v1/jobs", {"prompt": "a lighthouse at dusk"})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["status"], job["position"], job["estimate"]) == ("queued", None, None)
    assert GenerationJob.objects.get().public_id.hex == job["id"].replace("-", "")
