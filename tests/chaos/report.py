"""The history of a fleet, read from its database and folder, and the verdict as a table."""

import time
from collections import Counter
from collections.abc import Mapping

from tests.chaos.clients import Clients
from tests.chaos.fleet import Fleet
from tests.chaos.history import Change, History, Job, Move
from tests.chaos.storm import Kind
from tests.chaos.verdict import fallen, judge

SWEEP_LIMIT_S = 5.0
"""A worker that lost its claim may still be removing its file."""

JOBS = """
SELECT id, public_id::text, owner_id, prompt, status, attempt, output
  FROM generation_generationjob ORDER BY id
"""
MOVES = """
SELECT id, job_id, at, to_status, attempt, reason FROM generation_jobtransition ORDER BY id
"""
CHANGES = "SELECT job_id, attempt, status, step FROM job_log ORDER BY seq"


def read_history(fleet: Fleet, clients: Clients) -> History:
    """All that is left, once the last files had their time to go."""
    give_up_at = time.monotonic() + SWEEP_LIMIT_S
    history = _read(fleet, clients)
    while judge(history)["one_picture_each"] and time.monotonic() < give_up_at:
        time.sleep(0.5)
        history = _read(fleet, clients)
    return history


def figures(history: History, struck: Counter[Kind], seconds: float) -> Mapping[str, object]:
    """What the storm was, in numbers."""
    return {
        "jobs": len(history.jobs),
        "accepted": sum(order.is_accepted for order in history.orders),
        "in doubt": sum(order.is_in_doubt for order in history.orders),
        "succeeded": sum(job.status == "succeeded" for job in history.jobs),
        "cancelled": sum(job.status == "cancelled" for job in history.jobs),
        "faults": struck.total(),
        "re-runs": history.reruns,
        "seconds": round(seconds),
    } | {f"  {kind}": struck[kind] for kind in Kind if struck[kind]}


def table(title: str, numbers: Mapping[str, object], findings: Mapping[str, list[str]]) -> str:
    """A few lines for a terminal: figures, then each check with its count, then what was found."""
    lines = [title]
    lines += [f"  {name:<26}{value:>6}" for name, value in numbers.items()]
    for name, sentences in findings.items():
        lines.append(f"  {name:<26}{len(sentences):>6}  {'FELL' if sentences else 'holds'}")
        lines += [f"      {sentence}" for sentence in sentences[:8]]
    lines.append(
        f"  {'FELL: ' + ', '.join(sorted(fallen(findings))) if fallen(findings) else 'ok'}"
    )
    return "\n".join(lines)


def _read(fleet: Fleet, clients: Clients) -> History:
    return History(
        orders=tuple(clients.orders),
        jobs=[
            Job(
                id=row[0],
                public_id=row[1],
                owner=row[2],
                prompt=row[3],
                status=row[4],
                attempt=row[5],
                output=row[6].rpartition("/")[2],
            )
            for row in fleet.query(JOBS)
        ],
        moves=[
            Move(id=row[0], job=row[1], at=row[2], to_status=row[3], attempt=row[4], reason=row[5])
            for row in fleet.query(MOVES)
        ],
        changes=[
            Change(job=row[0], attempt=row[1], status=row[2], step=row[3])
            for row in fleet.query(CHANGES)
        ],
        files=[path.name for path in fleet.installation.media.rglob("*") if path.is_file()],
        overlaps=tuple(fleet.watch.overlaps),
        answers=clients.answers,
    )
