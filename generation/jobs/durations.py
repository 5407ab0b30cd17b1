"""How long painting takes: measured by kind of picture, reckoned from other kinds where it is not.

Nothing here is guessed: a profile of which no picture was ever finished has no duration.
"""

import math
import statistics
from bisect import bisect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from operator import attrgetter

from django.db import connection

from generation.jobs import statements
from generation.jobs.kinds import Kind
from generation.models import PaintingTime

ENOUGH = 3
"""So many durations of a kind speak for themselves."""
UPPER_DECILE = statistics.NormalDist().inv_cdf(0.9)
NEIGHBOURS = 6
"""From so many kinds with less work, and as many with more, another kind is reckoned."""
LEAST_SPREAD = 0.03
UNKNOWN_SPREAD = 0.5
"""Of the duration: where all measured ones agree, and where there are too few to tell."""
DOUBT = 0.15
DOUBT_BY_E = 0.25
DOUBT_BY_FAMILY = 0.3
"""A reckoned duration is uncertain by this part of it; more by each factor e of difference in work,
and where only pictures with another use of the IP-Adapter or length of prompt were measured."""
DRIFT = 0.08
"""Neighbouring durations drift together by this part of them, as the machine has more to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """From claim to stored file.

    spread_s: the standard deviation of a normal distribution that is as high above its middle at
    nine tenths. doubt_s: how wrong mean_s may be, in the same direction for all pictures of a kind.
    """

    median_s: float
    mean_s: float
    spread_s: float
    doubt_s: float

    def times(self, share: float) -> "Duration":
        """So much of it."""
        return Duration(
            median_s=share * self.median_s,
            mean_s=share * self.mean_s,
            spread_s=share * self.spread_s,
            doubt_s=share * self.doubt_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A kind of which something was measured: sorted seconds, with their median."""

    work: int
    samples: Sequence[float]
    median_s: float

    def distance(self, work: int) -> float:
        """By what power of e the work differs."""
        return abs(math.log(work / self.work))


def forget_old_kinds() -> int:
    """Keep the kinds of each profile that were painted most, then last: reading stays quick.

    Returns how many went.
    """
    with connection.cursor() as cursor:
        cursor.execute(statements.FORGET_KINDS, {"kinds": PaintingTime.KINDS})
        return int(cursor.rowcount)


class Durations:
    """What was measured, and what follows from it."""

    def __init__(self, samples: Mapping[Kind, Sequence[float]]) -> None:
        self._samples = {kind: sorted(seconds) for kind, seconds in samples.items() if seconds}
        self._found: dict[Kind, Duration | None] = {}
        self._by_family: dict[Kind, list[_Known]] = {}
        self._by_profile: dict[str, list[_Known]] = {}
        for kind, ordered in self._samples.items():
            known = _Known(work=kind.work, samples=ordered, median_s=_quantile(ordered, 0.5))
            self._by_family.setdefault(_family_of(kind), []).append(known)
            self._by_profile.setdefault(kind.profile, []).append(known)
        for group in (*self._by_family.values(), *self._by_profile.values()):
            group.sort(key=attrgetter("work"))

    def of(self, kind: Kind) -> Duration | None:
        """None where no picture of this profile was ever finished."""
        if kind not in self._found:
            own = self._samples.get(kind, ())
            self._found[kind] = _measured(own) if len(own) >= ENOUGH else self._reckoned(kind)
        return self._found[kind]

    def _reckoned(self, kind: Kind) -> Duration | None:
        """The most similar kind's duration, stretched along the line through its neighbours."""
        alike = self._by_family.get(_family_of(kind))
        others = self._by_profile.get(kind.profile)
        near = _neighbours(alike or others or [], kind.work)
        if not near:
            return None
        seconds = _fit([(known.work, known.median_s) for known in near], kind.work)
        rich = [known for known in near if len(known.samples) >= ENOUGH]
        model = _measured((rich or near)[0].samples)
        stretched = model.times(seconds / model.median_s)
        doubt = DOUBT + DOUBT_BY_E * near[0].distance(kind.work)
        doubt_s = (doubt if alike else doubt + DOUBT_BY_FAMILY) * seconds
        return replace(stretched, doubt_s=math.hypot(stretched.doubt_s, doubt_s))


def read_durations(profiles: Collection[str]) -> Durations:
    """Of these profiles, as far as they were painted lately. One query."""
    of_kind = [field.name for field in fields(Kind)]
    newest = PaintingTime.objects.filter(profile__in=profiles).order_by("-updated_at")
    rows = newest.values_list(*of_kind, "seconds")[: PaintingTime.KINDS * len(profiles)]
    return Durations(
        {Kind(**dict(zip(of_kind, values, strict=True))): seconds for *values, seconds in rows}
    )


def _family_of(kind: Kind) -> Kind:
    """What kinds share whose durations lie on one line by their work."""
    return replace(kind, width=0, height=0, steps=0, has_guidance=True)


def _measured(ordered: Sequence[float]) -> Duration:
    """Of sorted samples. The mean is Swanson's, of three quantiles: one cold start cannot lift it.

    The spread of few samples is smaller than that of what they were drawn from; the factor makes up
    for it as the order statistics and Student's t of a normal distribution would, within a tenth.
    """
    count = len(ordered)
    low, median, high = (_quantile(ordered, share) for share in (0.1, 0.5, 0.9))
    least = (LEAST_SPREAD if count >= ENOUGH else UNKNOWN_SPREAD) * median
    spread = max((high - median) / UPPER_DECILE * (1 + 3 / max(1, count - 1)), least)
    return Duration(
        median_s=median,
        mean_s=0.3 * low + 0.4 * median + 0.3 * high,
        spread_s=spread,
        doubt_s=math.hypot(spread / math.sqrt(count), DRIFT * median),
    )


def _neighbours(family: Sequence[_Known], work: int) -> list[_Known]:
    """The kinds around this much work, the most similar one first. family: sorted by work."""
    place = bisect(family, work, key=attrgetter("work"))
    near = family[max(0, place - NEIGHBOURS) : place + NEIGHBOURS]
    return sorted(near, key=lambda known: known.distance(work))


def _fit(points: Sequence[tuple[int, float]], work: int) -> float:
    """Seconds at this work on the line a + b·work, a and b at least 0, of Theil and Sen.

    Through the origin where there is only one amount of work to learn from.
    """
    slopes = [
        (later - earlier) / (more - less)
        for (less, earlier), (more, later) in combinations(points, 2)
        if more != less
    ]
    slope = max(0.0, statistics.median(slopes)) if slopes else 0.0
    start = statistics.median(seconds - slope * done for done, seconds in points)
    if slopes and start >= 0:
        return start + slope * work
    return work * statistics.median(seconds / done for done, seconds in points)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """With linear interpolation between neighbours."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
