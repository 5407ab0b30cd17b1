"""A city of elves among trees of crystal."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from generation.miniature.scenes.brush import Canvas, Colour, colour, jitter, mix, swell
from generation.miniature.scenes.buildings import (
    ROUND,
    WARM,
    Cutouts,
    lit,
    mist,
    range_of_hills,
    white,
)
from generation.miniature.scenes.moods import Mood
from generation.miniature.scenes.setting import Setting

CRYSTALS = ("#4fdcf0", "#b48af8", "#dceeff", "#74b4ff")
WHITE, MARBLE, BARK = colour("#ffffff"), colour("#f4f0fa"), colour("#d8d0f0")
SHIMMER = colour("#c4ccf4")
MOSS, HILLS, SLATE = colour("#6fb0a8"), colour("#8fa8d0"), colour("#7fa4e4")
BEHIND = ((-102, 0.62), (102, 0.62), (-76, 0.85), (76, 0.85), (-50, 0.78), (50, 0.78),
          (-25, 1.0), (25, 1.0), (0, 0.9))  # fmt: skip
BEFORE = ((-88, 0.5), (88, 0.5), (-40, 0.68), (40, 0.68), (0, 0.75))
"""Of a crown's crystals: how many degrees they lean from upright, and their length."""

PRISM = np.array([(0, 0), (0.2, -0.6), (0.66, -1), (0.6, 0.1), (0.66, 1), (0.2, 0.6), (1, 0)])
"""A crystal's corners along and across it: foot, left side, middle edge, right side, tip."""


@dataclass(frozen=True, slots=True)
class Tree:
    """In units: its foot, how far it bends aside, its trunk's height, its crown's radius."""

    x: float
    bend: float
    tall: float
    radius: float
    tint: Colour


@dataclass(frozen=True, slots=True)
class Spire:
    """In units: its axis, half its width, its height."""

    x: float
    half: float
    tall: float


@dataclass(frozen=True, slots=True)
class Walls:
    """The elves' paints: strips of round walls, which shimmer by night, and roofs; windows."""

    marble: list[Colour]
    roof: list[Colour]
    pane: Colour


def elves(setting: Setting) -> None:
    """Paint over the sky: crystal trees, spires and bridges; no amount changes them.

    The crystals' colours and the side where the great tree stands are no part of a form.
    """
    canvas, mood, rng = setting.canvas, setting.mood, setting.rng
    foot = rng.uniform(0.84, 0.88)
    broad, high = canvas.width / canvas.unit, canvas.height / canvas.unit
    _hills(canvas, mood, rng)
    codes = setting.lots.permutation(CRYSTALS).tolist()
    tints = [jitter(rng, colour(code)) for code in codes]
    side = 0.2 * broad * float(setting.lots.choice((-1, 0, 1)))
    great, *small = _draw_trees(rng, broad, high, tints, side)
    spires, walls = _draw_spires(rng, broad, high), _walls(mood)
    sheet, crowns, lights = (Cutouts(canvas, 0.5, foot) for _ in range(3))
    for tree in small:
        _trunk(sheet, tree, mood)
        _crown(sheet, crowns, tree, mood)
    _bridges(sheet, spires, walls)
    for spire in spires:
        _spire(sheet, lights, spire, walls)
    _trunk(sheet, great, mood)
    _terrace(sheet, lights, great, walls)
    _crown(sheet, crowns, great, mood)
    crowns.shed(0.05, 0.75 if mood.is_dark else 0.25)
    mist(canvas, sheet.lay(), mood, (foot - 0.35, foot + 0.08), 0.4)
    if mood.is_dark:
        lights.shed(0.02, 1.2)
    lights.lay()
    _bank(canvas, mood, foot, rng)


def _glowing(local: Colour, mood: Mood, share: float) -> Colour:
    """Crystal has some light of its own, which shows where the world is dark."""
    own: Colour = local * np.float32(0.6 + 0.36 * share)
    seen: Colour = np.maximum(lit(local, mood, share), own)
    return seen


