"""One job from claim to settlement, with an engine that does as it is told."""

import dataclasses
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import NoReturn

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from generation import conf, tasks
from generation.jobs import outage, presence, runner, services, transitions
from generation.jobs.state import service_state
from generation.jobs.transitions import Standing
from generation.log import current_job
from generation.models import GenerationJob, JobPreview, JobStatus, Worker
from generation.spec.errors import (
    DeadlinePassed,
    DoesNotFit,
    NotFinite,
    OutOfMemory,
    PromptUnreadable,
)
from generation.spec.picture import Picture
from generation.spec.plans import CPU, plan_called
from generation.spec.progress import ProgressListener, StepProgress
from generation.spec.request import GenerationRequest
from tests import factories

pytestmark = pytest.mark.django_db

PICTURE = factories.picture()


class FakeEngine:
    """Reports its steps; `at_step` is called after each."""

    def __init__(self, at_step: Callable[[int], object] = lambda step: None) -> None:
        self.at_step = at_step
        self.picture = PICTURE
        self.placement = SimpleNamespace(plan=CPU, memory_gib=0.0)
        self.warm_ups = 0
        self.requests: list[GenerationRequest] = []
        self.references: list[bytes | None] = []

    def warm_up(self) -> None:
        self.warm_ups += 1

    def generate(
        self, request: GenerationRequest, listener: ProgressListener, reference: bytes | None
    ) -> Picture:
        self.requests.append(request)
        self.references.append(reference)
        for step in range(1, request.steps + 1):
            listener.on_step(StepProgress(step=step, total=request.steps))
            self.at_step(step)
        return self.picture


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch) -> None:
    """One in which memory has not run out."""
    monkeypatch.setattr(runner, "_wear", [])


@pytest.fixture
def use_engine(monkeypatch, media) -> Callable[[FakeEngine], FakeEngine]:
    def use(engine: FakeEngine) -> FakeEngine:
        monkeypatch.setattr(runner, "load_engine", lambda profile_name: engine)
        return engine

    return use


def raising(error: BaseException, step: int = 3) -> FakeEngine:
    def at_step(now: int) -> None:
        if now == step:
            raise error

    return FakeEngine(at_step)


def test_job_is_painted_stored_and_settled(use_engine, media) -> None:
    job = factories.queued_job()
    engine = use_engine(FakeEngine())
    assert "succeeded" in tasks.run_next()
    job.refresh_from_db()
    assert engine.requests == [job.request]
    assert (job.status, job.step) == (JobStatus.SUCCEEDED, 30)
    assert (media / job.output.name).read_bytes() == PICTURE.file
    assert job.output.name.endswith(f"{job.public_id}-1.png")


def test_stale_ticket_warms_the_model_up_and_claims_nothing(monkeypatch) -> None:
    engine = FakeEngine()
    loaded: list[str] = []
    monkeypatch.setattr(runner, "load_engine", lambda name: (loaded.append(name), engine)[1])
    monkeypatch.setattr(runner, "_loaded", {})
    assert tasks.run_next() == "nothing to claim"
    assert loaded == ["miniature"]
    assert engine.warm_ups == 1


def test_stale_ticket_leaves_the_model_that_is_loaded(monkeypatch) -> None:
    monkeypatch.setattr(runner, "_loaded", {"sdxl": object()})
    monkeypatch.setattr(runner, "load_engine", lambda name: pytest.fail(f"loaded {name}"))
    assert tasks.run_next() == "nothing to claim"


def test_every_step_stands_in_the_row(use_engine) -> None:
    job = factories.queued_job()
    steps: list[int] = []
    use_engine(FakeEngine(lambda _step: steps.append(GenerationJob.objects.get(pk=job.pk).step)))
    runner.run_next()
    assert steps == list(range(1, 31))


def test_cancelled_job_stops_within_a_step(use_engine, media) -> None:
    job = factories.queued_job()
    reached: list[int] = []

    def cancel_at_third(step: int) -> None:
        reached.append(step)
        if step == 3:
            services.cancel_job(job)

    use_engine(FakeEngine(cancel_at_third))
    runner.run_next()
    job.refresh_from_db()
    assert reached == [1, 2, 3]
    assert (job.status, job.error_code) == (JobStatus.CANCELLED, "")
    assert not list(media.rglob("*.png"))


