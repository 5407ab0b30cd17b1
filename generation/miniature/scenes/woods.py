"""Pines: single ones, rows of them, and a forest."""

from dataclasses import dataclass

import numpy as np

from generation.miniature.scenes.brush import (
    Colour,
    Field,
    Frame,
    Shapes,
    colour,
    jitter,
    mix,
    swell,
)
from generation.miniature.scenes.setting import Setting, mist

GROUND, SNOWY_GROUND = colour("#5a8a52"), colour("#eef4fb")
TRUNK = ((-0.035, 0), (0.035, 0), (0.035, -0.2), (-0.035, -0.2))
TIERS = ((-1.0, -0.66, 0.15), (-0.82, -0.45, 0.21), (-0.62, -0.26, 0.27), (-0.4, -0.08, 0.32))
"""A pine's boughs from its top down, in heights: y of their tip and base, half their width."""


@dataclass(frozen=True, slots=True)
class Grove:
    """How pines look. tall: their mean height in units; haze: how much distance veils them."""

    tall: float
    tint: Colour
    haze: float


FAR_ROWS = (
    (-0.02, 15, Grove(0.2, colour("#2c6a4a"), haze=0.6)),
    (0.07, 9, Grove(0.3, colour("#2c6a4a"), haze=0.32)),
)
NEAR_ROW = (0.2, 5, Grove(0.46, colour("#1c4a36"), haze=0.03))
"""Of a row: how far below the horizon it stands, its pines in a square picture, their look."""


def forest(setting: Setting) -> None:
    """Three rows of pines, each nearer, darker and larger, with mist between them.

    Knows the amount of "snow".
    """
    canvas, mood = setting.canvas, setting.mood
    white = 0.85 if setting.amount("snow") > 0.2 else 0.0
    ground = mix(jitter(setting.rng, GROUND), SNOWY_GROUND, white)
    stretch = canvas.width / canvas.unit
    for drop, count, grove in FAR_ROWS:
        edge = _edge(setting, drop)
        pines(setting, edge, round(count * stretch), grove)
        canvas.lay(canvas.below(edge), mood.hazy(ground, grove.haze))
        mist(setting, setting.horizon + drop + 0.02, 0.12, 0.35)
    drop, count, grove = NEAR_ROW
    edge = _edge(setting, drop)
    canvas.lay(canvas.below(edge), mood.hazy(ground, grove.haze))
    pines(setting, edge, round(count * stretch), grove)


def _edge(setting: Setting, drop: float) -> Field:
    """The line [width] where a row's ground begins."""
    return setting.horizon + drop - 0.03 * swell(setting.rng, setting.canvas.width, 0.9)


def pines(setting: Setting, edge: Field, count: int, grove: Grove) -> None:
    """Pines along a line [width], fractions of the height; white with the amount of "snow"."""
    canvas, mood, rng = setting.canvas, setting.mood, setting.rng
    snow = setting.amount("snow")
    trees, white = canvas.shapes(), canvas.shapes()
    places = (np.arange(count) + rng.uniform(0.1, 0.9, count)) / count
    for x in rng.permutation(places).tolist():
        foot = float(edge[min(canvas.width - 1, int(x * canvas.width))]) + 0.012
        pine = Frame(canvas, x, foot, grove.tall * rng.uniform(0.72, 1.2))
        _pine(pine, trees)
        if snow:
            _cover(pine, white, snow)
    canvas.lay(trees.mask(), mood.hazy(jitter(rng, grove.tint, 0.02), grove.haze))
    if snow:
        canvas.lay(white.mask(), mix(mood.snow, mood.horizon, grove.haze * 0.7))


def _pine(pine: Frame, trees: Shapes) -> None:
    """Four tiers of boughs upon a short trunk."""
    trees.polygon(pine.place(TRUNK))
    for top, base, half in TIERS:
        trees.polygon(pine.place([(0, top), (half, base), (-half, base)]))


def _cover(pine: Frame, white: Shapes, snow: float) -> None:
    """Snow upon each tier, more of it on the left."""
    share = min(1.0, 0.3 + 0.5 * snow)
    for top, base, half in TIERS:
        drop = (base - top) * share
        right = (half * share * 0.55, top + drop * 0.9)
        left = (-half * share, top + drop)
        white.polygon(pine.place([(0, top), right, (0, top + drop * 0.62), left]))
