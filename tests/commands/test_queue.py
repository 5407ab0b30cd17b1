"""The queue from the command line: what it shows, and how it is paused, drained and resumed."""

import io
import queue
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.utils import translation

from generation.jobs import controls, transitions
from generation.management.commands import queue as command
from generation.models import Pause, Worker
from tests import factories

pytestmark = pytest.mark.django_db

HERE = factories.WORKER.name


def call(*arguments: str) -> str:
    out = io.StringIO()
    call_command("queue", *arguments, stdout=out)
    return out.getvalue()


def test_standard_library_keeps_its_name() -> None:
    assert queue.__file__ != command.__file__
    assert not [path for path in sys.path if path.endswith("management/commands")]


class TestShow:
    def test_empty_service_names_the_way_on(self, settings) -> None:
        settings.IMAGEN_QUEUE_LIMIT = 7
        shown = call()
        assert "The queue runs.\n0 of at most 7 jobs wait.\n" in shown
        assert "Start one: manage.py imagen_worker" in shown

    def test_workers_stand_in_a_table_with_their_jobs(self) -> None:
        factories.living_worker()
        factories.living_worker("host/second")
        job, claim = factories.running_job()
        transitions.report_step(claim, 12)
        factories.queued_job()
        head, first, second = call().splitlines()[-3:]
        assert first.split()[:2] == [HERE, "at"]
        assert f"cpu     miniature  {job.public_id}  12/30  1 s ago" in first
        assert second.split() == [
            "host/second",
            "idle",
            "cpu",
            "miniature",
            "-",
            "-",
            *("1", "s", "ago"),
        ]
        assert first.index("  cpu") == second.index("  cpu") == head.index("DEVICE") - 2
        assert "1 of at most 100 jobs wait, the oldest for 1 s." in call()

    def test_pauses_are_told_with_their_reasons(self, user) -> None:
        factories.living_worker()
        controls.pause("a new disk", actor_id=user.pk)
        controls.pause("its fan is loud", worker=HERE)
        Pause.objects.update(began_at="2026-01-30T12:34Z")
        shown = call()
        assert "The queue is PAUSED since 2026-01-30 12:34 UTC by alice: a new disk" in shown
        assert f"{HERE} is paused: its fan is loud" in shown

    def test_last_words_of_a_quiet_worker_are_told(self) -> None:
        factories.living_worker()
        long_ago = Now() - timedelta(minutes=5)
        Worker.objects.update(seen_at=long_ago, last_error="lost process [7]")
        assert f"{HERE} said at last: lost process [7]" in call()

    def test_it_speaks_english_wherever_it_is(self) -> None:
        factories.living_worker()
        with translation.override("fr"):
            assert "idle" in call()


class TestPauseAndResume:
    def test_queue(self) -> None:
        assert "manage.py queue resume ends it" in call("pause", "a new disk")
        assert controls.current_pause().reason == "a new disk"
        assert call("resume") == "The queue is resumed.\n"
        assert controls.current_pause() is None

    def test_one_worker(self) -> None:
        factories.living_worker()
        told = call("pause", "its fan is loud", "--worker", HERE)
        assert told == (f"{HERE} is paused; manage.py queue resume --worker {HERE} ends it.\n")
        assert controls.current_pause(HERE)
        assert controls.current_pause() is None
        call("resume", "--worker", HERE)
        assert controls.current_pause(HERE) is None

    @pytest.mark.parametrize(
        ("arguments", "remedy"),
        [
            (["pause", " "], "needs a reason"),
            (["pause", "x", "--worker", "nobody"], f"Known: {HERE}, host/second."),
            (["resume", "--worker", "nobody"], f"Known: {HERE}, host/second."),
            (["drain", "nobody"], f"Known: {HERE}, host/second."),
            (["resume"], "manage.py queue"),
        ],
    )
    def test_refusal_names_the_remedy(self, arguments, remedy) -> None:
        factories.living_worker()
        factories.living_worker("host/second")
        with pytest.raises(CommandError, match=remedy) as refused:
            call(*arguments)
        assert refused.value.returncode == 1

    def test_second_pause_tells_the_first_reason(self) -> None:
        call("pause", "a new disk")
        with pytest.raises(CommandError, match="already: a new disk\nFor another reason, resume"):
            call("pause", "an upgrade")

    def test_without_any_worker_the_way_to_one_is_told(self) -> None:
        with pytest.raises(CommandError, match=r"manage\.py imagen_worker"):
            call("drain", "nobody")

    @pytest.mark.parametrize("arguments", [["pause"], ["drain"], ["stop"]])
    def test_misspelt_call_is_refused(self, arguments) -> None:
        with pytest.raises(CommandError):
            call(*arguments)
        assert not Pause.objects.exists()


class TestDrain:
    def test_it_returns_at_once_and_tells_what_is_still_done(self) -> None:
        factories.living_worker()
        job, claim = factories.running_job()
        transitions.report_step(claim, 12)
        told = call("drain", HERE)
        assert f"draining, {job.public_id} at step 12/30" in told
        assert Worker.objects.get().draining_since

    def test_it_waits_until_the_device_is_free(self, monkeypatch) -> None:
        factories.living_worker()
        slept: list[float] = []

        def end_the_job(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                Worker.objects.update(drained_at=Now())

        monkeypatch.setattr(command.time, "sleep", end_the_job)
        assert call("drain", HERE, "--wait", "600") == f"{HERE} is drained, its device is free.\n"
        assert len(slept) == 3

    def test_too_long_a_wait_tells_why_and_leaves_it_draining(self) -> None:
        factories.living_worker()
        factories.running_job()
        with pytest.raises(CommandError, match=r"not drained after 0\.01 s.*at step 0/30") as late:
            call("drain", HERE, "--wait", "0.01")
        assert late.value.returncode == 1
        assert Worker.objects.get().draining_since

    def test_waiting_ends_when_somebody_resumes(self, monkeypatch) -> None:
        factories.living_worker()
        monkeypatch.setattr(command.time, "sleep", lambda _s: controls.resume(worker=HERE))
        with pytest.raises(CommandError, match="resumed by somebody else"):
            call("drain", HERE, "--wait", "600")

    def test_stopped_worker_has_nothing_to_end(self) -> None:
        factories.living_worker()
        Worker.objects.update(stopped_at=Now())
        assert call("drain", HERE, "--wait", "600") == f"{HERE} is stopped.\n"


@pytest.mark.parametrize("act", [["pause", "why"], ["resume"]])
def test_empty_name_does_not_act_on_the_whole_queue(act) -> None:
    with pytest.raises(CommandError, match="must be a worker's name"):
        call_command("queue", *act, "--worker", "")
    assert not Pause.objects.exists()


@pytest.mark.parametrize("limit", ["-1", "nan", "soon"])
def test_wait_is_a_number_of_seconds(limit) -> None:
    with pytest.raises(CommandError, match="number of seconds"):
        call_command("queue", "drain", "host/cpu", "--wait", limit)