def _walls(mood: Mood) -> Walls:
    marble = [
        np.maximum(white(MARBLE, mood, 1.2 * share - 0.5), SHIMMER * np.float32(0.35 + 0.2 * share))
        for share in ROUND
    ]
    roof = [white(SLATE, mood, 1.2 * share - 0.5) for share in ROUND]
    pane = WARM if mood.is_dark else mix(WARM, lit(WARM, mood, 0.5), 0.5)
    return Walls(marble, roof, pane)


def _hills(canvas: Canvas, mood: Mood, rng: Generator) -> None:
    """Two soft ranges in the haze."""
    rock = lit(HILLS, mood, 0.5)
    for level, haze in ((0.62, 0.7), (0.74, 0.45)):
        line = level - 0.1 * swell(rng, canvas.width, rng.uniform(0.5, 1.0))
        range_of_hills(canvas, line, rock, mood, (haze, haze + 0.25))


def _draw_trees(
    rng: Generator, broad: float, high: float, tints: list[Colour], side: float
) -> list[Tree]:
    """A great tree, so far aside, then two or four smaller ones from the middle outwards."""
    size = min(high, 0.85 * broad)
    great = Tree(
        side + rng.uniform(-0.05, 0.05) * broad,
        rng.uniform(0.02, 0.05) * rng.choice((-1, 1)),
        rng.uniform(0.44, 0.5) * high,
        0.31 * size,
        tints[0],
    )
    small = [
        Tree(
            x * broad + rng.uniform(-0.02, 0.02),
            -0.25 * x * size * rng.uniform(0.2, 0.6),
            tall * high * rng.uniform(0.85, 1.0),
            0.19 * size * rng.uniform(0.9, 1.1),
            tints[1 + number % 2],
        )
        for number, (x, tall) in enumerate(((-0.24, 0.3), (0.24, 0.3), (-0.4, 0.34), (0.4, 0.34)))
    ]
    return [great, *(small if rng.random() < 0.5 else small[2:])]


def _draw_spires(rng: Generator, broad: float, high: float) -> list[Spire]:
    """Four of them from the left, the inner ones taller."""
    return [
        Spire(
            x * broad + rng.uniform(-0.015, 0.015),
            rng.uniform(0.024, 0.03),
            tall * high * rng.uniform(0.88, 1.1),
        )
        for x, tall in ((-0.3, 0.34), (-0.15, 0.47), (0.15, 0.47), (0.3, 0.34))
    ]


def _spire(sheet: Cutouts, lights: Cutouts, spire: Spire, walls: Walls) -> None:
    """A slender shaft, a balcony, a needle, and windows up its height."""
    x, half, tall = spire.x, spire.half, spire.tall
    marble, eaves = walls.marble, 0.64 * tall
    sheet.column(x, (1.4 * half, half), (-0.05, eaves), marble)
    sheet.column(x, (half, 1.7 * half), (eaves - 0.05, eaves - 0.02), marble)
    sheet.column(x, (1.7 * half, 1.7 * half), (eaves - 0.02, eaves), marble)
    sheet.column(x, (1.6 * half, 0), (eaves, tall), walls.roof)
    for share in (0.25, 0.55, 0.85):
        lights.arch(x, share * (eaves - 0.05) - 0.03, 0.0115, 0.044, walls.pane)


def _bridges(sheet: Cutouts, spires: list[Spire], walls: Walls) -> None:
    """An arched walk from spire to spire."""
    stone, below = walls.marble[1], walls.marble[5]
    turn = np.linspace(0, np.pi, 15)
    for one, other in pairwise(spires):
        level, reach = 0.38 * min(one.tall, other.tall), (other.x - one.x) / 2
        arch = [(one.x + reach * (1 - np.cos(t)), level - 0.1 + 0.08 * np.sin(t)) for t in turn]
        sheet.polygon([(one.x, level), *arch, (other.x, level)], below)
        sheet.box(one.x, level, other.x, level + 0.02, stone)


