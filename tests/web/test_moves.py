"""What a job's owner reads of its moves: the whole story, and nobody's name."""

import html
import re

import pytest

from generation.jobs import services, transitions
from generation.models import GenerationJob, JobTransition
from generation.spec.errors import FAILURES
from generation.web.moves import moves_for_operators, moves_for_owner
from tests import factories

pytestmark = pytest.mark.django_db

MOVE = re.compile(r"<li>(.*?)</li>", re.DOTALL)


def story(job: GenerationJob) -> list[str]:
    return [
        f"{move.came_from}>{move.went_to} {move.attempt}: {move.why}{move.who and f', {move.who}'}"
        for move in moves_for_owner(job)
    ]


def shown(page, job: GenerationJob) -> list[str]:
    """The lines of the job's page, without tags and times."""
    text = page.get(f"/jobs/{job.public_id}").content.decode()
    log = text.partition('data-part="moves"')[2].partition("</ol>")[0]
    lines = [re.sub(r"<time.*?</time>", "", line) for line in MOVE.findall(log)]
    return [html.unescape(re.sub(r"<[^>]+>", " ", line)) for line in lines]


def lose(job: GenerationJob) -> None:
    """Its worker dies."""
    job.refresh_from_db()
    assert transitions.recover(job, crash_tries=3)


def test_job_that_ran_twice_tells_why(user) -> None:
    job, _claim = factories.running_job(user)
    lose(job)
    assert transitions.succeed(factories.claim(), "outputs/a.png")
    assert story(job) == [
        ">in the queue 0: submitted, by you",
        "in the queue>painting 1: a worker took it",
        "painting>back in the queue 1: its worker died or fell silent",
        "in the queue>painting 2: a worker took it",
        "painting>painted 2: the picture is stored",
    ]


def test_moves_are_told_in_the_order_in_which_they_were_written(user) -> None:
    job, _claim = factories.running_job(user)
    JobTransition.objects.filter(reason="claimed").update(at="2020-01-01T00:00Z")
    assert [move.attempt for move in moves_for_owner(job)] == [0, 1]


def test_own_cancellation_and_an_operators_are_told_apart(user) -> None:
    job, claim = factories.running_job(user)
    operator = factories.make_user("night-watch", is_staff=True)
    services.cancel_job(job, actor_id=operator.pk)
    transitions.settle_cancelled(claim)
    own = factories.queued_job(user)
    services.cancel_job(own, actor_id=user.pk)
    assert story(job)[-2:] == [
        "painting>painting, to be cancelled 1: its cancellation was asked for, by an operator",
        "painting>cancelled 1: its cancellation was asked for",
    ]
    assert story(own)[-1] == "in the queue>cancelled 0: its cancellation was asked for, by you"


def test_operators_retry_is_told_to_the_owner(user) -> None:
    job = factories.failed_job(user)
    retried = services.retry_job(job, actor_id=factories.make_user("night-watch").pk)
    (line,) = story(retried)
    assert "a failed or cancelled job was asked for again, by an operator" in line


@pytest.mark.parametrize("code", FAILURES)
def test_failure_is_told_as_its_owner_reads_it(user, code: str) -> None:
    """Also where a further try has the same code."""
    job = factories.failed_job(user, code)
    assert story(job)[-1] == f"painting>failed 1: {FAILURES[code]}"
    assert moves_for_operators(job)[-1].why == FAILURES[code]


def test_further_try_after_out_of_memory_is_no_failure(user) -> None:
    job, claim = factories.running_job(user)
    transitions.postpone(claim, detail="CUDA out of memory", delay_s=0, tries=3)
    assert "the memory was not enough; it waits and tries again" in story(job)[-1]


def test_code_of_another_release_is_something_unexpected_to_its_owner(user) -> None:
    job = factories.failed_job(user, "eclipse")
    assert FAILURES["internal_error"] in story(job)[-1]
    assert moves_for_operators(job)[-1].why == "eclipse"


def test_page_names_neither_worker_nor_operator_nor_detail(page, user) -> None:
    job, claim = factories.running_job(user)
    operator = factories.make_user("night-watch", is_staff=True)
    lose(job)
    claim = factories.claim()
    services.cancel_job(job, actor_id=operator.pk)
    transitions.fail(claim, "internal_error", "Traceback in /srv/imagen")
    whole = page.get(f"/jobs/{job.public_id}").content.decode()
    for secret in ("host/cpu", "4242", "night-watch", "was given up", "Traceback"):
        assert secret not in whole, secret
    lines = shown(page, job)
    assert len(lines) == 6
    assert "Its worker died or fell silent" in lines[2]
    assert "by an operator" in lines[4]


@pytest.mark.parametrize(
    "make",
    [
        factories.queued_job,
        lambda user: factories.running_job(user)[0],
        factories.succeeded_job,
        factories.failed_job,
        factories.cancelled_job,
    ],
    ids=["queued", "running", "succeeded", "failed", "cancelled"],
)
def test_every_state_tells_its_story(page, user, make) -> None:
    lines = shown(page, make(user))
    assert "Submitted, by you" in lines[0]


def test_log_costs_one_query_however_long(user, django_assert_num_queries) -> None:
    job, _claim = factories.running_job(user)
    for _ in range(4):
        transitions.release("host/cpu")
        factories.claim()
    with django_assert_num_queries(1):
        assert len(moves_for_owner(job)) == 10
    with django_assert_num_queries(1):
        assert len(moves_for_operators(job)) == 10
