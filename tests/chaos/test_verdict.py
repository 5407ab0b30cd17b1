"""Each check passes a good history and falls on the one bad thing that it is for."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.history import Change, History, Job, Move, Order, Overlap
from tests.chaos.report import table
from tests.chaos.verdict import fallen, judge

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOB = Job(
    id=1, public_id="j1", owner=1, prompt="p1", status="succeeded", attempt=2, output="j1-2.png"
)
LATER_JOB = replace(JOB, id=2, public_id="j2", prompt="p2", attempt=1, output="j2-1.png")
CANCELLED_JOB = replace(JOB, id=3, public_id="j3", prompt="p3", status="cancelled", attempt=0)
UNHEARD_ORDER = Order(prompt="p4", answer=0)
REFUSED_ORDER = Order(prompt="p5", answer=503, code="queue_full")
DOUBTFUL_ORDER = Order(prompt="p6", answer=503, code="unavailable")


def accepted(job: Job, **told: bool) -> Order:
    return Order(prompt=job.prompt, answer=202, job_id=job.public_id, **told)


def move(number: int, job: int, to_status: str, attempt: int, reason: str = "") -> Move:
    at = NOON + timedelta(seconds=number)
    return Move(id=number, job=job, at=at, to_status=to_status, attempt=attempt, reason=reason)


def change(job: int, attempt: int, step: int, status: str = "running") -> Change:
    return Change(job=job, attempt=attempt, status=status, step=step)


GOOD = History(
    orders=(
        accepted(JOB),
        accepted(LATER_JOB),
        accepted(CANCELLED_JOB, is_cancel_asked=True, was_told_cancelled=True),
        UNHEARD_ORDER,
        REFUSED_ORDER,
        DOUBTFUL_ORDER,
    ),
    jobs=(JOB, LATER_JOB, replace(CANCELLED_JOB, output="")),
    moves=(
        move(1, 1, "running", 1, "claimed"),
        move(2, 1, "queued", 1, "worker_lost"),
        move(3, 2, "running", 1, "claimed"),
        move(4, 1, "running", 2, "claimed"),
        move(5, 3, "cancelled", 0),
        move(6, 2, "succeeded", 1),
        move(7, 1, "succeeded", 2),
    ),
    changes=(
        change(1, 1, 0),
        change(1, 1, 1),
        change(2, 1, 0),
        change(1, 2, 0),
        change(2, 1, 3),
        change(2, 1, 3, "succeeded"),
        change(1, 2, 1),
        change(1, 2, 1, "succeeded"),
    ),
    files=("j1-2.png", "j1-2.webp", "j2-1.png"),
    answers=Counter({202: 3, 0: 1, 503: 2}),
)


def test_good_history_passes_every_check() -> None:
    assert fallen(judge(GOOD)) == set()


@pytest.mark.parametrize("order", [UNHEARD_ORDER, DOUBTFUL_ORDER])
def test_order_of_which_nobody_knows_may_have_one_row(order: Order) -> None:
    done = replace(JOB, id=4, public_id="j4", prompt=order.prompt, status="cancelled")
    assert fallen(judge(replace(GOOD, jobs=(*GOOD.jobs, done)))) == set()


FAILED = replace(JOB, status="failed")
UNASKED = replace(LATER_JOB, status="cancelled")
UNDEAD = replace(CANCELLED_JOB, status="succeeded", attempt=1, output="j3-1.png")
STRANGER = replace(CANCELLED_JOB, id=9, public_id="j9", prompt="p9")
TWIN = replace(CANCELLED_JOB, id=9, public_id="j9")
REFUSED = replace(CANCELLED_JOB, id=9, public_id="j9", prompt="p5")
WAITING = replace(CANCELLED_JOB, status="queued")
SWAPPED = (move(1, 2, "running", 1, "claimed"), move(2, 1, "running", 1, "claimed"))

BAD = {
    "accepted job without a row": ("nothing_lost", {"jobs": (JOB, LATER_JOB)}),
    "failed job": ("nothing_lost", {"jobs": (FAILED, *GOOD.jobs[1:])}),
    "cancelled unasked": ("nothing_lost", {"jobs": (JOB, UNASKED, GOOD.jobs[2])}),
    "painted after its end": ("nothing_lost", {"jobs": (JOB, LATER_JOB, UNDEAD)}),
    "row of nobody": ("nothing_invented", {"jobs": (*GOOD.jobs, STRANGER)}),
    "two rows of one order": ("nothing_invented", {"jobs": (*GOOD.jobs, TWIN)}),
    "row of a refused order": ("nothing_invented", {"jobs": (*GOOD.jobs, REFUSED)}),
    "two successes in the product's log": (
        "nothing_completed_twice",
        {"moves": (*GOOD.moves, move(8, 1, "succeeded", 2))},
    ),
    "two successes in the trigger's log": (
        "nothing_completed_twice",
        {"changes": (*GOOD.changes, change(1, 1, 1, "succeeded"))},
    ),
    "claimed after its end": (
        "nothing_completed_twice",
        {"moves": (*GOOD.moves, move(8, 3, "running", 1, "claimed"))},
    ),
    "picture missing": ("one_picture_each", {"files": GOOD.files[:2]}),
    "picture of an earlier attempt": ("one_picture_each", {"files": (*GOOD.files, "j1-1.png")}),
    "thumbnail of a cancelled job": ("one_picture_each", {"files": (*GOOD.files, "j3-1.webp")}),
    "row that names another picture": (
        "one_picture_each",
        {"jobs": (replace(JOB, output="j1-1.png"), *GOOD.jobs[1:])},
    ),
    "queued for ever": ("nothing_stuck", {"jobs": (JOB, LATER_JOB, WAITING)}),
    "two generators": ("one_generator_each", {"overlaps": (Overlap(worker="a", groups=(7, 8)),)}),
    "step back": ("one_hand_each", {"changes": (*GOOD.changes, change(1, 1, 0))}),
    "same step again": ("one_hand_each", {"changes": (*GOOD.changes[:2], *GOOD.changes[1:])}),
    "later job first": ("first_starts_in_order", {"moves": (*SWAPPED, *GOOD.moves[4:])}),
    "server error": ("web_keeps_its_word", {"answers": Counter({500: 1})}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_history_makes_its_check_fall(name: str) -> None:
    check, changed = BAD[name]
    findings = judge(replace(GOOD, **changed))
    assert findings[check], name
    assert "FELL" in table(name, {}, findings)
