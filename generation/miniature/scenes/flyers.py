"""Birds and hot-air balloons."""

import numpy as np

from generation.miniature.scenes.brush import Colour, Frame, Outline, Point, colour
from generation.miniature.scenes.setting import Setting

WINGS: Outline = ((-1, -0.35), (-0.5, -0.62), (0, 0), (0.5, -0.62), (1, -0.35))
"""A bird as a bent line, in half spans."""
FEATHERS, NIGHT_FEATHERS = colour("#1c2030"), colour("#c9d3ea")

BALLOONS = ((0.3, 0.3, 0.16), (0.72, 0.22, 0.11), (0.55, 0.42, 0.08))
"""About where they fly, and their radii in units; the first is always there."""
SILKS = tuple(
    (colour(main), colour(stripe))
    for main, stripe in (
        ("#e0352f", "#ffd65a"),
        ("#2f62d8", "#f6f6f6"),
        ("#f07a24", "#fff0a0"),
        ("#8a3fc0", "#ffb0dc"),
    )
)
MOUTH = 1.32
"""How far below its middle a balloon ends, in its radii."""
STRIPES = ((-0.72, -0.36), (-0.13, 0.13), (0.36, 0.72))
"""The left and right edges of each stripe at its widest, in radii."""
BASKET: Outline = ((-0.22, 1.6), (0.22, 1.6), (0.17, 1.95), (-0.17, 1.95))
WICKER = colour("#6b4426")


def birds(setting: Setting) -> None:
    """A loose flock in rows of four, wings bent like an m; more of it has more birds."""
    canvas, rng = setting.canvas, setting.rng
    sheet = canvas.shapes()
    x, y = rng.uniform(0.25, 0.6), rng.uniform(0.14, 0.26)
    for number in range(round(3 + 5 * setting.amount("birds"))):
        row, place = divmod(number, 4)
        at_x = x + 0.085 * place + rng.uniform(-0.03, 0.03) - 0.04 * row
        at_y = y + 0.07 * row + 0.035 * (number % 2) + rng.uniform(-0.02, 0.02)
        sheet.line(canvas.at(at_x, at_y, WINGS, rng.uniform(0.04, 0.055)), 0.014)
    canvas.lay(sheet.mask(), NIGHT_FEATHERS if setting.mood.name == "night" else FEATHERS)


def balloons(setting: Setting) -> None:
    """One to three striped hot-air balloons with their baskets; more are also larger."""
    rng = setting.rng
    is_mirrored = rng.random() < 0.5
    grown = 0.85 + 0.15 * setting.amount("balloon")
    for x, y, size in BALLOONS[: setting.count("balloon", 0.85, 1.35)]:
        at_x = (1 - x if is_mirrored else x) + rng.uniform(-0.06, 0.06)
        at_y = y + rng.uniform(-0.04, 0.04)
        silks = SILKS[int(rng.integers(len(SILKS)))]
        _balloon(setting, Frame(setting.canvas, at_x, at_y, size * grown), silks)


def _balloon(setting: Setting, frame: Frame, silks: tuple[Colour, Colour]) -> None:
    """A round hull, striped, darker on its right, and a basket on two ropes."""
    canvas, mood = setting.canvas, setting.mood
    x, y, size = frame.x, frame.y, frame.scale
    silk, stripe = (mood.bright(tint, 0.4) for tint in silks)
    hull = frame.mask([(0.2, MOUTH), *_arc(0.2 * np.pi, -1.2 * np.pi, 24), (-0.2, MOUTH)])
    canvas.lay(hull, silk)
    canvas.lay(frame.mask(*(_stripe(left, right) for left, right in STRIPES)) * hull, stripe)
    shadow = canvas.shapes().ellipse(x + size * 0.55, y + size * 0.2, size * 0.6, size * 1.2)
    canvas.shade(shadow.mask(size * 0.25) * hull, 0.3)
    hanging = canvas.shapes()
    for side in (-1, 1):
        hanging.line(frame.place([(side * 0.18, 1.3), (side * 0.15, 1.62)]), 0.008)
    hanging.polygon(frame.place(BASKET))
    canvas.lay(hanging.mask(), mood.lit(WICKER))


def _arc(start: float, end: float, count: int) -> list[Point]:
    """Points of the unit circle between two angles."""
    turn = np.linspace(start, end, count)
    return list(zip(np.cos(turn).tolist(), np.sin(turn).tolist(), strict=True))


def _stripe(left: float, right: float) -> list[Point]:
    """Of the hull, between two meridians given by where they are widest."""
    edges = [
        [*((share * dx, dy) for dx, dy in _arc(-np.pi / 2, 0.2 * np.pi, 8)), (share * 0.25, 1.3)]
        for share in (left, right)
    ]
    return [*edges[0], *reversed(edges[1])]
