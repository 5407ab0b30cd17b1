"""Pausing, draining and resuming on the page of the queue."""

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.staticfiles import finders
from django.db.models.functions import Now
from django.test import Client

from generation.jobs import controls
from generation.jobs.state import WorkerState, service_state
from generation.models import Pause, Worker
from tests import factories
from tests.admin.operators import ENGLISH, staff, text

pytestmark = pytest.mark.django_db

QUEUE = "/admin/queue/"
HERE = factories.WORKER.name
LONG_AGO = Now() - timedelta(minutes=5)


def press(client: Client, act: str, language: str = "en", **fields: str) -> str:
    """A button of the page, and the page that it leads to."""
    headers = {"accept-language": language}
    answer = client.post(f"{QUEUE}{act}/", fields, follow=True, headers=headers)
    assert answer.redirect_chain == [(QUEUE, 302)]
    return html.unescape(answer.content.decode())


def acts_of(page: str) -> set[str]:
    """What the forms of the page do, with the worker's name where it is one's."""
    found = set()
    for form in re.findall(r"<form.*?</form>", page, re.DOTALL):
        act = re.search(r'action="/admin/queue/(\w+)/"', form)
        worker = re.search(r'name="worker" value="([^"]*)"', form)
        if act:
            found.add(f"{act[1]} {worker[1]}" if worker else act[1])
    return found


class TestQueue:
    def test_pause_and_resume(self, operator) -> None:
        assert acts_of(text(operator, QUEUE)) == {"pause"}
        page = press(operator, "pause", reason="a new disk, until 15:30")
        assert "Paused: a new disk, until 15:30" in page
        assert "The queue is paused" in page
        assert "by op" in page
        assert acts_of(page) == {"resume"}
        page = press(operator, "resume")
        assert "Resumed." in page
        assert "The queue runs" in page
        pause = Pause.objects.get()
        assert (pause.began_by, pause.ended_by) == (operator.user, operator.user)

    def test_form_tells_who_reads_the_reason(self, operator) -> None:
        page = text(operator, QUEUE)
        assert "Users read it: say what is going on" in page
        assert 'name="reason" maxlength="300" required' in page

    def test_markup_in_a_reason_is_text(self, operator) -> None:
        controls.pause("<b>now</b>")
        page = text(operator, QUEUE)
        assert "<b>now" not in page
        assert page.count("&lt;b&gt;now&lt;/b&gt;") == 2

    def test_refusals_are_told_in_the_operators_language(self, operator) -> None:
        controls.pause("un disque neuf")
        page = press(operator, "pause", "fr", reason="again")
        assert "It is paused already" not in page
        assert "un disque neuf" in page.partition("messagelist")[2].partition("</ul>")[0]
        controls.resume()
        assert "It is not paused." in press(operator, "resume")
        assert "1 to 300 visible characters" in press(operator, "pause", reason=" ")
        assert "1 to 300 visible characters" in press(operator, "pause", reason="x" * 301)
        assert Pause.objects.count() == 1

    def test_last_ten_pauses_tell_who_when_how_long_and_why(self, operator) -> None:
        for number in range(12):
            controls.pause(f"reason {number}", actor_id=operator.user.pk)
            controls.resume()
        Pause.objects.update(began_at=Now() - timedelta(hours=5), ended_at=Now())
        controls.pause("the present one")
        page = text(operator, QUEUE).partition("The last pauses")[2]
        assert re.findall(r"reason (\d+)", page) == [str(number) for number in range(11, 2, -1)]
        assert page.count("<td>op</td>") == 9
        assert page.count(">5 h<") == 9
        assert "for 1 s" in page


