"""Mountain ranges behind dark hills."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from numpy.random import Generator

from generation.miniature.scenes.brush import BLACK, Colour, Point, colour, jitter, mix, swell
from generation.miniature.scenes.setting import Setting, mist
from generation.miniature.scenes.woods import Grove, pines

FAR_ROCK, NEAR_ROCK = colour("#8792ae"), colour("#5d6880")
SNOW_SHADE, MEADOW_SNOW = colour("#7f9fd8"), colour("#eef4fb")
GRASS, DUSK = colour("#4f7a58"), colour("#10251c")
BENDS = (0.28, 0.55, 0.8)
"""How far down a flank its bends are, as shares of the mountain's height."""
SPINE = ((0.2, 0.16), (0.45, -0.02), (0.7, 0.2), (1.0, 0.1))
"""How far down the bends of the ridge in front are, and how far they lean out of the sun."""
TEETH = 5
"""How many corners the lower edge of a cap of snow has, every other one deep."""
HILLS = ((0.06, 0.25, 0.22), (0.15, 0.65, 0.02))
"""How far below the horizon the hills begin, how dark they are, and how hazy."""
PINES = Grove(0.09, colour("#1f4634"), haze=0.0)


@dataclass(frozen=True, slots=True)
class Peak:
    """In fractions of the canvas: x of the summit, y of the foot, half the width, the height."""

    x: float
    foot: float
    half: float
    tall: float

    def level(self, share: float) -> float:
        """The y that lies that share of the height below the summit."""
        return self.foot - self.tall * (1 - share)


def _flank(rng: Generator, peak: Peak, side: int) -> list[Point]:
    """From the summit to the foot, to the left at -1 and to the right at 1."""
    outline = [(peak.x, peak.level(0))]
    for share in BENDS:
        bulge = rng.uniform(-0.05, 0.05)
        outline.append((peak.x + side * peak.half * (share + bulge), peak.level(share)))
    return [*outline, (peak.x + side * peak.half, peak.foot)]


class Range:
    """Peaks of one distance: their body, lit flanks and caps of snow, each a mask of its own.

    sun: -1 where the light comes from the left, 1 from the right.
    """

    def __init__(self, setting: Setting, sun: int) -> None:
        canvas = setting.canvas
        self.setting, self.sun = setting, sun
        self.body, self.lit = canvas.shapes(), canvas.shapes()
        self.cap, self.cap_lit = canvas.shapes(), canvas.shapes()

    def add(self, peak: Peak) -> None:
        """One more mountain, with snow if the scene has any."""
        flanks = {side: _flank(self.setting.rng, peak, side) for side in (-1, 1)}
        spine = [(peak.x, peak.level(0))]
        for share, lean in SPINE:
            spine.append((peak.x + lean * peak.half * -self.sun, peak.level(share)))
        self.body.polygon([*flanks[-1], *reversed(flanks[1])])
        self.lit.polygon([*flanks[self.sun], *reversed(spine)])
        if self.setting.amount("snow"):
            self._cap(peak, flanks, spine)

    def _cap(self, peak: Peak, flanks: Mapping[int, Sequence[Point]], spine: list[Point]) -> None:
        """Snow down to a ragged edge, the lower the more there is."""
        share = min(0.9, 0.06 + 0.5 * self.setting.amount("snow"))
        edges = {side: _down_to(peak.level(share), flank) for side, flank in flanks.items()}
        teeth = self._teeth(peak, edges[-1][-1], edges[1][-1])
        self.cap.polygon([*edges[-1], *teeth, *reversed(edges[1])])
        sunny = [tooth for tooth in teeth if (tooth[0] - peak.x) * self.sun > -0.02 * peak.half]
        sunny.sort(key=lambda tooth: -tooth[0] * self.sun)
        inner = _down_to(peak.level(share * 0.9), spine)
        self.cap_lit.polygon([*edges[self.sun], *sunny, *reversed(inner)])

    def _teeth(self, peak: Peak, left: Point, right: Point) -> list[Point]:
        """A cap's lower edge between its two ends."""
        teeth = []
        for number in range(1, TEETH + 1):
            deep = 0.1 if number % 2 else -0.09
            dip = deep * peak.tall * self.setting.rng.uniform(0.6, 1.2)
            x = left[0] + (right[0] - left[0]) * number / (TEETH + 1)
            teeth.append((x, left[1] + dip))
        return teeth

    def lay(self, rock: Colour, haze: float) -> None:
        """Onto the canvas, faded by its distance."""
        canvas, mood = self.setting.canvas, self.setting.mood
        shade = mix(mix(rock, BLACK, 0.22), mood.horizon, haze)
        canvas.lay(self.body.mask(), mood.hazy(shade, haze * 0.4))
        lit = mix(mood.lit(rock), mood.facing, 0.35)
        canvas.lay(self.lit.mask(), mix(lit, mood.horizon, haze))
        if self.setting.amount("snow"):
            cold = mix(mood.snow, mood.lit(SNOW_SHADE), 0.5)
            warm = mix(mood.snow, mood.rim, 0.35)
            cap = self.cap.mask()
            canvas.lay(cap, mix(cold, mood.horizon, haze * 0.7))
            canvas.lay(self.cap_lit.mask() * cap, mix(warm, mood.horizon, haze * 0.5))


