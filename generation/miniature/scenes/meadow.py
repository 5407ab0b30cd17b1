"""A meadow in bloom."""

import numpy as np

from generation.miniature.scenes.brush import Field, colour, jitter, mix, swell
from generation.miniature.scenes.setting import Setting

GRASS, NEAR_GRASS = colour("#6fae4a"), colour("#2f6a2e")
CROWN, CROWN_LIGHT = colour("#2f6b34"), colour("#5c9a48")
STEM = ((-0.1, 0), (0.1, 0), (0.1, -0.6), (-0.1, -0.6))
HILLS = (-0.01, 0.08, 0.18)
"""How far below the horizon each hill begins; round trees stand on all but the nearest."""
FLOWERS = tuple(colour(code) for code in ("#e23b3b", "#f5d04a", "#f4f0ff", "#b45fe0"))
FLOWER_ROWS = 6


def meadow(setting: Setting) -> None:
    """Rolling green hills, a few round trees, and flowers that grow towards the viewer."""
    canvas, rng = setting.canvas, setting.rng
    grass = jitter(rng, GRASS)
    for row, drop in enumerate(HILLS):
        edge = setting.horizon + drop - (0.09 - 0.02 * row) * swell(rng, canvas.width, 0.7)
        tone = setting.mood.hazy(mix(grass, NEAR_GRASS, 0.28 * row), 0.45 - 0.2 * row)
        canvas.lay(canvas.below(edge), tone)
        if drop < HILLS[-1]:
            _round_trees(setting, edge, 0.055 + 0.03 * row)
    _flowers(setting, setting.horizon + 0.2)


def _round_trees(setting: Setting, edge: Field, size: float) -> None:
    """Three trees with round crowns on a line [width]; size: half their height, in units."""
    canvas, mood = setting.canvas, setting.mood
    crowns, lights = canvas.shapes(), canvas.shapes()
    for x in setting.rng.uniform(0.05, 0.95, 3).tolist():
        y = float(edge[int(x * canvas.width)])
        crowns.ellipse(x, y - size * 0.9, size * 0.75, size)
        crowns.polygon(canvas.at(x, y + 0.01, STEM, size))
        lights.ellipse(x - size * 0.25, y - size * 1.15, size * 0.4, size * 0.5)
    canvas.lay(crowns.mask(), mood.hazy(CROWN, 0.2))
    canvas.lay(lights.mask(), mood.hazy(CROWN_LIGHT, 0.15))


def _flowers(setting: Setting, top: float) -> None:
    """Two kinds of flowers from a line (y) down, one of them common."""
    canvas, rng = setting.canvas, setting.rng
    kinds = rng.choice(len(FLOWERS), 2, replace=False).tolist()
    common, rare = canvas.shapes(), canvas.shapes()
    for row in range(FLOWER_ROWS):
        share = row / (FLOWER_ROWS - 1)
        y, size = top + (1.02 - top) * share**1.15, 0.009 + 0.016 * share
        count = round((17 - 7 * share) * canvas.width / canvas.unit)
        for x in ((np.arange(count) + rng.uniform(0.1, 0.9, count)) / count).tolist():
            sheet = rare if rng.random() < 0.3 else common
            sheet.ellipse(x, y + rng.uniform(-0.02, 0.02), size, size * 0.8)
    for sheet, kind in zip((common, rare), kinds, strict=True):
        canvas.lay(sheet.mask(), setting.mood.bright(FLOWERS[kind], 0.2))