def test_job_past_its_deadline_is_failed(use_engine) -> None:
    job = factories.queued_job()

    def pass_the_deadline(_step: int) -> None:
        GenerationJob.objects.update(deadline_at=Now() - timedelta(seconds=1))

    use_engine(FakeEngine(pass_the_deadline))
    runner.run_next()
    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.FAILED, "timeout")


def test_worker_that_was_given_up_stops_and_leaves_no_file(use_engine, media) -> None:
    job = factories.queued_job()
    use_engine(FakeEngine(lambda step: transitions.release(job_worker(job)) if step == 3 else 0))
    assert "claim lost" in runner.run_next()
    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED
    assert not list(media.rglob("*.png"))


def test_worker_that_loses_the_claim_after_painting_removes_its_file(use_engine, media) -> None:
    job = factories.queued_job()
    use_engine(FakeEngine(lambda step: transitions.release(job_worker(job)) if step == 30 else 0))
    assert "claim lost" in runner.run_next()
    assert not list(media.rglob("*.png"))


def test_out_of_memory_goes_back_with_a_delay_then_fails(use_engine, settings) -> None:
    settings.IMAGEN_OOM_DELAY = 0
    job = factories.queued_job()
    use_engine(raising(OutOfMemory("too big")))
    for count in (1, 2, 3):
        runner.run_next()
        job.refresh_from_db()
        assert job.oom_count == count
    assert (job.status, job.error_code) == (JobStatus.FAILED, "out_of_memory")


def test_known_failure_keeps_its_code(use_engine) -> None:
    job = factories.queued_job()
    use_engine(raising(NotFinite("NaN in the decode")))
    runner.run_next()
    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.FAILED, "not_finite")
    assert job.error_detail == "NaN in the decode"


def test_prompt_does_not_reach_the_log(use_engine, caplog) -> None:
    job = factories.queued_job()
    use_engine(raising(PromptUnreadable("cannot read 'my secret wish'")))
    runner.run_next()
    job.refresh_from_db()
    assert "secret wish" in job.error_detail
    assert "prompt_unreadable" in caplog.text
    assert "secret wish" not in caplog.text


def test_unknown_failure_is_logged_with_the_job(use_engine, caplog) -> None:
    job = factories.queued_job()
    use_engine(raising(ZeroDivisionError("oops")))
    runner.run_next()
    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.FAILED, "internal_error")
    assert "ZeroDivisionError" in caplog.text


def test_time_out_of_the_cluster_fails_the_job_and_goes_on_up(use_engine) -> None:
    job = factories.queued_job()
    use_engine(raising(SystemExit("Task exceeded maximum timeout value")))
    with pytest.raises(SystemExit):
        runner.run_next()
    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.FAILED, "timeout")


def test_steps_go_on_while_the_database_is_away(use_engine, monkeypatch) -> None:
    job = factories.queued_job()
    report_step = transitions.report_step

    def report_but_not_the_fifth(claim, step):
        if step == 5:
            raise OperationalError("server closed the connection unexpectedly")
        return report_step(claim, step)

    monkeypatch.setattr(transitions, "report_step", report_but_not_the_fifth)
    monkeypatch.setattr(runner.connection, "close", lambda: None)
    use_engine(FakeEngine())
    runner.run_next()
    job.refresh_from_db()
    assert job.status == JobStatus.SUCCEEDED


def test_settlement_waits_for_a_database_that_is_away(use_engine, monkeypatch, media) -> None:
    """The first answer is lost after the row was settled: the picture must stay."""
    job = factories.queued_job()
    succeed = transitions.succeed
    calls: list[bool] = []

    def succeed_but_lose_the_answer(claim, output, adjustments):
        calls.append(succeed(claim, output, adjustments))
        if len(calls) == 1:
            raise OperationalError("connection lost")
        return calls[-1]

    monkeypatch.setattr(transitions, "succeed", succeed_but_lose_the_answer)
    monkeypatch.setattr(outage, "PAUSE_S", 0)
    monkeypatch.setattr(outage.connection, "close", lambda: None)
    use_engine(FakeEngine())
    assert "succeeded" in runner.run_next()
    job.refresh_from_db()
    assert calls == [True, False]
    assert job.status == JobStatus.SUCCEEDED
    assert (media / job.output.name).exists()


def test_patience_with_the_database_ends(monkeypatch) -> None:
    def fail() -> None:
        raise OperationalError("still away")

    monkeypatch.setattr(outage, "PAUSE_S", 0)
    monkeypatch.setattr(outage.connection, "close", lambda: None)
    with pytest.raises(OperationalError, match="still away"):
        outage.wait_out(fail, limit_s=0.05)


