"""What must hold after any storm. Each check turns a history into sentences about what is wrong."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from tests.chaos.history import FINAL, History, Job, Move


def nothing_lost(history: History) -> Iterator[str]:
    """Each accepted order has its job, and it ended as its owner was told or wanted."""
    jobs = {job.public_id: job for job in history.jobs}
    for order in history.orders:
        job = jobs.get(order.job_id)
        if not order.is_accepted:
            continue
        if job is None:
            yield f"{order.prompt!r} was accepted as {order.job_id}, which is in no row"
        elif job.status == "failed":
            yield f"{order.prompt!r} failed, though nothing but the storm was against it"
        elif job.status == "cancelled" and not order.is_cancel_asked:
            yield f"{order.prompt!r} is cancelled, which nobody asked for"
        elif order.was_told_cancelled and job.status != "cancelled":
            yield f"{order.prompt!r} is {job.status}; its owner was told that it is cancelled"


def nothing_invented(history: History) -> Iterator[str]:
    """Each row belongs to one order that was accepted, or of which nobody knows."""
    rows = Counter(job.prompt for job in history.jobs)
    known = {order.prompt: order for order in history.orders}
    for prompt, count in rows.items():
        order = known.get(prompt)
        if order is None or not (order.is_accepted or order.is_in_doubt):
            yield f"{prompt!r} has a row, but was not accepted"
        if count > 1:
            yield f"{prompt!r} has {count} rows"


def nothing_completed_twice(history: History) -> Iterator[str]:
    """Neither log shows a job ending twice, or going on after its end."""
    succeeded = Counter(move.job for move in history.moves if move.to_status == "succeeded")
    written = Counter(change.job for change in history.changes if change.status == "succeeded")
    ended: set[int] = set()
    for job in sorted({*succeeded, *written}):
        if succeeded[job] != 1 or written[job] != 1:
            yield f"job {job} was completed {max(succeeded[job], written[job])} times"
    for move in sorted(history.moves, key=lambda move: move.id):
        if move.job in ended:
            yield f"job {move.job} became {move.to_status} after its end"
        if move.to_status in FINAL:
            ended.add(move.job)


def one_picture_each(history: History) -> Iterator[str]:
    """A succeeded job has the picture of its last attempt; no other file is left."""
    wanted = {f"{job.public_id}-{job.attempt}" for job in _succeeded(history)}
    stored = {name.removesuffix(".png") for name in history.files if name.endswith(".png")}
    for missing in sorted(wanted - stored):
        yield f"{missing}.png is missing"
    for name in sorted(history.files):
        if name.rsplit(".", 1)[0] not in wanted:
            yield f"{name} is left over"
    for job in _succeeded(history):
        if job.output != (name := f"{job.public_id}-{job.attempt}.png"):
            yield f"job {job.id} names {job.output!r} instead of {name}"


def nothing_stuck(history: History) -> Iterator[str]:
    """Every row has ended."""
    for job in history.jobs:
        if job.status not in FINAL:
            yield f"job {job.id} is still {job.status} in attempt {job.attempt}"


def one_generator_each(history: History) -> Iterator[str]:
    """No device had the processes of two clusters at one moment."""
    for overlap in history.overlaps:
        yield f"{overlap.worker} had the process groups {overlap.groups} at once"


def one_hand_each(history: History) -> Iterator[str]:
    """Within an attempt the steps only grow, so nobody but its holder has written them."""
    last: dict[tuple[int, int], int] = {}
    for change in history.changes:
        if change.status != "running":
            continue
        key = (change.job, change.attempt)
        if change.step <= last.get(key, -1):
            yield f"job {change.job}: step {change.step} after {last[key]} in attempt {key[1]}"
        last[key] = max(change.step, last.get(key, -1))


def first_starts_in_order(history: History) -> Iterator[str]:
    """Each owner's jobs are begun in the order in which they were accepted."""
    owners = {job.id: job.owner for job in history.jobs}
    begun: dict[int, list[Move]] = defaultdict(list)
    for move in sorted(history.moves, key=lambda move: move.id):
        if move.reason == "claimed" and move.attempt == 1 and move.job in owners:
            begun[owners[move.job]].append(move)
    for owner, moves in begun.items():
        for before, after in pairwise(moves):
            if after.job < before.job:
                yield f"owner {owner}: job {before.job} was begun before job {after.job}"


def web_keeps_its_word(history: History) -> Iterator[str]:
    """The web never answers with an error of its own."""
    for status, count in sorted(history.answers.items()):
        if status >= 500 and status != 503:
            yield f"the web answered {status} {count} times"


CHECKS: Mapping[str, Callable[[History], Iterator[str]]] = {
    check.__name__: check
    for check in (
        nothing_lost,
        nothing_invented,
        nothing_completed_twice,
        one_picture_each,
        nothing_stuck,
        one_generator_each,
        one_hand_each,
        first_starts_in_order,
        web_keeps_its_word,
    )
}


def judge(history: History) -> dict[str, list[str]]:
    """Each check's name, and what it has found."""
    return {name: list(check(history)) for name, check in CHECKS.items()}


def fallen(findings: Mapping[str, list[str]]) -> set[str]:
    """The checks that have found something."""
    return {name for name, sentences in findings.items() if sentences}


def _succeeded(history: History) -> list[Job]:
    return [job for job in history.jobs if job.status == "succeeded"]
