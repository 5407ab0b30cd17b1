"""Who may begin a job: not a paused, draining or unfit worker, and one at a time."""

import threading

import pytest
from django.db import connection

from generation.jobs import controls, transitions
from generation.jobs.transitions import Claim, WorkerIdentity
from generation.models import GenerationJob, JobTransition, PaintingTime
from tests import factories

pytestmark = pytest.mark.django_db


def claim(name: str = factories.WORKER.name, *profiles: str) -> Claim | None:
    return transitions.claim_next(
        WorkerIdentity(name=name, pid=1), timeout_s=600, profiles=profiles or factories.PROFILES
    )


def test_paused_queue_gives_nothing_until_it_is_resumed() -> None:
    factories.queued_job()
    controls.pause("the power goes off at noon")
    assert claim() is None
    controls.resume()
    assert claim()


def test_paused_worker_gets_nothing_and_others_do() -> None:
    factories.living_worker("host/gpu-0")
    controls.pause("too hot", worker="host/gpu-0")
    factories.queued_job()
    assert claim("host/gpu-0") is None
    assert claim("host/gpu-1")


def test_draining_worker_gets_nothing_until_it_is_resumed() -> None:
    factories.living_worker("host/gpu-0")
    controls.drain("host/gpu-0")
    factories.queued_job()
    assert claim("host/gpu-0") is None
    controls.resume(worker="host/gpu-0")
    assert claim("host/gpu-0")


def test_worker_takes_only_what_it_can_serve() -> None:
    first, second = factories.queued_job(), factories.queued_job()
    GenerationJob.objects.filter(pk=first.pk).update(profile="sdxl")
    assert claim("small", "miniature").job_id == second.pk
    assert claim("small", "miniature") is None
    assert claim("large", "miniature", "sdxl").job_id == first.pk


def test_worker_whose_job_was_not_taken_back_gets_no_other() -> None:
    """A process that took a dead one's place would lose the second job with its crew."""
    factories.queued_job()
    factories.queued_job()
    assert claim("host/gpu-0")
    assert claim("host/gpu-0") is None
    assert claim("host/gpu-1")


def test_job_that_runs_goes_on_in_a_pause() -> None:
    _job, claimed = factories.running_job()
    controls.pause("a moment")
    transitions.report_step(claimed, 1)
    assert transitions.succeed(claimed, "outputs/a.png")


def test_settled_picture_leaves_its_duration() -> None:
    for _ in range(PaintingTime.KEPT + 3):
        factories.succeeded_job(factories.make_user())
        GenerationJob.objects.update(output="outputs/old.png")
    known = PaintingTime.objects.get()
    assert (known.profile, known.width, known.steps, known.has_reference) == (
        "miniature",
        256,
        30,
        False,
    )
    assert len(known.seconds) == PaintingTime.KEPT
    job = GenerationJob.objects.latest("id")
    assert known.seconds[-1] == pytest.approx((job.finished_at - job.claimed_at).total_seconds())


def test_failed_picture_leaves_no_duration() -> None:
    factories.failed_job()
    assert not PaintingTime.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_simultaneous_claims_follow_the_turns_exactly(user, stranger) -> None:
    """Eight claimers at once: each sees the turn of the one before, so owners alternate."""
    for owner in (user, stranger):
        for _ in range(12):
            factories.queued_job(owner)
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        while claimed := claim(f"worker-{number}"):
            transitions.fail(claimed, "internal_error", "")
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    starts = JobTransition.objects.filter(reason="claimed").order_by("id")
    owners = list(starts.values_list("job__owner_id", flat=True))
    assert owners == [user.pk, stranger.pk] * 12
    jobs = list(starts.values_list("job_id", flat=True))
    assert jobs[::2] == sorted(jobs[::2])
