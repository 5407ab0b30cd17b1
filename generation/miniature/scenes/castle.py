"""A fairy-tale castle on its hill."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from generation.miniature.scenes.brush import Canvas, Colour, colour, crest, jitter, mix, swell
from generation.miniature.scenes.buildings import (
    ROUND,
    WARM,
    Cutouts,
    lit,
    mist,
    range_of_hills,
    shades,
    white,
)
from generation.miniature.scenes.moods import Mood

STONES = ("#e6dcc8", "#d6d8e0", "#ecd6c6")
ROOFS = ("#c83a34", "#3468c8", "#7a44b8")
GRASS = ("#6f9a52", "#86a04e", "#5a8e66")
SNOW = colour("#f6faff")
WOOD, EMBER = colour("#6a5040"), colour("#d0782a")
SLOTS = ((-0.3, 0.6), (0.3, 0.63), (-0.18, 0.78), (0.19, 0.74), (0.01, 0.97))
"""Where the towers behind stand and how tall they are, in castle heights."""


@dataclass(frozen=True, slots=True)
class Tower:
    """x: of its axis; half: its half width; top: of its masonry; roof: height of its cone."""

    x: float
    half: float
    top: float
    roof: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Paints:
    """The castle's colours and how much snow lies on it, 0 to 1.7; of round parts, the strips."""

    mood: Mood
    stone: Colour
    snow: float
    round_stone: list[Colour]
    round_roof: list[Colour]
    round_snow: list[Colour]


def castle(canvas: Canvas, mood: Mood, rng: Generator, amounts: Mapping[str, float]) -> None:
    """Paint over the sky: a far ridge, the hill and the castle; knows the amount of "snow"."""
    stone = jitter(rng, colour(str(rng.choice(STONES))))
    roof = jitter(rng, colour(str(rng.choice(ROOFS))), 0.05)
    paints = Paints(
        mood=mood,
        stone=stone,
        snow=amounts.get("snow", 0.0),
        round_stone=shades(stone, mood),
        round_roof=shades(roof, mood),
        round_snow=[white(SNOW, mood, share) for share in ROUND],
    )
    x, foot = rng.uniform(0.4, 0.6), rng.uniform(0.76, 0.8)
    grass = jitter(rng, colour(str(rng.choice(GRASS))))
    _ridge(canvas, paints, rng)
    _hill(canvas, paints, grass, (x, foot))
    scale = 0.66 * min(canvas.height, 1.15 * canvas.width) / canvas.unit
    sheet, lights = (Cutouts(canvas, x, foot, scale) for _ in range(2))
    for tower in _behind(rng):
        _tower(sheet, lights, tower, paints)
    _keep(sheet, lights, paints, rng.uniform(0.36, 0.42))
    _walls(sheet, lights, paints, rng)
    mask = sheet.lay()
    mist(canvas, mask, mood, (foot - 0.3, foot + 0.06), 0.3)
    if mood.is_dark:
        lights.shed(0.022, 1.3)
    lights.lay()
    _foreground(canvas, paints, grass, rng)


def _ridge(canvas: Canvas, paints: Paints, rng: Generator) -> None:
    mood, cold = paints.mood, colour("#7488a8")
    rock = mix(lit(cold, mood, 0.4), white(SNOW, mood, 0.6), min(1, 0.5 * paints.snow))
    for level, tall, haze in ((0.68, 0.24, 0.65), (0.76, 0.16, 0.4)):
        line = level - tall * crest(rng, canvas.width, 2, 3, 0.35)
        range_of_hills(canvas, line, rock, mood, (haze, haze + 0.25))


def _ground(paints: Paints, grass: Colour, share: float) -> Colour:
    cover = min(1.0, 0.4 + 0.36 * paints.snow) if paints.snow else 0.0
    return mix(lit(grass, paints.mood, share), white(SNOW, paints.mood, share), cover)


def _hill(canvas: Canvas, paints: Paints, grass: Colour, at: tuple[float, float]) -> None:
    x, foot = at
    across = (canvas.x[0] - x) * canvas.width / canvas.unit
    line = foot - 0.015 + 0.2 * (1 - np.exp(-((across / 0.52) ** 4)))
    mask = canvas.below(line.astype(np.float32))
    canvas.lay(mask, _ground(paints, grass, 0.75))
    right = np.clip(across / 0.5, 0, 1)[None, :].astype(np.float32)
    deep = np.clip((canvas.y - foot) / 0.25, 0, 1)
    canvas.shade(mask * (right + deep), 0.22 - 0.1 * min(1.0, paints.snow))


