"""Schedules follow the order of service, and are right as often as they say.

The numbers of the queues below are drawn with fixed seeds; no clock is read.
"""

import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from generation.jobs.durations import Durations
from generation.jobs.kinds import Kind
from generation.jobs.order import WaitingJob
from generation.jobs.schedule import Painter, Remainder, Schedule

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = [
    Kind(profile="m", width=side, height=side, steps=steps, has_reference=False)
    for side in (128, 192, 256)
    for steps in (10, 30)
]


def waiting(number: int, kind: Kind, not_before: datetime | None = None) -> WaitingJob:
    return WaitingJob(
        id=number,
        owner_id=1,
        served_at=None,
        is_again=False,
        is_batch=False,
        not_before=not_before,
        kind=kind,
    )


def painter(name: str = "one", profiles: str = "m", paints: Remainder | None = None) -> Painter:
    return Painter(name=name, profiles=frozenset(profiles), takes_jobs=True, paints=paints)


def middles(
    painters: Sequence[Painter], jobs: Sequence[WaitingJob], durations: Durations
) -> dict[int | None, float]:
    schedule = Schedule(painters, durations)
    schedule.add_all(jobs, NOW)
    return {job: round(end.estimate.p50_s, 3) for job, end in schedule.ends.items()}


class TestSchedule:
    A, B = KINDS[0], replace(KINDS[0], profile="n")
    TIMES = Durations({A: [10.0] * 5, B: [4.0] * 5})

    def test_workers_share_the_queue(self) -> None:
        jobs = [waiting(number, self.A) for number in range(4)]
        alone = middles([painter()], jobs, self.TIMES)
        together = middles([painter(), painter("two")], jobs, self.TIMES)
        assert list(alone.values()) == [10, 20, 30, 40]
        assert list(together.values()) == [10, 10, 20, 20]

    def test_job_that_nobody_serves_holds_up_nobody(self) -> None:
        jobs = [waiting(1, self.B), waiting(2, self.A)]
        assert middles([painter()], jobs, self.TIMES) == {2: 10}

    def test_worker_of_another_model_does_not_help(self) -> None:
        jobs = [waiting(1, self.A), waiting(2, self.A), waiting(3, self.B)]
        both = [painter(), painter("two", profiles="n")]
        assert middles(both, jobs, self.TIMES) == {1: 10, 2: 20, 3: 4}

    def test_running_job_needs_its_rest(self) -> None:
        rest = Remainder(job_id=9, kind=self.A, share=0.25)
        assert middles([painter(paints=rest)], [waiting(1, self.A)], self.TIMES) == {
            9: 2.5,
            1: 12.5,
        }

    def test_others_go_before_one_that_waits_for_its_time(self) -> None:
        late = waiting(1, self.A, not_before=NOW + timedelta(seconds=12))
        jobs = [late, waiting(2, self.A), waiting(3, self.A), waiting(4, self.A)]
        assert middles([painter()], jobs, self.TIMES) == {2: 10, 3: 20, 1: 30, 4: 40}
        assert middles([painter()], [late], self.TIMES) == {1: 22}

    def test_what_comes_after_an_unknown_duration_is_unknown(self) -> None:
        unknown = replace(self.A, profile="x")
        jobs = [waiting(1, self.A), waiting(2, unknown), waiting(3, self.A)]
        assert middles([painter(profiles="mx")], jobs, self.TIMES) == {1: 10}
        rest = Remainder(job_id=9, kind=unknown, share=0.5)
        assert middles([painter(paints=rest)], jobs, self.TIMES) == {}


class TestHonesty:
    """Of many true waits half lie below p50, and nine tenths below p90."""

    @pytest.mark.parametrize("painters", [1, 2, 3])
    @pytest.mark.parametrize("samples", [3, 8, 32])
    @pytest.mark.parametrize("skew", [0.1, 0.3, 0.6])
    def test_measured_kinds(self, painters: int, samples: int, skew: float) -> None:
        world = World(painters=painters, samples=samples, skew=skew)
        for queued in (1, 5, 5, 20) * 20:
            world.play(queued)
        assert 0.35 <= world.share_below_p50 <= 0.65
        assert 0.82 <= world.share_below_p90 <= 0.99

    def test_kinds_that_were_never_measured(self) -> None:
        world = World(painters=2, samples=8, skew=0.3, known=KINDS[:4])
        for queued in (1, 5, 5, 20) * 20:
            world.play(queued)
        assert 0.35 <= world.share_below_p50 <= 0.65
        assert 0.82 <= world.share_below_p90 <= 0.99


@dataclass
class World:
    """Queues whose pictures take skewed times (logarithms are normal) on some workers."""

    painters: int
    samples: int
    skew: float
    known: Sequence[Kind] = tuple(KINDS)
    draw: random.Random = field(default_factory=lambda: random.Random(2026))
    below_p50: int = 0
    below_p90: int = 0
    jobs: int = 0

    @property
    def share_below_p50(self) -> float:
        return self.below_p50 / self.jobs

    @property
    def share_below_p90(self) -> float:
        return self.below_p90 / self.jobs

    def take_s(self, kind: Kind) -> float:
        return (1 + kind.work / 150_000) * self.draw.lognormvariate(0, self.skew)

    def play(self, queued: int) -> None:
        """Foretell a queue, then let it happen."""
        measured = {kind: [self.take_s(kind) for _ in range(self.samples)] for kind in self.known}
        running = [
            Remainder(
                job_id=-number,
                kind=self.draw.choice(KINDS),
                share=self.draw.uniform(0.05, 1),
            )
            for number in range(1, self.painters + 1)
        ]
        kinds = [self.draw.choice(KINDS) for _ in range(queued)]
        schedule = Schedule(
            [painter(str(rest.job_id), paints=rest) for rest in running], Durations(measured)
        )
        schedule.add_all([waiting(number, kind) for number, kind in enumerate(kinds)], NOW)
        free_at = [self.take_s(rest.kind) * rest.share for rest in running]
        for rest, end_s in zip(running, free_at, strict=True):
            self.compare(schedule, rest.job_id, end_s)
        heapq.heapify(free_at)
        for number, kind in enumerate(kinds):
            end_s = heapq.heappop(free_at) + self.take_s(kind)
            heapq.heappush(free_at, end_s)
            self.compare(schedule, number, end_s)

    def compare(self, schedule: Schedule, job: int, end_s: float) -> None:
        told = schedule.ends[job].estimate
        self.jobs += 1
        self.below_p50 += end_s <= told.p50_s
        self.below_p90 += end_s <= told.p90_s
