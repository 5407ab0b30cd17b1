"""The foretold order of service is the one in which jobs are claimed."""

import random
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from generation.jobs import order, queue, transitions
from generation.jobs.transitions import WorkerIdentity
from generation.models import GenerationJob, JobTransition, OwnerTurn
from tests import factories

pytestmark = pytest.mark.django_db


def claimed_ids() -> list[int]:
    """Claim all that wait, one after another."""
    claims = []
    while True:
        worker = WorkerIdentity(name=f"worker-{len(claims)}", pid=1)
        claimed = transitions.claim_next(worker, timeout_s=600, profiles=factories.PROFILES)
        if claimed is None:
            return claims
        claims.append(claimed.job_id)


def foretold_ids() -> list[int | None]:
    return [job.id for job in order.waiting_jobs()]


def fill_queue(seed: int) -> None:
    """Some owners with some jobs each: begun before or not, batch or not, served before or not."""
    dice = random.Random(seed)
    owners = [factories.make_user() for _ in range(dice.randint(1, 5))]
    for owner in owners:
        if dice.random() < 0.5:
            ago = timedelta(seconds=dice.randint(1, 1000))
            OwnerTurn.objects.create(owner=owner, served_at=Now() - ago)
    for _ in range(dice.randint(1, 25)):
        job = factories.queued_job(dice.choice(owners))
        GenerationJob.objects.filter(pk=job.pk).update(
            attempt=dice.choice((0, 0, 0, 1)), is_batch=dice.choice((False, False, True))
        )


@pytest.mark.parametrize("is_fair", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_jobs_are_claimed_as_foretold(settings, seed: int, is_fair: bool) -> None:
    settings.IMAGEN_FAIR = is_fair
    fill_queue(seed)
    foretold = foretold_ids()
    assert len(foretold) == GenerationJob.objects.count()
    assert claimed_ids() == foretold


def test_owners_take_turns(user, stranger) -> None:
    third = factories.make_user()
    many = [factories.queued_job(user) for _ in range(3)]
    few = [factories.queued_job(stranger) for _ in range(2)]
    one = factories.queued_job(third)
    turns = [many[0], few[0], one, many[1], few[1], many[2]]
    assert claimed_ids() == [job.pk for job in turns]


def test_whoever_was_served_longest_ago_is_next(user, stranger) -> None:
    factories.running_job(user)
    factories.running_job(stranger)
    own, others = factories.queued_job(stranger), factories.queued_job(user)
    newcomer = factories.queued_job()
    assert claimed_ids() == [newcomer.pk, others.pk, own.pk]


def test_interactive_jobs_go_before_batch_work(user, stranger) -> None:
    batch = factories.queued_job(user)
    GenerationJob.objects.update(is_batch=True)
    interactive = [factories.queued_job(stranger) for _ in range(2)]
    assert queue.position(batch) == 3
    assert claimed_ids() == [*(job.pk for job in interactive), batch.pk]


def test_what_was_begun_before_goes_before_all(user) -> None:
    _job, claim = factories.running_job(user)
    first = factories.queued_job()
    transitions.release(factories.WORKER.name)
    assert claimed_ids() == [claim.job_id, first.pk]


def test_without_fairness_the_first_in_is_the_first_out(settings, user, stranger) -> None:
    settings.IMAGEN_FAIR = False
    jobs = [factories.queued_job(owner) for owner in (user, user, stranger)]
    assert [queue.position(job) for job in jobs] == [1, 2, 3]
    assert claimed_ids() == [job.pk for job in jobs]


def test_claim_notes_its_owners_turn(user) -> None:
    job, _claim = factories.running_job(user)
    assert OwnerTurn.objects.get(owner=user).served_at == job.claimed_at
    _again, claim = factories.running_job(user)
    assert transitions.fail(claim, "internal_error", "")
    assert OwnerTurn.objects.get(owner=user).served_at > job.claimed_at
    assert JobTransition.objects.filter(reason="claimed").count() == 2
