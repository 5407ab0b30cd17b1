"""Estimates tell what is known of when a picture will be there, and nothing where nobody knows."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from generation.jobs import controls, services, transitions
from generation.jobs.estimates import forecast, outlook
from generation.jobs.schedule import Estimate
from generation.jobs.transitions import WorkerIdentity
from generation.models import GenerationJob, Worker
from tests import factories


def estimate_of(job: GenerationJob) -> Estimate | None:
    return outlook([job]).estimates.get(job.pk)


TWENTY = [float(second) for second in range(1, 21)]


@pytest.mark.django_db
class TestForecast:
    def test_empty_queue_takes_the_median(self, user) -> None:
        factories.living_worker()
        factories.measured(TWENTY)
        told = forecast(factories.make_request(), owner_id=user.pk)
        assert (told.position, told.pause_reason, told.has_worker) == (1, None, True)
        assert told.estimate.p50_s == pytest.approx(10.5)
        assert 18 < told.estimate.p90_s < 22

    def test_two_workers_halve_the_wait(self, user) -> None:
        factories.measured([10.0] * 20)
        for _ in range(9):
            factories.queued_job(user)
        factories.living_worker()
        alone = forecast(factories.make_request(), owner_id=user.pk)
        factories.living_worker("host/two")
        together = forecast(factories.make_request(), owner_id=user.pk)
        assert (alone.position, together.position) == (10, 10)
        assert alone.estimate.p50_s == pytest.approx(100)
        assert together.estimate.p50_s == pytest.approx(50)

    def test_paused_queue_promises_nothing_and_tells_why(self, user) -> None:
        factories.living_worker()
        factories.measured(TWENTY)
        controls.pause("the card is being cleaned")
        told = forecast(factories.make_request(), owner_id=user.pk)
        assert (told.estimate, told.has_worker) == (None, True)
        assert told.pause_reason == "the card is being cleaned"

    @pytest.mark.parametrize(
        "change",
        [
            {"stopped_at": timezone.now()},
            {"draining_since": timezone.now()},
            {"seen_at": timezone.now() - timedelta(minutes=2)},
            {"profiles": ["sdxl"]},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_without_a_worker_nothing_is_promised(self, user, change) -> None:
        factories.living_worker()
        factories.measured(TWENTY)
        Worker.objects.update(**change)
        told = forecast(factories.make_request(), owner_id=user.pk)
        assert (told.estimate, told.has_worker) == (None, False)

    def test_paused_worker_takes_nothing(self, user) -> None:
        worker = factories.living_worker()
        factories.measured(TWENTY)
        controls.pause("its fan is loud", worker=worker.name)
        told = forecast(factories.make_request(), owner_id=user.pk)
        assert (told.estimate, told.has_worker, told.pause_reason) == (None, False, None)

    def test_nothing_measured_is_nothing_promised(self, user) -> None:
        factories.living_worker()
        factories.measured(TWENTY, profile="sdxl")
        told = forecast(factories.make_request(), owner_id=user.pk)
        assert (told.estimate, told.has_worker) == (None, True)

    def test_size_that_was_never_measured_is_reckoned_and_doubted(self, user) -> None:
        factories.living_worker()
        factories.measured([10.0] * 20)
        known = forecast(factories.make_request(), owner_id=user.pk).estimate
        reckoned = forecast(factories.make_request(steps=60), owner_id=user.pk).estimate
        assert reckoned.p50_s == pytest.approx(20)
        assert reckoned.p90_s / reckoned.p50_s > 1.3 > known.p90_s / known.p50_s

    def test_batch_work_goes_after_those_who_wait(self, user, stranger) -> None:
        factories.living_worker()
        factories.measured([10.0] * 20)
        factories.queued_job(stranger)
        factories.queued_job(stranger)
        hurried = forecast(factories.make_request(), owner_id=user.pk)
        patient = forecast(factories.make_request(), owner_id=user.pk, is_batch=True)
        assert (hurried.position, patient.position) == (2, 3)
        assert (hurried.estimate.p50_s, patient.estimate.p50_s) == pytest.approx((20, 30))

    def test_those_who_wait_go_before_batch_work(self, user, stranger) -> None:
        services.submit_job(factories.make_request(), owner_id=stranger.pk, is_batch=True)
        assert forecast(factories.make_request(), owner_id=user.pk).position == 1

    def test_whoever_had_no_turn_yet_goes_before_a_second_picture(self, user, stranger) -> None:
        factories.running_job(stranger)
        factories.queued_job(stranger)
        assert forecast(factories.make_request(), owner_id=user.pk).position == 1
        assert forecast(factories.make_request(), owner_id=stranger.pk).position == 2

    def test_nothing_is_submitted_in_four_queries(self, user, django_assert_num_queries) -> None:
        factories.living_worker()
        with django_assert_num_queries(4):
            forecast(factories.make_request(), owner_id=user.pk)
        assert not GenerationJob.objects.exists()


@pytest.mark.django_db
class TestEstimates:
    def test_running_job_needs_the_rest_of_its_steps(self, user) -> None:
        factories.measured([10.0] * 20)
        job, claim = factories.running_job(user)
        assert estimate_of(job).p50_s == pytest.approx(10)
        factories.paint_to(claim, 15, seconds=14 / 3)
        assert estimate_of(job).p50_s == pytest.approx(5.5, rel=0.02)
        transitions.report_step(claim, 30)
        assert estimate_of(job).p50_s == pytest.approx(0.5)

    def test_running_jobs_goes_before_the_next(self, user) -> None:
        factories.measured([10.0] * 20)
        running, claim = factories.running_job(user)
        queued = factories.queued_job(user)
        factories.paint_to(claim, 15, seconds=14 / 3)
        told = outlook([running, queued]).estimates
        assert told[running.pk].p50_s == pytest.approx(5.5, rel=0.02)
        assert told[queued.pk].p50_s == pytest.approx(15.5, rel=0.02)

    def test_slow_steps_and_a_hang_are_seen(self, user) -> None:
        """Its pace counts, not what others took; whoever waits behind it is told so."""
        factories.measured([10.0] * 20)
        running, claim = factories.running_job(user)
        queued = factories.queued_job(user)
        factories.paint_to(claim, 4, seconds=30)
        told = outlook([running, queued]).estimates
        assert told[running.pk].p50_s == pytest.approx(260.5, rel=0.02)
        assert told[queued.pk].p50_s > 260

    def test_job_that_should_long_have_begun_to_paint_tells_nothing(self, user) -> None:
        factories.measured([10.0] * 20)
        running, _claim = factories.running_job(user)
        queued = factories.queued_job(user)
        GenerationJob.objects.filter(pk=running.pk).update(
            claimed_at=timezone.now() - timedelta(seconds=100)
        )
        assert not outlook([running, queued]).estimates

    def test_worker_that_loads_its_model_promises_nothing(self, user) -> None:
        factories.measured([10.0] * 20)
        worker = factories.living_worker()
        Worker.objects.filter(pk=worker.pk).update(loading_since=timezone.now())
        told = forecast(factories.make_request(), owner_id=user.pk)
        assert (told.estimate, told.has_worker) == (None, True)

    def test_kind_knows_guidance_and_the_length_of_the_prompt(self, user) -> None:
        factories.living_worker()
        factories.measured([10.0] * 20)
        factories.measured([5.0] * 20, has_guidance=False)
        factories.measured([40.0] * 20, prompt_size=3)
        wishes = ({}, {"guidance_scale": 0.0}, {"prompt": "a castle " * 600})
        told = [
            forecast(factories.make_request(**wish), owner_id=user.pk).estimate.p50_s
            for wish in wishes
        ]
        assert told == pytest.approx([10, 5, 40])

    def test_operators_who_hold_workers_back_are_told_apart(self, user) -> None:
        assert not forecast(factories.make_request(), owner_id=user.pk).is_held
        factories.living_worker()
        controls.pause("too hot", worker="host/cpu")
        assert forecast(factories.make_request(), owner_id=user.pk).is_held

    def test_job_of_a_worker_that_fell_silent_is_not_foretold(self, user) -> None:
        factories.measured(TWENTY)
        job, _claim = factories.running_job(user)
        GenerationJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=2))
        assert estimate_of(job) is None

    def test_ended_job_has_none(self, user) -> None:
        assert estimate_of(factories.succeeded_job(user)) is None

    def test_pause_stops_what_waits_and_not_what_runs(self, user) -> None:
        factories.measured(TWENTY)
        running, _claim = factories.running_job(user)
        queued = factories.queued_job(user)
        controls.pause("lunch")
        told = outlook([running, queued])
        assert set(told.estimates) == {running.pk}
        assert (told.pause_reason, told.places) == ("lunch", {queued.pk: 1})

    def test_drained_worker_ends_its_job_and_begins_no_other(self, user) -> None:
        factories.living_worker(factories.WORKER.name)
        factories.measured(TWENTY)
        running, _claim = factories.running_job(user)
        queued = factories.queued_job(user)
        controls.drain(factories.WORKER.name)
        assert set(outlook([running, queued]).estimates) == {running.pk}

    def test_places_are_those_of_the_whole_queue(self, user, stranger) -> None:
        jobs = [factories.queued_job(owner) for owner in (stranger, stranger, user)]
        assert outlook([jobs[2]]).places == {jobs[2].pk: 2}

    def test_hundred_jobs_cost_four_queries_and_little_time(
        self, user, settings, django_assert_num_queries
    ) -> None:
        settings.IMAGEN_USER_QUEUE_LIMIT = 100
        for steps in range(1, 31):
            factories.measured(TWENTY, steps=steps)
        jobs = [factories.queued_job(user, steps=1 + number % 60) for number in range(100)]
        for name in ("one", "two", "three"):
            factories.living_worker(name)
        best_s = 1.0
        for _ in range(5):
            began = time.perf_counter()
            with django_assert_num_queries(4):
                assert len(outlook(jobs).estimates) == 100
            best_s = min(best_s, time.perf_counter() - began)
        assert best_s < 0.1  # 15 ms on a machine that does nothing else

    def test_worker_with_two_names_for_one_job_counts_once(self, user) -> None:
        """A supervisor's sign and its cluster's job are one worker."""
        factories.measured([10.0] * 20)
        factories.living_worker("host/one")
        job = factories.queued_job(user)
        factories.claim(WorkerIdentity(name="host/one", pid=1))
        queued = [factories.queued_job(user), factories.queued_job(user)]
        job.refresh_from_db()
        told = outlook([job, *queued]).estimates
        assert [round(each.p50_s) for each in told.values()] == [10, 20, 30]
