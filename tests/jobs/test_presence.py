"""When a worker is passed over: something waits for it, and it does nothing."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from generation.jobs import controls, presence, transitions
from generation.models import GenerationJob, JobTransition, Worker
from tests import factories

pytestmark = pytest.mark.django_db
HERE = factories.WORKER.name


@pytest.fixture(autouse=True)
def waiting_job() -> GenerationJob:
    """One that a worker here could begin."""
    factories.living_worker(HERE)
    return factories.queued_job()


def make_log_older(seconds: float) -> None:
    JobTransition.objects.update(at=F("at") - timedelta(seconds=seconds))


def test_idle_worker_is_passed_over_while_a_job_waits() -> None:
    assert presence.is_passed_over(HERE)


def test_nobody_is_passed_over_while_nothing_waits(waiting_job) -> None:
    transitions.cancel(waiting_job.pk)
    assert not presence.is_passed_over(HERE)


def test_worker_with_a_job_is_not_passed_over() -> None:
    factories.claim()
    factories.queued_job()
    make_log_older(presence.QUIET_S + 1)
    assert not presence.is_passed_over(HERE)
    assert presence.is_passed_over("another")


def test_worker_between_two_jobs_is_not_passed_over() -> None:
    transitions.fail(factories.claim(), "internal_error", "")
    factories.queued_job()
    assert not presence.is_passed_over(HERE)
    make_log_older(presence.QUIET_S + 1)
    assert presence.is_passed_over(HERE)


def test_worker_that_loads_is_not_passed_over(settings) -> None:
    with presence.loading(HERE):
        assert not presence.is_passed_over(HERE)
        too_long = timedelta(seconds=settings.IMAGEN_JOB_TIMEOUT + 1)
        Worker.objects.update(loading_since=Now() - too_long)
        assert presence.is_passed_over(HERE)
        Worker.objects.update(loading_since=Now())
    assert presence.is_passed_over(HERE)


@pytest.mark.parametrize("worker", ["", HERE])
def test_paused_worker_is_not_passed_over(worker) -> None:
    controls.pause("a moment", worker=worker)
    assert not presence.is_passed_over(HERE)


def test_worker_is_not_passed_over_by_what_it_cannot_serve() -> None:
    GenerationJob.objects.update(profile="sdxl")
    assert not presence.is_passed_over(HERE)


def test_job_that_is_not_due_passes_nobody_over() -> None:
    transitions.postpone(factories.claim(), detail="", delay_s=3600, tries=3)
    make_log_older(presence.QUIET_S + 1)
    assert not presence.is_passed_over(HERE)