def test_heart_beats_while_no_step_reports(use_engine, monkeypatch) -> None:
    """And a beat that fails is logged under its job."""
    job = factories.queued_job()
    beats: list[str] = []
    is_beating = threading.Event()

    def beat(_claim: object) -> Standing:
        beats.append(current_job.get())
        is_beating.set()
        return Standing(cancel_requested=False, is_past_deadline=False)

    monkeypatch.setattr(runner, "HEARTBEAT_S", 0.01)
    monkeypatch.setattr(transitions, "beat", beat)
    use_engine(FakeEngine(lambda step: is_beating.wait(5) if step == 1 else None))
    runner.run_next()
    assert beats[0] == str(job.public_id)


def job_worker(job: GenerationJob) -> str:
    return GenerationJob.objects.values_list("worker", flat=True).get(pk=job.pk)


def test_previews_are_shown_at_most_each_half_second(use_engine, monkeypatch) -> None:
    job = factories.queued_job()
    painted: list[int] = []

    class PreviewingEngine(FakeEngine):
        def generate(self, request, listener, reference) -> Picture:
            for step in range(1, 11):
                now[0] += 0.2
                listener.on_step(
                    StepProgress(step=step, total=30, preview=lambda step=step: paint(step))
                )
            shown.append(bytes(JobPreview.objects.get(job=job).image))
            return PICTURE

    def paint(step: int) -> bytes:
        painted.append(step)
        return b"preview %d" % step

    now, shown = [100.0], []
    monkeypatch.setattr(runner.time, "monotonic", lambda: now[0])
    use_engine(PreviewingEngine())
    runner.run_next()

    assert painted == [1, 4, 7, 10]
    assert shown == [b"preview 10"]
    assert not JobPreview.objects.exists()


def test_check_hears_what_the_heartbeat_heard(use_engine) -> None:
    """As in the middle of a long step: no step is reported between."""
    job, claim = factories.running_job()
    progress = runner.RowProgress(claim)
    progress.check()
    services.cancel_job(job)
    progress.check()  # nobody has asked the row yet

    assert progress.beat()

    with pytest.raises(runner.CancelRequested):
        progress.check()


def test_lost_claim_ends_a_long_step_too() -> None:
    job, claim = factories.running_job()
    progress = runner.RowProgress(claim)
    transitions.release(job.worker)
    assert not progress.beat()
    with pytest.raises(runner.ClaimGone):
        progress.check()


def test_deadline_ends_a_long_step_too() -> None:
    _job, claim = factories.running_job()
    progress = runner.RowProgress(claim)
    GenerationJob.objects.update(deadline_at=Now() - timedelta(seconds=1))
    progress.beat()
    with pytest.raises(DeadlinePassed):
        progress.check()


def test_reference_goes_to_the_engine(use_engine) -> None:
    job = factories.queued_job(ip_strength=0.6)
    engine = use_engine(FakeEngine())
    runner.run_next()
    assert engine.references == [bytes(job.reference.file)]
    assert engine.requests[0].reference == job.reference.digest


def test_job_of_a_profile_that_goes_before_it_is_loaded_fails_with_its_name(
    media, monkeypatch
) -> None:
    job = factories.queued_job()
    GenerationJob.objects.update(profile="path:gone")
    monkeypatch.setattr(conf, "servable_profiles", lambda: ["path:gone"])
    runner.run_next()
    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.FAILED, "model_unavailable")
    assert "path:gone" in job.error_detail


def test_job_that_nobody_here_can_serve_waits(media) -> None:
    job = factories.queued_job()
    GenerationJob.objects.update(profile="path:elsewhere")
    assert runner.run_next() == "nothing to claim"
    job.refresh_from_db()
    assert (job.status, job.attempt) == (JobStatus.QUEUED, 0)


def test_loading_without_a_job_is_seen(monkeypatch, settings) -> None:
    settings.IMAGEN_WORKER_NAME = factories.living_worker().name
    seen: list[bool] = []

    def load(_name: str) -> FakeEngine:
        seen.append(Worker.objects.get().loading_since is not None)
        return FakeEngine()

    monkeypatch.setattr(runner, "load_engine", load)
    monkeypatch.setattr(runner, "_loaded", {})
    runner.run_next()
    assert seen == [True]
    assert Worker.objects.get().loading_since is None


