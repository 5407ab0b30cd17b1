"""The list of jobs: what it shows of a million, how it is searched and filtered."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from generation.admin import finding
from generation.jobs import reviews
from generation.models import GenerationJob
from tests import factories
from tests.admin.operators import JOBS, text

pytestmark = pytest.mark.django_db


def found(client, query: str) -> set[int]:
    page = text(client, f"{JOBS}?{query}")
    return {int(key) for key in re.findall(r'name="_selected_action" value="(\d+)"', page)}


def test_search_by_words(operator) -> None:
    ship = factories.queued_job(prompt="a red sailing ship at night").pk
    castle = factories.queued_job(prompt="a castle at night").pk
    assert found(operator, "q=night") == {ship, castle}
    assert found(operator, "q=SHIP") == {ship}
    assert found(operator, "q=night+-castle") == {ship}
    assert found(operator, "q=ship+or+castle") == {ship, castle}
    assert found(operator, 'q="sailing+ship"') == {ship}
    assert found(operator, 'q="ship+sailing"') == set()


def test_search_by_id_and_owner(operator) -> None:
    job = factories.queued_job(factories.make_user("Ada.Lovelace"))
    factories.queued_job()
    for words in (str(job.public_id), str(job.public_id)[:8], job.public_id.hex[:13].upper()):
        assert found(operator, f"q={words}") == {job.pk}, words
    assert found(operator, "q=ada.lovelace") == {job.pk}
    assert found(operator, "q=ada") == set()


@pytest.mark.parametrize("words", ["%27", "%22", "((", "a:*|", "%00", "%25", "-", "%F0%9F%98%80"])
def test_search_bears_any_characters(operator, words) -> None:
    job = factories.queued_job(prompt="a lighthouse")
    assert found(operator, f"q={words}") <= {job.pk}  # `text` looks at the status


@pytest.mark.parametrize("words", ["-castle", "-castle+-ship", "ship+or+-castle"])
def test_search_for_what_is_missing_alone_is_refused(operator, words) -> None:
    """It would find, and sort, nearly the whole table."""
    factories.queued_job(prompt="a ship")
    page = text(operator, f"{JOBS}?q={words}")
    assert "A search needs a word that must be there" in page
    assert found(operator, f"q={words}") == set()


def test_filters(operator) -> None:
    done, failed = factories.succeeded_job(), factories.failed_job()
    queued = factories.queued_job()
    reviews.mark_reviewed(done, reviewer_id=operator.user.pk)
    reviews.hide(failed, actor_id=operator.user.pk)
    GenerationJob.objects.filter(pk=queued.pk).update(created_at=Now() - timedelta(days=40))
    everything = {done.pk, failed.pk, queued.pk}
    assert found(operator, "") == everything
    assert found(operator, "status=failed") == {failed.pk}
    assert found(operator, "status=nonsense") == everything
    assert found(operator, "reviewed=yes") == {done.pk}
    assert found(operator, "reviewed=no") == everything - {done.pk}
    assert found(operator, "hidden=yes") == {failed.pk}
    assert found(operator, "hidden=no&status=failed") == set()
    assert found(operator, "profile=miniature") == everything
    assert found(operator, "profile=sdxl") == set()
    page = text(operator, JOBS)
    today = re.search(r'\?(created_at__gte=[^"]+)">Today', page).group(1).replace("&amp;", "&")
    assert found(operator, today) == {done.pk, failed.pk}


def test_list_asks_the_database_as_often_for_many_jobs(
    operator,
    django_assert_max_num_queries,
) -> None:
    for number in range(8):
        job = factories.succeeded_job(output=f"outputs/{number}.png")
        reviews.mark_reviewed(job, reviewer_id=operator.user.pk)
    with django_assert_max_num_queries(6):
        assert len(found(operator, "")) == 8
    with django_assert_max_num_queries(8):
        assert len(found(operator, "q=lighthouse&status=succeeded")) == 8


def test_count_stops_in_time(operator, monkeypatch) -> None:
    monkeypatch.setattr(finding, "COUNT_AT_MOST", 3)
    for _ in range(3):
        factories.queued_job()
    assert "3 jobs" in text(operator, JOBS)
    factories.queued_job()
    assert "More than 3 jobs" in text(operator, JOBS)


def test_search_uses_the_indexes(monkeypatch) -> None:
    """With the table's size out of the question, the plan reads no whole table."""
    factories.queued_job(factories.make_user("ada"))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with CaptureQueriesContext(connection) as queries:
        finding.search(GenerationJob.objects.order_by("-id"), "ada")
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + queries.captured_queries[-1]["sql"])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "job_prompt_words" in plan
    assert "job_by_owner" in plan
    assert "Seq Scan on generation_generationjob" not in plan
    assert "generation_generationjob_pkey" not in plan
