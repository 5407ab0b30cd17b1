"""The service's status as its users see it: workers in each state, and figures."""

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from generation.jobs import controls, transitions
from generation.models import JobTransition, Worker
from tests import factories

pytestmark = pytest.mark.django_db

LONG_AGO = Now() - timedelta(minutes=5)
LAST_WEEK = Now() - timedelta(days=6)
NOBODY = "No worker is running"


def make_worker(device: str, **fields: object) -> Worker:
    known = {"host": "host", "profile": "miniature", "version": "0.1.0"}
    return Worker.objects.create(name=f"host/{device}", device=device, **known, **fields)


def state_of(page) -> str:
    return page.get("/state").content.decode()


def rows_of(html: str) -> dict[str, list[str]]:
    """The words of each worker's row by its device."""
    body = html.partition("<tbody>")[2]
    rows = [re.findall(r">([^<>]+)</t[hd]>", row) for row in body.split("</tr>")[:-1]]
    return {device.strip(): [word.strip() for word in words] for device, *words in rows}


def test_each_state_of_a_worker_has_its_word(page) -> None:
    _job, claim = factories.running_job()
    transitions.report_step(claim, 12)
    make_worker("cpu")
    make_worker("gpu-0")
    make_worker("gpu-1", seen_at=LONG_AGO)
    make_worker("gpu-2", stopped_at=LONG_AGO, seen_at=LONG_AGO)
    html = state_of(page)
    rows = rows_of(html)
    assert {device: words[0] for device, words in rows.items()} == {
        "cpu": "at work, 12 of 30",
        "gpu-0": "idle",
        "gpu-1": "gone quiet",
        "gpu-2": "stopped",
    }
    assert rows["gpu-1"][1:] == ["miniature", "5 min"]
    assert NOBODY not in html
    assert html.count('role="status"') == 1
    assert "One worker has gone quiet" in html


@pytest.mark.parametrize("fields", [{"seen_at": LONG_AGO}, {"stopped_at": Now()}])
def test_worker_that_does_not_answer_counts_as_none(page, fields) -> None:
    make_worker("cpu", **fields)
    assert NOBODY in state_of(page)


def test_service_without_workers_says_so(page) -> None:
    html = state_of(page)
    assert NOBODY in html
    assert "<table" not in html


def test_pause_and_its_reason_are_told(page) -> None:
    make_worker("gpu-0")
    make_worker("gpu-1")
    controls.pause("<b>Dust</b>, back at noon")
    controls.pause("too hot", worker="host/gpu-1")
    html = state_of(page)
    assert "The queue is paused" in html
    assert "&lt;b&gt;Dust&lt;/b&gt;, back at noon" in html
    assert "too hot" not in html  # a worker's reason is for operators
    assert NOBODY not in html


def test_workers_that_operators_hold_back_are_not_missing(page) -> None:
    make_worker("gpu-0")
    controls.pause("too hot", worker="host/gpu-0")
    html = state_of(page)
    assert "No worker takes pictures now" in html
    assert NOBODY not in html


def test_quiet_workers_are_told_once(page) -> None:
    for number in range(3):
        make_worker(f"gpu-{number}", seen_at=LONG_AGO)
    html = state_of(page)
    assert html.count("3 workers have gone quiet") == 1
    assert "One worker has gone quiet" not in html


def test_worker_that_stopped_long_ago_is_left_out(page) -> None:
    make_worker("cpu")
    make_worker("gpu-0", seen_at=LAST_WEEK, stopped_at=LAST_WEEK)
    assert list(rows_of(state_of(page))) == ["cpu"]


def test_waits_are_told_as_people_say_them(page) -> None:
    factories.succeeded_job()
    submitted = JobTransition.objects.filter(from_status="")
    submitted.update(at=Now() - timedelta(seconds=200))
    html = state_of(page)
    assert "<b>3 min</b>" in html
    assert "95 in 100 within 3 min" in html


def test_page_renews_itself_without_losing_the_place(page) -> None:
    html = state_of(page)
    assert 'id="now" data-renew="15"' in html
    assert 'src="/static/imagen/renew' in html
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in html
