"""Who paints what, one after another, and when each picture will be there. Reads no clock."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from generation.jobs.durations import UPPER_DECILE, Duration, Durations
from generation.jobs.kinds import Kind
from generation.jobs.order import WaitingJob

LEAST_SHARE = 0.05
"""Of its time, a picture has so much before it even after the last step: decoding and storing."""
LOST_AFTER = 5
"""Of a job that has taken no step in so many times its duration, nothing can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Seconds from now until the picture is stored: in half of all cases, and in nine of ten."""

    p50_s: float
    p90_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """What a running job still needs: this share of its kind's duration, or what its pace tells.

    steps_left_s: of the steps to come, by those that are done; None before a few are. age_s: since
    the claim.
    """

    job_id: int
    kind: Kind
    share: float
    steps_left_s: float | None = None
    age_s: float = 0.0

    def duration(self, whole: Duration) -> Duration | None:
        """None where nobody can know: it should long have taken its first steps.

        The pace counts from the first step, so a model that had to be loaded does not stretch it,
        and a job that hangs comes no nearer to its end.
        """
        if self.steps_left_s is not None:
            left_s = self.steps_left_s + LEAST_SHARE * whole.median_s
            return whole.times(left_s / whole.median_s)
        if self.age_s > LOST_AFTER * (whole.median_s + whole.spread_s):
            return None
        return whole.times(self.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Painter:
    """A worker that lives. takes_jobs: neither paused nor drained. is_loading: until who knows."""

    name: str
    profiles: frozenset[str]
    takes_jobs: bool
    is_loading: bool = False
    paints: Remainder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Durations one after another, as sums that can be added to.

    Means add up, medians of skewed durations do not: of many in a row the middle comes near the
    mean, and what is left of the gap between the two is its mean, weighted by variance (the first
    terms of Cornish and Fisher). Spreads add up as variances. Doubts simply add up: a kind that is
    slower than was measured is so each time.
    """

    mean_s: float = 0.0
    variance: float = 0.0
    doubt_s: float = 0.0
    weighted_gap: float = 0.0

    def then(self, duration: Duration, not_before_s: float = 0.0) -> "Span":
        """With another one at the end, which begins no earlier than so many seconds from now."""
        variance = duration.spread_s**2
        gap = duration.mean_s - duration.median_s
        return Span(
            mean_s=max(self.mean_s, not_before_s) + duration.mean_s,
            variance=self.variance + variance,
            doubt_s=self.doubt_s + duration.doubt_s,
            weighted_gap=self.weighted_gap + variance * gap,
        )

    @property
    def estimate(self) -> Estimate:
        """Of its end."""
        gap = self.weighted_gap / self.variance if self.variance else 0.0
        p50_s = max(0.0, self.mean_s - gap)
        deviation_s = math.sqrt(self.variance + self.doubt_s**2)
        return Estimate(p50_s=p50_s, p90_s=p50_s + UPPER_DECILE * deviation_s)


class Schedule:
    """Who paints what one after another. Jobs are given to it in the order of service.

    A job goes to whoever of those that can serve it is free first; one that nobody can serve holds
    up nobody. Where one of unknown duration may come before it, its end is unknown too.
    """

    def __init__(self, painters: Iterable[Painter], durations: Durations) -> None:
        self._durations = durations
        self._painters: dict[str, Painter] = {}
        self._busy: dict[str, Span | None] = {}
        self.ends: dict[int | None, Span] = {}
        for painter in painters:
            self._painters[painter.name] = painter
            self._busy.setdefault(painter.name, None if painter.is_loading else Span())
            if painter.paints:
                self._begin(painter.name, painter.paints)

    def _begin(self, name: str, rest: Remainder) -> None:
        whole = self._durations.of(rest.kind)
        left = rest.duration(whole) if whole else None
        busy = self._busy[name]
        if left is None or busy is None:
            self._busy[name] = None
            return
        self._busy[name] = busy.then(left)
        self.ends[rest.job_id] = Span().then(left)

    def can_serve(self, profile: str) -> list[str]:
        """The names of those who take jobs of this profile."""
        return [
            name
            for name, painter in self._painters.items()
            if painter.takes_jobs and profile in painter.profiles
        ]

    def has_held(self, profile: str) -> bool:
        """Whether somebody lives who could serve it, and takes no jobs."""
        return any(
            not painter.takes_jobs and profile in painter.profiles
            for painter in self._painters.values()
        )

    def add_all(self, jobs: Sequence[WaitingJob], now: datetime) -> None:
        """Let all of them be painted; those that must wait for their time, when it comes."""
        delays = {job.id: _seconds_until(job.not_before, now) for job in jobs}
        late = [job for job in jobs if delays[job.id] and self.can_serve(job.kind.profile)]
        late.sort(key=lambda job: delays[job.id])
        for job in jobs:
            if not delays[job.id]:
                while late and delays[late[0].id] <= self._free_s(late[0].kind.profile):
                    self._add(late.pop(0))
                self._add(job)
        for job in late:
            self._add(job, delays[job.id])

    def _free_s(self, profile: str) -> float:
        """When somebody is free for such a job."""
        return min(map(self._mean_s, self.can_serve(profile)), default=-math.inf)

    def _add(self, job: WaitingJob, not_before_s: float = 0.0) -> None:
        names = self.can_serve(job.kind.profile)
        if not names:
            return
        duration = self._durations.of(job.kind)
        if duration is None or any(self._busy[name] is None for name in names):
            self._busy |= dict.fromkeys(names)
            return
        first = min(names, key=self._mean_s)
        span = (self._busy[first] or Span()).then(duration, not_before_s)
        self._busy[first] = self.ends[job.id] = span

    def _mean_s(self, name: str) -> float:
        """When this worker is free; never where that is unknown."""
        span = self._busy[name]
        return span.mean_s if span else math.inf


def _seconds_until(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (moment - now).total_seconds()) if moment else 0.0
