"""Workers and queue at a glance."""

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from generation.jobs import transitions
from generation.models import Worker
from tests import factories
from tests.admin.operators import JOBS, staff, text

pytestmark = pytest.mark.django_db

LONG_AGO = Now() - timedelta(minutes=5)


def make_worker(name: str, **fields: object) -> Worker:
    known = {"host": "host", "device": "cpu", "profile": "miniature", "version": "0.1.0"}
    return Worker.objects.create(name=name, **known, **fields)


def test_queue_shows_workers_and_what_they_paint(operator) -> None:
    job, claim = factories.running_job()
    transitions.report_step(claim, 12)
    factories.queued_job()
    make_worker("host/cpu", last_error="lost process [7]", last_error_at=Now())
    make_worker("host/gpu-0", stopped_at=Now())
    page = text(operator, "/admin/queue/")
    assert "of 100 at most" in page
    assert "12/30" in page
    assert f'href="{JOBS}{job.pk}/change/"' in page
    assert "lost process [7]" in page
    assert re.findall(r'class="state state-(\w+)"', page) == ["painting", "stopped"]


def test_queue_of_an_empty_service(operator) -> None:
    page = text(operator, "/admin/queue/")
    assert "No worker has been seen for a week." in page
    assert "Nothing is being painted." in page


def test_queue_renews_itself_without_losing_the_place(operator) -> None:
    page = text(operator, "/admin/queue/")
    assert 'data-renew="10"' in page
    assert 'src="/static/imagen/renew' in page
    assert 'href="/admin/queue/">Without JavaScript' in page


@pytest.mark.parametrize(
    ("fields", "is_told"),
    [({}, False), ({"stopped_at": Now()}, True), ({"seen_at": LONG_AGO}, True)],
)
def test_queue_tells_that_no_worker_is_running(operator, fields, is_told) -> None:
    make_worker("host/cpu", **fields)
    assert ("No worker is running" in text(operator, "/admin/queue/")) == is_told


def test_queue_is_linked_for_those_who_may_see_it(client) -> None:
    staff(client, "view_worker")
    assert "/admin/queue/" not in text(client, "/admin/")
    assert client.get("/admin/queue/").status_code == 403
    client.logout()
    assert client.get("/admin/queue/").status_code == 302


def test_queue_is_linked_from_the_index_and_the_list(operator) -> None:
    for path in ("/admin/", JOBS):
        assert 'href="/admin/queue/"' in text(operator, path)


def test_workers_are_listed(operator) -> None:
    make_worker("host/cpu")
    assert "host/cpu" in text(operator, "/admin/generation/worker/")
    assert "miniature" in text(operator, "/admin/generation/worker/host_2Fcpu/change/")
