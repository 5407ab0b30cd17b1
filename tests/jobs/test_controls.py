"""Who pauses, drains and resumes what, and what is refused."""

from collections.abc import Callable

import pytest

from generation.jobs import controls, transitions
from generation.jobs.state import WorkerState, service_state
from generation.models import GenerationJob, Pause, Worker
from tests import factories
from tests.web.visitors import all_at_once

pytestmark = pytest.mark.django_db

HERE = factories.WORKER.name


def claimed() -> object:
    return transitions.claim_next(factories.WORKER, timeout_s=600, profiles=factories.PROFILES)


@pytest.mark.parametrize("worker", ["", HERE])
class TestPause:
    def test_nothing_is_begun_until_it_is_resumed(self, worker: str) -> None:
        factories.living_worker()
        factories.queued_job()
        controls.pause("a new disk", worker=worker)
        assert claimed() is None
        controls.resume(worker=worker)
        assert claimed() is not None

    def test_running_job_goes_on(self, worker: str) -> None:
        factories.living_worker()
        job, claim = factories.running_job()
        controls.pause("a new disk", worker=worker)
        transitions.report_step(claim, 3)
        assert transitions.succeed(claim, "outputs/a.png")
        job.refresh_from_db()
        assert job.step == job.steps

    def test_it_tells_who_began_and_who_ended_it(self, worker: str, user, stranger) -> None:
        factories.living_worker()
        controls.pause("a new disk", worker=worker, actor_id=user.pk)
        controls.resume(worker=worker, actor_id=stranger.pk)
        pause = Pause.objects.get()
        assert (pause.worker, pause.reason) == (worker, "a new disk")
        assert (pause.began_by, pause.ended_by) == (user, stranger)
        assert pause.began_at <= pause.ended_at

    def test_second_one_is_refused_and_keeps_the_reason(self, worker: str) -> None:
        factories.living_worker()
        controls.pause("a new disk", worker=worker)
        with pytest.raises(controls.AlreadyPaused, match="paused already: a new disk"):
            controls.pause("an upgrade", worker=worker)
        assert controls.current_pause(worker).reason == "a new disk"

    def test_what_is_not_paused_cannot_be_resumed(self, worker: str) -> None:
        factories.living_worker()
        with pytest.raises(controls.NotPaused):
            controls.resume(worker=worker)

    @pytest.mark.parametrize("reason", ["", "  \n", "x" * (controls.MAX_REASON_CHARS + 1)])
    def test_reason_is_required_and_short(self, worker: str, reason: str) -> None:
        factories.living_worker()
        with pytest.raises(controls.ReasonMissing, match="1 to 300 visible characters"):
            controls.pause(reason, worker=worker)
        assert not Pause.objects.exists()


def test_reason_is_kept_without_the_space_around_it() -> None:
    controls.pause("  a new disk \n")
    assert controls.current_pause().reason == "a new disk"


def test_paused_worker_leaves_the_jobs_to_the_others() -> None:
    factories.living_worker()
    factories.queued_job()
    controls.pause("its fan is loud", worker=HERE)
    other = factories.WorkerIdentity(name="host/two", pid=7)
    assert claimed() is None
    assert factories.claim(other)


def test_queue_and_worker_are_paused_apart() -> None:
    factories.living_worker()
    factories.queued_job()
    controls.pause("its fan is loud", worker=HERE)
    controls.pause("a new disk")
    controls.resume()
    assert claimed() is None
    assert controls.current_pause() is None
    assert controls.current_pause(HERE).reason == "its fan is loud"


@pytest.mark.parametrize(
    "act",
    [
        lambda: controls.pause("a new disk", worker="nobody"),
        lambda: controls.resume(worker="nobody"),
        lambda: controls.drain("nobody"),
    ],
    ids=["pause", "resume", "drain"],
)
def test_unknown_worker_is_refused_by_name(act: Callable[[], object]) -> None:
    factories.living_worker()
    with pytest.raises(controls.UnknownWorker, match="no worker called nobody"):
        act()
    assert not Pause.objects.exists()


class TestDrain:
    def test_worker_ends_its_job_and_begins_no_other(self) -> None:
        factories.living_worker()
        _job, claim = factories.running_job()
        factories.queued_job()
        controls.drain(HERE)
        assert transitions.succeed(claim, "outputs/a.png")
        assert claimed() is None
        assert service_state().workers[0].state == WorkerState.DRAINING

    def test_resuming_ends_it(self) -> None:
        worker = factories.living_worker()
        factories.queued_job()
        controls.drain(HERE)
        Worker.objects.update(drained_at=worker.seen_at)
        assert service_state().workers[0].state == WorkerState.DRAINED
        controls.resume(worker=HERE)
        worker.refresh_from_db()
        assert (worker.draining_since, worker.drained_at) == (None, None)
        assert claimed() is not None

    def test_second_one_changes_nothing(self) -> None:
        worker = factories.living_worker()
        controls.drain(HERE)
        worker.refresh_from_db()
        began_at = worker.draining_since
        controls.drain(HERE)
        worker.refresh_from_db()
        assert worker.draining_since == began_at

    def test_resuming_the_queue_does_not_end_it(self) -> None:
        factories.living_worker()
        controls.drain(HERE)
        with pytest.raises(controls.NotPaused):
            controls.resume()
        assert service_state().workers[0].state == WorkerState.DRAINING

    def test_resuming_ends_pause_and_drain_at_once(self) -> None:
        factories.living_worker()
        controls.pause("its fan is loud", worker=HERE)
        controls.drain(HERE)
        controls.resume(worker=HERE)
        assert service_state().workers[0].state == WorkerState.IDLE


def test_pause_changes_no_job() -> None:
    factories.living_worker()
    factories.queued_job()
    before = list(GenerationJob.objects.values())
    controls.pause("a new disk")
    controls.drain(HERE)
    controls.resume()
    assert list(GenerationJob.objects.values()) == before


@pytest.mark.django_db(transaction=True)
def test_of_many_who_pause_at_once_one_does() -> None:
    told: list[str] = []

    def pause(number: int) -> None:
        try:
            told.append(controls.pause(f"reason {number}").reason)
        except controls.AlreadyPaused as refused:
            told.append(str(refused))

    all_at_once(8, pause)
    reason = Pause.objects.get().reason
    assert sorted(told) == sorted([reason] + [f"It is paused already: {reason}"] * 7)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_resume_at_once_one_does() -> None:
    controls.pause("a new disk")
    refused: list[int] = []

    def resume(number: int) -> None:
        try:
            controls.resume()
        except controls.NotPaused:
            refused.append(number)

    all_at_once(8, resume)
    assert len(refused) == 7
    assert controls.current_pause() is None


@pytest.mark.parametrize("reason", ["\u200b", "back\u202e soon", "a\x1b[2Jb", "\udcff"])
def test_reason_can_be_read(reason) -> None:
    with pytest.raises(controls.ReasonMissing):
        controls.pause(reason)


def test_spaces_of_any_kind_are_spaces() -> None:
    assert controls.pause("de\u202fretour\xa0 \n bientôt").reason == "de retour bientôt"
