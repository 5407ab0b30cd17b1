"""Sand dunes, and the pyramids behind them."""

import numpy as np

from generation.miniature.scenes.brush import Frame, colour, jitter, mix, swell
from generation.miniature.scenes.setting import Setting

SAND, NEAR_SAND, LEE = colour("#e3a857"), colour("#c0702e"), colour("#5a2a18")
DUNES = ((0.0, 0.05, 1.1), (0.1, 0.11, 0.8), (0.26, 0.17, 0.6))
"""Of each row: how far below the horizon it lies, how high it rises, how many waves it has."""
STONE, STONE_SHADE = colour("#e0b070"), colour("#4a2c1c")
PYRAMIDS = (0.27, 0.18, 0.14)
"""Their heights in units, the largest first."""
LIT_FACE, DARK_FACE = ((0, -1), (-0.95, 0), (0.28, 0)), ((0, -1), (0.28, 0), (0.95, 0))
"""A pyramid's faces in its heights, around the middle of its foot."""


def desert(setting: Setting) -> None:
    """Dunes, each with a bright windward and a dark lee side; a "pyramid" stands behind them."""
    canvas, mood, rng = setting.canvas, setting.mood, setting.rng
    sand = jitter(rng, SAND)
    if "pyramid" in setting.amounts:
        _pyramids(setting)
    for row, (drop, rise, bumps) in enumerate(DUNES):
        line = swell(rng, canvas.width, bumps)
        edge = setting.horizon + drop + 0.02 - rise * (line - 0.4)
        haze = 0.4 - 0.18 * row
        windward = mood.hazy(mix(sand, NEAR_SAND, 0.22 * row), haze)
        body = canvas.below(edge)
        canvas.lay(body, windward)
        deep = np.clip(1.6 * swell(rng, canvas.width, 0.8) - 0.6, 0, None)
        shadow = body - canvas.below(edge + (0.03 + 0.5 * rise) * deep)
        lee = mix(mix(windward, LEE, 0.42), mood.horizon, haze * 0.3)
        canvas.lay(np.clip(shadow, 0, 1), lee)


def _pyramids(setting: Setting) -> None:
    """One to three, lit from the left, the largest in front; more are also larger."""
    mood, rng = setting.mood, setting.rng
    places = (rng.uniform(0.3, 0.6), rng.uniform(0.7, 0.88), rng.uniform(0.1, 0.24))
    grown = 0.75 + 0.3 * setting.amount("pyramid")
    count = setting.count("pyramid", 0.75, 1.3)
    lit = mix(mood.lit(STONE), mood.facing, 0.2)
    dark = mood.lit(mix(STONE, STONE_SHADE, 0.6))
    for x, tall in reversed(list(zip(places, PYRAMIDS, strict=True))[:count]):
        pyramid = Frame(setting.canvas, x, setting.horizon + 0.04, tall * grown)
        pyramid.lay(lit, LIT_FACE)
        pyramid.lay(dark, DARK_FACE)
