"""What is measured inside Django, one act a process: `python -m benchmarks.queue_speed.probe ACT`.

Settings come from the environment, the answer goes to stdout as JSON.
"""

import argparse
import functools
import itertools
import json
import random
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import django

LOG = """
INSERT INTO generation_jobtransition
       (job_id, at, from_status, to_status, attempt, worker, reason, detail)
SELECT id, created_at, moves.origin, moves.target, moves.attempt, '', moves.reason, ''
  FROM generation_generationjob,
       (VALUES ('', 'queued', 0, 'submitted'), ('queued', 'running', 1, 'claimed'),
               ('running', 'succeeded', 1, 'painted')) AS moves (origin, target, attempt, reason)
"""
OWNERS = 10
WARM_UPS = 3
WAITING = 100
SETTLED_WITHIN_S = 120
GAPS_S = (0.05, 0.4)

Answer = TypeVar("Answer")


def fill(options: argparse.Namespace) -> None:
    """Finished jobs of ten owners, with their logs."""
    from django.db import connection

    from benchmarks.history import FILL

    owners = [owner(number) for number in range(OWNERS)]
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute(FILL, {"rows": options.count, "owners": owners})
        cursor.execute(LOG)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def starts(options: argparse.Namespace) -> list[float]:
    """Milliseconds from a submission's return, by the server's clock, to its claimed_at."""
    from generation.models import GenerationJob, JobStatus

    unsettled = GenerationJob.objects.filter(status__in=[JobStatus.QUEUED, JobStatus.RUNNING])
    for _ in range(WARM_UPS):
        submit(0, steps=1)
        wait_until(lambda: not unsettled.exists())
    accepted: dict[int, datetime] = {}
    for number, gap_s in enumerate(gaps(options.count, options.seed)):
        time.sleep(gap_s)
        job = submit(number, steps=1)
        accepted[job.pk] = server_time()
    wait_until(lambda: not unsettled.exists())
    claimed = GenerationJob.objects.filter(pk__in=accepted).values_list("pk", "claimed_at")
    return [1000 * (at - accepted[key]).total_seconds() for key, at in claimed]


def statements(options: argparse.Namespace) -> dict[str, list[float]]:
    """Milliseconds of each act, on one connection, with up to a hundred jobs waiting."""
    from generation.jobs import queue, transitions

    taken: dict[str, list[float]] = {
        act: [] for act in ("submit", "position", "claim", "step", "settle")
    }

    def timed(act: str, do: Callable[[], Answer]) -> Answer:
        began = time.perf_counter()
        answer = do()
        taken[act].append(1000 * (time.perf_counter() - began))
        return answer

    jobs = [
        timed("submit", functools.partial(submit, number, steps=1000)) for number in range(WAITING)
    ]
    for job in jobs:
        timed("position", functools.partial(queue.position, job))
    claims = [timed("claim", claim) for _ in jobs]
    for step in range(1, options.steps + 1):
        timed("step", functools.partial(transitions.report_step, claims[0], step))
    for claimed in claims:
        timed("settle", functools.partial(transitions.succeed, claimed, "outputs/a.png"))
    return taken


def work(options: argparse.Namespace) -> float:
    """Seconds from the first claim to the last settlement of jobs that appear all at once."""
    from django.db import transaction
    from django.db.models import Max, Min

    from generation.models import GenerationJob

    with transaction.atomic():
        keys = [submit(number, steps=options.steps).pk for number in range(options.count)]
    jobs = GenerationJob.objects.filter(pk__in=keys)
    wait_until(lambda: not jobs.filter(finished_at=None).exists(), every_s=0.5)
    if jobs.filter(status="succeeded", attempt=1).count() != options.count:
        sys.exit("a job failed or was done twice; see the log")
    times = jobs.aggregate(first=Min("claimed_at"), last=Max("finished_at"))
    return (times["last"] - times["first"]).total_seconds()


def gaps(count: int, seed: int) -> list[float]:
    """The same random pauses for everybody, so that polls are hit at any moment of theirs."""
    draw = random.Random(seed)
    return [draw.uniform(*GAPS_S) for _ in range(count)]


def submit(number: int, *, steps: int) -> "GenerationJob":  # noqa: F821
    """Accept a job of the owner whose turn it is, as the web does."""
    from generation.jobs import services
    from generation.spec.request import GenerationRequest

    request = GenerationRequest(
        prompt=f"a lighthouse at dusk, number {number}",
        negative_prompt="",
        width=128,
        height=128,
        steps=steps,
        guidance_scale=7.5,
        seed=number,
        ip_strength=0.0,
        profile="miniature",
    )
    return services.submit_job(request, owner_id=owner(number % OWNERS))


def claim() -> "Claim":  # noqa: F821
    from generation import conf
    from generation.jobs import transitions

    worker = transitions.WorkerIdentity(name=f"benchmark-{next(_workers)}", pid=1)
    claimed = transitions.claim_next(worker, timeout_s=600, profiles=conf.servable_profiles())
    assert claimed is not None
    return claimed


_workers = itertools.count()  # a worker holds one job at a time
_owners: dict[int, int] = {}


def owner(number: int) -> int:
    from django.contrib.auth.models import User

    if number not in _owners:
        _owners[number] = User.objects.get_or_create(username=f"owner{number}")[0].pk
    return _owners[number]


def server_time() -> datetime:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def wait_until(is_true: Callable[[], bool], every_s: float = 0.05) -> None:
    give_up_at = time.monotonic() + SETTLED_WITHIN_S
    while not is_true():
        if time.monotonic() > give_up_at:
            sys.exit(f"the jobs were not done within {SETTLED_WITHIN_S} s; see the log")
        time.sleep(every_s)


def main() -> None:
    acts = {act.__name__: act for act in (fill, starts, statements, work)}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("act", choices=acts)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1)
    options = parser.parse_args()
    django.setup(set_prefix=False)
    print(json.dumps(acts[options.act](options)))


if __name__ == "__main__":
    main()
