"""Tickets: rung for what waits, spent once, and swept when nobody needs them."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import Failure, OrmQ
from django_q.signals import post_spawn, pre_execute

from generation.jobs import tickets, transitions
from tests import factories

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_tickets_are_rung_only_for_waiting_jobs_without_one() -> None:
    assert not tickets.are_missing()
    _job, claim = factories.running_job()
    OrmQ.objects.all().delete()
    assert not tickets.are_missing()
    factories.queued_job()
    assert not tickets.are_missing()
    OrmQ.objects.update(lock=Now() + HOUR)
    transitions.postpone(claim, detail="", delay_s=3600, tries=3)
    assert tickets.are_missing()
    tickets.ring_missing()
    assert OrmQ.objects.filter(lock__lte=Now()).count() == 2
    assert not tickets.are_missing()


def test_ticket_that_was_taken_long_ago_is_purged(settings) -> None:
    factories.queued_job()
    taken_at = Now() - timedelta(seconds=tickets.HELD_AT_MOST_S)
    retry = timedelta(seconds=settings.Q_CLUSTER["retry"])
    OrmQ.objects.update(lock=taken_at + retry + timedelta(seconds=5))
    assert tickets.purge() == 0
    OrmQ.objects.update(lock=F("lock") - timedelta(seconds=10))
    assert tickets.purge() == 1


def test_old_free_ticket_is_purged_once_nothing_waits() -> None:
    job = factories.queued_job()
    OrmQ.objects.update(lock=Now() - HOUR)
    assert tickets.purge() == 0
    transitions.cancel(job.pk)
    tickets.ring()
    assert tickets.purge() == 1
    assert OrmQ.objects.count() == 1  # the new one may be there to load a model


def test_ticket_is_deleted_before_the_work_starts() -> None:
    factories.queued_job()
    pre_execute.send(sender="django_q", func=None, task={"ack_id": OrmQ.objects.get().pk})
    assert not OrmQ.objects.exists()


def test_unsupervised_cluster_is_warned_of(caplog) -> None:
    post_spawn.send(sender="django_q", proc_name="worker")
    assert "imagen_worker" in caplog.text


def test_old_notes_of_failed_tasks_go_with_the_tickets() -> None:
    for number, days in enumerate((tickets.FAILURES_DAYS + 1, 1)):
        at = timezone.now() - timedelta(days=days)
        Failure.objects.create(
            id=str(number),
            name=str(number),
            func=tickets.TASK,
            started=at,
            stopped=at,
            success=False,
        )
    tickets.purge()
    assert [failure.id for failure in Failure.objects.all()] == ["1"]