def _down_to(level: float, outline: Sequence[Point]) -> list[Point]:
    """The part of a falling outline above a level, with the point where it crosses it."""
    kept = [outline[0]]
    for before, after in pairwise(outline):
        if after[1] >= level:
            share = (level - before[1]) / max(1e-6, after[1] - before[1])
            kept.append((before[0] + (after[0] - before[0]) * share, level))
            return kept
        kept.append(after)
    return kept


def mountains(setting: Setting) -> None:
    """Two ranges of pointed peaks behind dark hills with a few pines.

    Knows the amount of "snow".
    """
    horizon, sun = setting.horizon, setting.way()
    far_rock, near_rock = (jitter(setting.rng, rock) for rock in (FAR_ROCK, NEAR_ROCK))
    _far_peaks(setting, sun).lay(far_rock, 0.5)
    mist(setting, horizon + 0.02, 0.2, 0.75)
    _near_peaks(setting, sun).lay(near_rock, 0.12)
    mist(setting, horizon + 0.08, 0.14, 0.6)
    _hills(setting)


def _far_peaks(setting: Setting, sun: int) -> Range:
    """Four low ones side by side."""
    rng, peaks = setting.rng, Range(setting, sun)
    stretch = setting.canvas.unit / setting.canvas.height
    for number in range(4):
        x = (number + rng.uniform(0.1, 0.9)) / 4
        peaks.add(Peak(x, setting.horizon + 0.02, 0.24, stretch * rng.uniform(0.2, 0.3)))
    return peaks


def _near_peaks(setting: Setting, sun: int) -> Range:
    """A high one and a lower one, which is behind."""
    canvas, rng, peaks = setting.canvas, setting.rng, Range(setting, sun)
    stretch = canvas.unit / canvas.height
    places = (rng.uniform(0.2, 0.42), rng.uniform(0.62, 0.85))
    heights = [stretch * rng.uniform(0.38, 0.5), stretch * rng.uniform(0.26, 0.36)]
    shuffled = zip(rng.permutation(heights).tolist(), places, strict=True)
    for tall, x in sorted(shuffled):
        half = tall * rng.uniform(0.72, 0.9) * canvas.height / canvas.width
        peaks.add(Peak(x, setting.horizon + 0.08, half, tall))
    return peaks


def _hills(setting: Setting) -> None:
    """Dark rounded hills in the foreground, white when there is much snow."""
    canvas, mood, rng = setting.canvas, setting.mood, setting.rng
    grass = jitter(rng, GRASS)
    if setting.amount("snow") > 1.05:
        grass = mix(grass, MEADOW_SNOW, 0.8)
    for drop, dark, haze in HILLS:
        edge = setting.horizon + drop - 0.06 * swell(rng, canvas.width, 0.8)
        canvas.lay(canvas.below(edge), mood.hazy(mix(grass, DUSK, dark), haze))
    pines(setting, edge, 9, PINES)