class TestWorker:
    @pytest.mark.parametrize(
        ("fields", "acts"),
        [
            ({}, {"pause", "drain"}),
            ({"loading_since": Now()}, {"pause", "drain"}),
            ({"draining_since": Now()}, {"resume"}),
            ({"draining_since": Now(), "drained_at": Now()}, {"resume"}),
            ({"seen_at": LONG_AGO}, set()),
            ({"stopped_at": Now()}, set()),
        ],
        ids=["idle", "loading", "draining", "drained", "quiet", "stopped"],
    )
    def test_buttons_are_those_that_make_sense(self, operator, fields, acts) -> None:
        factories.living_worker()
        Worker.objects.update(**fields)
        page = text(operator, QUEUE)
        assert acts_of(page) - {"pause"} == {f"{act} {HERE}" for act in acts}
        controls.pause("its fan is loud", worker=HERE)
        page = text(operator, QUEUE)
        assert acts_of(page) - {f"drain {HERE}"} == {"pause", f"resume {HERE}"}
        assert "its fan is loud" in page

    @pytest.mark.parametrize("state", WorkerState)
    def test_every_state_has_a_colour(self, state: WorkerState) -> None:
        sheet = Path(finders.find("admin.css")).read_text()
        default = {"drained", "stopped"}
        assert (f".state-{state}" in sheet) != (state in default)

    def test_pause_drain_and_resume(self, operator) -> None:
        factories.living_worker()
        assert f"Worker {HERE} \N{EN DASH} Paused: its fan is loud" in press(
            operator, "pause", worker=HERE, reason="its fan is loud"
        )
        assert service_state().workers[0].state == WorkerState.PAUSED
        assert f"{HERE} \N{EN DASH} Draining: it fin" in press(operator, "drain", worker=HERE)
        assert service_state().workers[0].state == WorkerState.DRAINING
        assert f"{HERE} \N{EN DASH} Resumed." in press(operator, "resume", worker=HERE)
        assert service_state().workers[0].state == WorkerState.IDLE

    def test_worker_that_has_gone_is_told_by_name(self, operator) -> None:
        for act in ("pause", "drain", "resume"):
            page = press(operator, act, worker="nobody", reason="x")
            assert "There is no worker called nobody." in page

    def test_profiles_that_it_can_serve_are_shown(self, operator) -> None:
        factories.living_worker()
        Worker.objects.update(profiles=["miniature", "sdxl"])
        assert "miniature, sdxl" in text(operator, QUEUE)

    def test_workers_that_are_held_are_not_said_to_be_missing(self, operator) -> None:
        factories.living_worker()
        controls.drain(HERE)
        page = text(operator, QUEUE)
        assert "No worker takes jobs" in page
        assert "No worker is running" not in page

    def test_strange_name_is_served_too(self, operator) -> None:
        name = 'a "b" & <c> / ü'
        factories.living_worker(name)
        page = html.unescape(text(operator, QUEUE))
        assert f'value="{name}"' in page
        assert 'id="pause-a%20%22b%22%20%26%20%3Cc%3E%20%2F%20%C3%BC"' in page
        press(operator, "drain", worker=name)
        assert Worker.objects.get().draining_since


class TestRights:
    def test_who_may_look_may_not_act(self, client) -> None:
        factories.living_worker()
        staff(client, "view_generationjob")
        assert acts_of(text(client, QUEUE)) == set()
        for act in ("pause", "drain", "resume"):
            answer = client.post(f"{QUEUE}{act}/", {"worker": HERE, "reason": "x"})
            assert answer.status_code == 403, act
        assert not Pause.objects.exists()
        assert not Worker.objects.get().draining_since

    def test_who_may_change_workers_may_act(self, client) -> None:
        staff(client, "view_generationjob", "change_worker")
        assert acts_of(text(client, QUEUE)) == {"pause"}
        press(client, "pause", reason="a new disk")
        assert controls.current_pause()

    def test_buttons_send_posts_with_a_csrf_token(self, operator) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(operator.user)
        for act in ("pause", "drain", "resume"):
            assert operator.get(f"{QUEUE}{act}/").headers["Location"] == QUEUE
            assert strict.post(f"{QUEUE}{act}/", {"reason": "x"}).status_code == 403
        assert not Pause.objects.exists()

    @pytest.mark.parametrize(
        "fields", [{"reason": "a\0b"}, {"worker": "a\0b"}, {"worker": "x" * 201}]
    )
    def test_what_no_form_sends_is_refused(self, operator, fields) -> None:
        for act in ("pause", "drain", "resume"):
            assert operator.post(f"{QUEUE}{act}/", fields).status_code == 400


def test_admin_log_keeps_who_did_what(operator) -> None:
    factories.living_worker()
    press(operator, "pause", reason="a new disk")
    press(operator, "resume")
    press(operator, "pause", worker=HERE, reason="its fan is loud")
    press(operator, "drain", worker=HERE)
    press(operator, "pause", worker=HERE, reason="again")  # refused
    entries = LogEntry.objects.order_by("pk")
    assert [entry.object_repr for entry in entries] == ["queue: a new disk"] * 2 + [HERE] * 2
    assert {entry.user for entry in entries} == {operator.user}
    assert [entry.change_message for entry in entries][2] == "Paused: its fan is loud"
    assert operator.get("/admin/", headers=ENGLISH).status_code == 200


def test_page_asks_few_queries(operator, django_assert_max_num_queries) -> None:
    for number in range(5):
        factories.living_worker(f"host/{number}")
        controls.pause("its fan is loud", worker=f"host/{number}", actor_id=operator.user.pk)
    controls.pause("a new disk", actor_id=operator.user.pk)
    with django_assert_max_num_queries(12):
        text(operator, QUEUE)


def test_half_typed_reason_is_not_lost_without_javascript(client) -> None:
    """The page comes anew by itself only for those who cannot type into it."""
    staff(client, "view_generationjob")
    assert 'http-equiv="refresh"' in text(client, QUEUE)
    client.logout()
    client.force_login(factories.make_user("root", is_staff=True, is_superuser=True))
    page = text(client, QUEUE)
    assert 'http-equiv="refresh"' not in page
    assert "show it anew" in page
