"""Probes tell what they should and no more."""

import pytest
from django.db import OperationalError, connection
from django.test import Client


@pytest.mark.django_db
def test_healthz_touches_nothing() -> None:
    response = Client().get("/healthz")
    assert (response.status_code, response.json()["service"]) == (200, "imagen")


@pytest.mark.django_db
def test_probes_need_no_host_name_that_is_served() -> None:
    client = Client(headers={"host": "10.1.2.3"})
    assert client.get("/healthz").status_code == 200
    assert client.get("/admin/login/").status_code == 400


@pytest.mark.django_db
def test_readyz_is_ready_with_every_migration(client) -> None:
    assert client.get("/readyz").json() == {"status": "ready"}


@pytest.mark.django_db
def test_readyz_is_503_before_a_migration(client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'generation'")
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "unavailable"})


@pytest.mark.django_db
def test_readyz_is_503_without_a_database(client, monkeypatch) -> None:
    def away(*args: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("generation.schema.is_current", away)
    assert client.get("/readyz").status_code == 503
