"""The order of service, told in advance: who will be claimed first, second, third.

What the claim's ORDER BY decides one job at a time is foretold here for all that wait: jobs that
were begun before, then those of people who wait, then batch work; within each of these, whose
owner's last turn is longest ago. So owners take turns, and a job's place depends on who else waits.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from django.conf import settings
from django.db.models import DateTimeField, OuterRef, Subquery
from django.db.models.functions import Length

from generation.jobs.kinds import Kind, prompt_size
from generation.models import GenerationJob, OwnerTurn

NEVER = datetime.min
LANE = attrgetter("lane")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingJob:
    """What place and time of a queued job depend on. id: None for one that is not submitted yet."""

    id: int | None
    owner_id: int
    served_at: datetime | None  # its owner's last turn
    is_again: bool  # it was begun before
    is_batch: bool
    not_before: datetime | None
    kind: Kind

    @property
    def lane(self) -> tuple[bool, bool]:
        return not self.is_again, self.is_batch


def waiting_jobs() -> list[WaitingJob]:
    """All that wait, in the order of service. One query."""
    return in_order_of_service(accepted_jobs())


def accepted_jobs() -> list[WaitingJob]:
    """All that wait, in the order of acceptance. One query."""
    turn = OwnerTurn.objects.filter(owner=OuterRef("owner")).values("served_at")
    jobs = GenerationJob.objects.queued().annotate(
        served_at=Subquery(turn, output_field=DateTimeField()),
        chars=Length("prompt") + Length("negative_prompt"),
    )
    return [
        WaitingJob(
            id=job["pk"],
            owner_id=job["owner"],
            served_at=job["served_at"],
            is_again=job["attempt"] > 0,
            is_batch=job["is_batch"],
            not_before=job["not_before"],
            kind=Kind(
                profile=job["profile"],
                width=job["width"],
                height=job["height"],
                steps=job["steps"],
                has_reference=job["ip_strength"] > 0,
                has_guidance=job["guidance_scale"] > 1,
                prompt_size=prompt_size(job["chars"]),
            ),
        )
        for job in jobs.order_by("pk").values(
            "pk",
            "owner",
            "served_at",
            "attempt",
            "is_batch",
            "not_before",
            "profile",
            "width",
            "height",
            "steps",
            "ip_strength",
            "guidance_scale",
            "chars",
        )
    ]


def in_order_of_service(jobs: Iterable[WaitingJob]) -> list[WaitingJob]:
    """These jobs, given in the order of acceptance, as they will be claimed."""
    accepted = list(jobs)
    if not settings.IMAGEN_FAIR:
        return sorted(accepted, key=lambda job: not job.is_again)
    turns: dict[int, tuple[datetime, int]] = {}  # ties: in the order in which they were served
    ordered: list[WaitingJob] = []
    for _lane, group in groupby(sorted(accepted, key=LANE), key=LANE):
        for job in _taking_turns(list(group), turns):
            turns[job.owner_id] = (datetime.max, len(ordered))
            ordered.append(job)
    return ordered


def _taking_turns(
    jobs: list[WaitingJob], turns: dict[int, tuple[datetime, int]]
) -> Iterator[WaitingJob]:
    """One job of each owner in turn, beginning with the owner who was served longest ago.

    Once served, an owner comes after all others, so the first round's order stays.
    """
    own: dict[int, list[WaitingJob]] = {}
    for job in jobs:
        own.setdefault(job.owner_id, []).append(job)
    owners = sorted(own, key=lambda owner: turns.get(owner) or (_naive(own[owner][0]), -1))
    for round_ in range(max(map(len, own.values()), default=0)):
        for owner in owners:
            if round_ < len(own[owner]):
                yield own[owner][round_]


def _naive(job: WaitingJob) -> datetime:
    return job.served_at.replace(tzinfo=None) if job.served_at else NEVER
