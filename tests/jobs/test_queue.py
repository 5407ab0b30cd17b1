"""Limits, positions and tickets."""

import threading

import pytest
from django.db import connection, transaction
from django_q.models import OrmQ

from generation.jobs import queue, services, transitions
from generation.jobs.queue import QueueFull, UserQueueFull
from generation.models import GenerationJob
from tests import factories

pytestmark = pytest.mark.django_db


def test_position_follows_the_order_of_service() -> None:
    _running, claim = factories.running_job()
    first, second = factories.queued_job(), factories.queued_job()
    assert (queue.position(first), queue.position(second)) == (1, 2)
    transitions.postpone(claim, detail="", delay_s=0, tries=3)
    again = GenerationJob.objects.get(pk=claim.job_id)
    assert [queue.position(job) for job in (again, first, second)] == [1, 2, 3]


def test_queue_limit_holds(settings) -> None:
    settings.IMAGEN_QUEUE_LIMIT = 2
    factories.queued_job()
    factories.queued_job()
    with pytest.raises(QueueFull) as caught:
        factories.queued_job()
    assert caught.value.code == "queue_full"
    assert GenerationJob.objects.count() == OrmQ.objects.count() == 2


def test_one_user_cannot_take_more_than_a_share(settings, user, stranger) -> None:
    settings.IMAGEN_USER_QUEUE_LIMIT = 1
    factories.queued_job(user)
    with pytest.raises(UserQueueFull) as caught:
        factories.queued_job(user)
    assert caught.value.code == "user_queue_full"
    assert factories.queued_job(stranger)


def test_running_jobs_do_not_count_against_the_limit(settings) -> None:
    settings.IMAGEN_QUEUE_LIMIT = 1
    factories.running_job()
    assert factories.queued_job()


@pytest.mark.django_db(transaction=True)
def test_limit_holds_exactly_under_simultaneous_submissions(settings) -> None:
    settings.IMAGEN_QUEUE_LIMIT = 5
    owners = [factories.make_user().pk for _ in range(12)]
    outcomes: list[str] = []
    start = threading.Barrier(len(owners))

    def submit(owner_id: int) -> None:
        start.wait()
        try:
            services.submit_job(factories.make_request(), owner_id=owner_id)
            outcomes.append("accepted")
        except QueueFull:
            outcomes.append("full")
        connection.close()

    threads = [threading.Thread(target=submit, args=(owner_id,)) for owner_id in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted"] * 5 + ["full"] * 7
    assert GenerationJob.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_job_and_ticket_are_committed_together_or_not_at_all() -> None:
    class Interrupted(Exception):
        pass

    @transaction.atomic
    def submit_and_die() -> None:
        factories.queued_job()
        raise Interrupted

    with pytest.raises(Interrupted):
        submit_and_die()
    assert not OrmQ.objects.exists()
    assert not GenerationJob.objects.exists()