def _behind(rng: Generator) -> list[Tower]:
    """Three to five towers, the tallest in the middle."""
    slots = SLOTS[int(rng.integers(0, 3)) :]
    broad = rng.uniform(0.052, 0.066)
    return [
        Tower(
            x + rng.uniform(-0.02, 0.02),
            broad * (1.2 if place == len(slots) - 1 else 1),
            0.74 * tall * rng.uniform(0.9, 1.05),
            0.27 * tall * rng.uniform(0.9, 1.15),
        )
        for place, (x, tall) in enumerate(slots)
    ]


def _tower(sheet: Cutouts, lights: Cutouts, tower: Tower, paints: Paints) -> None:
    """A round shaft, a broader parapet, a window and a cone."""
    x, half, top = tower.x, tower.half, tower.top
    stone = paints.round_stone
    sheet.column(x, (half, half), (-0.02, top), stone)
    sheet.column(x, (half, 1.28 * half), (top - 0.075, top - 0.045), stone)
    sheet.column(x, (1.28 * half, 1.28 * half), (top - 0.045, top), stone)
    eaves = 1.5 * half
    sheet.column(x, (eaves, 0), (top, top + tower.roof), paints.round_roof)
    if paints.snow:
        bare = 1 - min(1.0, 0.35 + 0.38 * paints.snow)
        sheet.column(
            x,
            (eaves * (1 - bare), 0),
            (top + bare * tower.roof, top + tower.roof),
            paints.round_snow,
        )
    _window(lights, x, top - 0.18, 0.021, paints)


def _window(lights: Cutouts, x: float, y: float, half: float, paints: Paints) -> None:
    pane = WARM if paints.mood.is_dark else lit(colour("#3c4660"), paints.mood, 0.3)
    lights.arch(x, y, half, 4 * half, pane)


def _battlements(sheet: Cutouts, left: float, right: float, top: float, paints: Paints) -> None:
    """Merlons along a wall's top; snow lies on them."""
    count = max(3, round((right - left) / 0.075))
    step = (right - left) / (count - 0.4)
    for place in range(count):
        edge = left + place * step
        share = 1 - 0.55 * place / count
        end = edge + 0.6 * step
        sheet.box(edge, top - 0.01, end, top + 0.035, lit(paints.stone, paints.mood, share))
        if paints.snow:
            cap = white(SNOW, paints.mood, share)
            sheet.box(edge, top + 0.035 - 0.022 * paints.snow, end, top + 0.04, cap)


def _wall(
    sheet: Cutouts, span: tuple[float, float], top: float, paints: Paints, light: float
) -> None:
    """A flat wall with merlons, a little darker to its right."""
    left, right = span
    edges = np.linspace(left, right, 5)
    for place, (near, far) in enumerate(pairwise(edges.tolist())):
        tint = lit(paints.stone, paints.mood, light - 0.12 * place)
        sheet.box(near, -0.03, far, top, tint)
    _battlements(sheet, left, right, top, paints)


def _keep(sheet: Cutouts, lights: Cutouts, paints: Paints, top: float) -> None:
    """The great house in the middle."""
    _wall(sheet, (-0.21, 0.22), top, paints, 0.7)
    for x in (-0.12, 0.005, 0.13):
        _window(lights, x, top - 0.13, 0.021, paints)


def _walls(sheet: Cutouts, lights: Cutouts, paints: Paints, rng: Generator) -> None:
    """The wall in front, a squat tower at either end, and the gate."""
    reach, top = rng.uniform(0.4, 0.44), rng.uniform(0.17, 0.2)
    _wall(sheet, (-reach, reach), top, paints, 0.95)
    for side in (-1, 1):
        end = Tower(side * reach, 0.075, top + rng.uniform(0.1, 0.16), rng.uniform(0.16, 0.2))
        _tower(sheet, lights, end, paints)
    sheet.box(-0.1, -0.03, 0.1, top + 0.06, lit(paints.stone, paints.mood, 1))
    _battlements(sheet, -0.11, 0.11, top + 0.06, paints)
    sheet.arch(0, -0.03, 0.07, 0.2, lit(mix(paints.stone, WOOD, 0.5), paints.mood, 0.6))
    inside = mix(WARM, EMBER, 0.4) if paints.mood.is_dark else lit(WOOD, paints.mood, 0.2)
    lights.arch(0, -0.03, 0.05, 0.175, inside)


def _foreground(canvas: Canvas, paints: Paints, grass: Colour, rng: Generator) -> None:
    """A near slope that hides the castle's and the hill's foot."""
    line = 0.9 - 0.05 * swell(rng, canvas.width, rng.uniform(0.5, 0.9))
    mask = canvas.below(line)
    near = mix(grass, colour("#24463a"), 0.55)
    canvas.lay(mask, _ground(paints, near, 0.55))
    canvas.shade(mask * np.clip((canvas.y - 0.86) / 0.2, 0, 1), 0.35 - 0.2 * min(1.0, paints.snow))
