"""The history: newest first, in pages, by state and words, one's own alone."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from generation.jobs import uploads
from generation.models import GenerationJob
from generation.web import pictures
from tests import factories
from tests.web.pictures import finished_job

pytestmark = pytest.mark.django_db


def shown(page, query: str = "") -> list[str]:
    html = page.get(f"/pictures{query}").content.decode()
    return re.findall(r'name="pick" value="([^"]+)"', html)


def ids(*jobs: GenerationJob) -> list[str]:
    return [str(job.public_id) for job in jobs]


def test_bare_wall_leads_to_the_form(page) -> None:
    html = page.get("/pictures").content.decode()
    assert "The wall is bare" in html
    assert "Paint the first one" in html


def test_newest_first_and_nobody_elses(page, user, stranger, media) -> None:
    first, second = finished_job(user), finished_job(user)
    finished_job(stranger)
    assert shown(page) == ids(second, first)


def test_card_of_a_waiting_job_tells_place_and_time(page, user) -> None:
    factories.living_worker()
    factories.measured([10.0] * 9)
    for _ in range(2):
        factories.queued_job(user)
    html = page.get("/pictures").content.decode()
    assert (
        'in the queue, </span>place 2</b><span class="card__said">20\N{NARROW NO-BREAK SPACE}s · '
        in html
    )
    assert (
        'in the queue, </span>place 1</b><span class="card__said">10\N{NARROW NO-BREAK SPACE}s · '
        in html
    )


def test_every_state_has_a_card(page, user, media) -> None:
    done, failed = finished_job(user), factories.failed_job(user)
    cancelled = factories.cancelled_job(user)
    running, _claim = factories.running_job(user)
    queued = factories.queued_job(user)
    assert shown(page) == ids(queued, running, cancelled, failed, done)
    html = page.get("/pictures").content.decode()
    assert f"/jobs/{done.public_id}/thumbnail" in html
    assert f"/jobs/{failed.public_id}/thumbnail" not in html


@pytest.mark.parametrize(
    ("status", "count"), [("painted", 1), ("waiting", 2), ("failed", 1), ("cancelled", 1), ("x", 5)]
)
def test_filter_by_state(page, user, media, status: str, count: int) -> None:
    finished_job(user)
    factories.failed_job(user)
    factories.cancelled_job(user)
    factories.running_job(user)
    factories.queued_job(user)
    assert len(shown(page, f"?status={status}")) == count


@pytest.mark.parametrize(
    "words",
    ["castle", "CASTLE", "cast", "old cas", "  castle,old ", "château", "castle & | ! ' \\"],
)
def test_search_finds_words_and_their_beginnings(page, user, words: str) -> None:
    job = factories.queued_job(user, prompt="An old castle (château) at dusk")
    factories.queued_job(user, prompt="a ship")
    assert shown(page, f"?q={words}") == ids(job)


def test_search_without_a_match_says_so(page, user) -> None:
    factories.queued_job(user, prompt="a ship")
    html = page.get("/pictures?q=castle&status=waiting").content.decode()
    assert "Nothing found" in html
    assert 'value="castle"' in html


def test_pages_go_on_with_the_same_filter(page, user, monkeypatch) -> None:
    monkeypatch.setattr(pictures, "PAGE", 2)
    jobs = [factories.queued_job(user, prompt="a castle") for _ in range(5)]
    html = page.get("/pictures?q=castle").content.decode()
    older = re.search(r'href="([^"]+)" rel="next"', html)[1].replace("&amp;", "&")
    assert "q=castle" in older
    second = page.get(older).content.decode()
    assert re.findall(r'name="pick" value="([^"]+)"', second) == ids(jobs[2], jobs[1])
    assert "To the newest" in second


def test_old_and_rare_words_are_found_by_the_index(page, user, monkeypatch) -> None:
    monkeypatch.setattr(pictures, "READ_ONE_BY_ONE", 2)
    old = [factories.queued_job(user, prompt="a zebra") for _ in range(2)]
    for _ in range(5):
        factories.queued_job(user, prompt="a castle")
    new = factories.queued_job(user, prompt="another zebra")
    assert shown(page, "?q=zebra") == ids(new, *reversed(old))
    assert shown(page, f"?q=zebra&before={new.public_id}") == ids(*reversed(old))


def test_hidden_ones_are_left_out(page, user, media) -> None:
    job = finished_job(user)
    GenerationJob.objects.filter(pk=job.pk).update(hidden_at="2026-01-01T00:00Z")
    assert shown(page) == []


def test_picked_ones_are_deleted_and_the_rest_is_told(page, user, stranger, media) -> None:
    done, running = finished_job(user), factories.running_job(user)[0]
    theirs = factories.cancelled_job(stranger)
    picked = [*ids(done, running, theirs), "nonsense"]
    html = page.post("/pictures/delete", {"pick": picked}, follow=True).content.decode()
    assert "1 picture deleted." in html
    assert "1 has not ended and stays" in html
    assert set(GenerationJob.objects.all()) == {running, theirs}


@pytest.mark.parametrize("words", ["!!!", "%26", "%ff"])
def test_search_without_a_word_finds_nothing(page, user, words: str) -> None:
    factories.queued_job(user)
    assert shown(page, f"?q={words}") == []


def test_address_that_makes_no_sense_is_the_first_page(page, user) -> None:
    job = factories.queued_job(user)
    for query in ("?before=x", "?before=00000000-0000-0000-0000-000000000000", "?q=%00"):
        assert shown(page, query) == ids(job)


@pytest.mark.parametrize("address", ["/pictures", "/pictures?q=castle", "/create", "/state"])
def test_queries_do_not_grow_with_the_rows(page, user, address: str) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            page.get(address)
        return len(queries)

    factories.queued_job(user, prompt="a castle")
    uploads.keep_upload(user.pk, "a", b"a")
    page.get(address)
    before = count()
    for number in range(10):
        factories.queued_job(user, prompt="a castle")
        uploads.keep_upload(user.pk, str(number), str(number).encode())
    assert count() == before