def _axis(tree: Tree, heights: np.ndarray) -> np.ndarray:
    """Where the trunk's middle is at those shares of its height."""
    return tree.x + tree.bend * np.sin(heights * np.pi * 1.3)


def _trunk(sheet: Cutouts, tree: Tree, mood: Mood) -> None:
    """A tall trunk that winds a little, broad at its roots and its crown."""
    tints = [_glowing(BARK, mood, share) for share in (0.6, 1.0, 0.55, 0.1)]
    heights = np.linspace(0, 1, 12)
    middle, up = _axis(tree, heights), heights * (tree.tall + 0.05) - 0.05
    half = tree.radius * (0.12 + 0.25 * (1 - heights) ** 4 + 0.12 * heights**6)
    edges = np.linspace(-1, 1, len(tints) + 1)
    for left, right, tint in zip(edges, edges[1:], tints, strict=False):
        one = zip(middle + left * half, up, strict=True)
        other = zip(middle + right * half, up, strict=True)
        sheet.polygon([*one, *reversed(list(other))], tint)


def _crown(sheet: Cutouts, glow: Cutouts, tree: Tree, mood: Mood) -> None:
    """A bunch of long crystals that point outwards; the glow is a simple fan behind them."""
    at = float(_axis(tree, np.ones(1))[0]), tree.tall - 0.1 * tree.radius
    facets = [
        _glowing(mix(tree.tint, WHITE, pale), mood, share)
        for pale, share in ((0.0, 0.1), (0.25, 0.6), (0.0, 0.75), (0.7, 1.0))
    ]
    brighter = [mix(facet, WHITE, 0.25) for facet in facets]
    for lean, length in BEHIND:
        _crystal(sheet, at, lean, length * tree.radius, facets)
    for lean, length in BEFORE:
        _crystal(sheet, at, lean, length * tree.radius, brighter)
    glow.ellipse(at[0], at[1] + 0.3 * tree.radius, 0.8 * tree.radius, 0.65 * tree.radius, facets[2])


def _crystal(
    sheet: Cutouts, at: tuple[float, float], lean: float, length: float, facets: list[Colour]
) -> None:
    """A prism of two faces with a cut point; facets: shaded, half-lit and lit, and the point."""
    turn, half = np.deg2rad(lean), 0.02 + 0.13 * length
    along, aside = [np.sin(turn), np.cos(turn)], [np.cos(turn), -np.sin(turn)]
    points = at + PRISM * (length, half) @ np.array([along, aside])
    foot, low, left, middle, right, end, tip = points.tolist()
    sheet.polygon([foot, low, left, middle], facets[2] if lean > -60 else facets[1])
    sheet.polygon([foot, middle, right, end], facets[0])
    sheet.polygon([left, tip, middle], facets[3])
    sheet.polygon([middle, tip, right], facets[1])


def _terrace(sheet: Cutouts, lights: Cutouts, tree: Tree, walls: Walls) -> None:
    """A round hall upon a bowl, halfway up the great tree."""
    y = 0.42 * tree.tall
    x, half = float(_axis(tree, np.array([0.45]))[0]), 0.34 * tree.radius
    sheet.column(x, (0.5 * half, 1.25 * half), (y - 0.05, y), walls.marble)
    sheet.column(x, (half, half), (y, y + 0.07), walls.marble)
    sheet.column(x, (1.3 * half, 0.15 * half), (y + 0.07, y + 0.13), walls.roof)
    for aside in (-0.55, 0, 0.55):
        lights.arch(x + aside * half, y + 0.012, 0.0115, 0.046, walls.pane)


def _bank(canvas: Canvas, mood: Mood, foot: float, rng: Generator) -> None:
    """A mossy bank before the roots."""
    line = foot + 0.01 - 0.03 * swell(rng, canvas.width, rng.uniform(0.5, 0.9))
    mask = canvas.below(line)
    canvas.lay(mask, lit(MOSS, mood, 0.5))
    canvas.shade(mask * np.clip((canvas.y - foot) / (1 - foot), 0, 1), 0.4)