def test_nothing_is_warmed_up_before_it_is_installed(monkeypatch, settings, tmp_path) -> None:
    settings.IMAGEN_PROFILE = "sdxl"
    settings.IMAGEN_MODELS_DIR = tmp_path
    loaded: list[str] = []
    monkeypatch.setattr(runner, "load_engine", loaded.append)
    assert runner.run_next() == "nothing to claim"
    assert loaded == []


def test_adjustments_stand_in_the_row_and_in_its_log(use_engine, media) -> None:
    job = factories.queued_job()
    engine = use_engine(FakeEngine())
    engine.picture = dataclasses.replace(PICTURE, adjustments=("tiled_decode",))

    runner.run_next()

    job.refresh_from_db()
    assert job.adjustments == ["tiled_decode"]
    assert job.transitions.last().detail == "tiled_decode"
    assert service_state().short_today == 1


def test_a_smaller_plan_is_told_to_those_who_submit(use_engine, media) -> None:
    worker = factories.living_worker(runner.worker_identity().name)
    factories.queued_job()
    engine = use_engine(FakeEngine())
    engine.picture = dataclasses.replace(PICTURE, adjustments=("smaller_plan",))
    engine.placement = SimpleNamespace(plan=plan_called("offload"), memory_gib=7.5)

    runner.run_next()

    worker.refresh_from_db()
    assert (worker.memory_plan, worker.memory_gib) == ("offload", 7.5)


def test_after_a_shortage_the_process_ends_and_says_so(use_engine) -> None:
    worker = factories.living_worker(runner.worker_identity().name)
    job = factories.queued_job()
    use_engine(raising(OutOfMemory("no room")))

    with pytest.raises(SystemExit):
        tasks.run_next()

    job.refresh_from_db()
    worker.refresh_from_db()
    assert (job.status, job.oom_count) == (JobStatus.QUEUED, 1)
    assert worker.ended_pid == os.getpid()
    assert presence.has_ended(worker.name, [os.getpid()])
    assert not presence.has_ended(worker.name, [os.getpid() + 1])


def test_a_job_that_fits_nowhere_fails_at_once(use_engine) -> None:
    job = factories.queued_job()
    use_engine(raising(DoesNotFit("2048 x 2048 takes 8.2 GiB"), step=1))

    runner.run_next()

    job.refresh_from_db()
    assert (job.status, job.error_code, job.oom_count) == (JobStatus.FAILED, "does_not_fit", 0)


def test_a_broken_device_costs_one_job_and_then_its_process(use_engine) -> None:
    class AcceleratorError(RuntimeError):
        """As torch calls it."""

    job = factories.queued_job()
    use_engine(raising(AcceleratorError("CUDA error: an illegal memory access was encountered")))

    with pytest.raises(SystemExit):
        tasks.run_next()

    job.refresh_from_db()
    assert (job.status, job.error_code) == (JobStatus.FAILED, "internal_error")


@pytest.mark.parametrize(
    ("error", "is_worn_out"),
    [(OutOfMemory("no room"), True), (DoesNotFit("too large"), False), (NotFinite("NaN"), False)],
)
def test_a_warm_up_that_fails_is_told_and_a_shortage_ends_the_process(
    monkeypatch, caplog, error: Exception, is_worn_out: bool
) -> None:
    engine = FakeEngine()
    monkeypatch.setattr(engine, "warm_up", lambda: _raise(error))
    monkeypatch.setattr(runner, "load_engine", lambda _name: engine)
    monkeypatch.setattr(runner, "_loaded", {})

    runner.run_next()

    assert "warm-up" in caplog.text
    assert runner.is_worn_out() is is_worn_out


def _raise(error: Exception) -> NoReturn:
    raise error


def test_a_device_that_breaks_in_the_warm_up_ends_the_process(monkeypatch, caplog) -> None:
    class AcceleratorError(RuntimeError):
        """As torch calls it."""

    engine = FakeEngine()
    monkeypatch.setattr(engine, "warm_up", lambda: _raise(AcceleratorError("illegal access")))
    monkeypatch.setattr(runner, "load_engine", lambda _name: engine)
    monkeypatch.setattr(runner, "_loaded", {})

    with pytest.raises(SystemExit):
        tasks.run_next()
    assert "illegal access" in caplog.text


def test_a_worn_out_process_ends_although_the_database_stays_away(monkeypatch) -> None:
    def run_next() -> NoReturn:
        runner._wear.append("no room")
        raise OperationalError("gone")

    monkeypatch.setattr(runner, "run_next", run_next)
    with pytest.raises(SystemExit):
        tasks.run_next()
