"""Water: the sea, the path of light upon it, a lake and a waterfall."""

import numpy as np

from generation.miniature.scenes.brush import WHITE, Point, colour, jitter, mix
from generation.miniature.scenes.setting import Setting

DEEP, SHALLOW = colour("#0d5f96"), colour("#4aa6cf")
WAVE_ROWS = 9
GLINTS = 13
MOON_GLINT = colour("#e8edf8")
SHORE = 0.8
"""How far down a lake begins, about."""
LAKE = colour("#2c6f9a")
RIPPLES = 9
CLIFF, GRASS = colour("#6c6a72"), colour("#4f8a4a")
FOAM, STREAK = colour("#f2fbff"), colour("#5fa8d8")


def sea(setting: Setting) -> None:
    """Water to the horizon, with bands of light upon the waves, and the path of sun or moon."""
    canvas, mood, rng, horizon = setting.canvas, setting.mood, setting.rng, setting.horizon
    near = mood.lit(jitter(rng, DEEP))
    far = mix(mood.sky[2], mood.lit(SHALLOW), 0.45)
    depth = np.clip((canvas.y - horizon) / (1 - horizon), 0, 1)
    paint = far + (near - far) * depth[..., None] ** 0.6
    canvas.lay(canvas.below(np.full(canvas.width, horizon, np.float32)), paint)
    waves = canvas.shapes()
    for row in range(WAVE_ROWS):
        share = (row + 0.5) / WAVE_ROWS
        y = horizon + (1 - horizon) * share**1.5
        for x in ((np.arange(4) + rng.uniform(0, 1, 4)) / 4).tolist():
            at_y = y + rng.uniform(-0.01, 0.01)
            waves.ellipse(x, at_y, 0.03 + 0.09 * share, 0.0035 + 0.006 * share)
    canvas.lay(waves.mask() * 0.5, mix(mood.sky[1], mood.rim, 0.3))
    if mood.sun or "moon" in setting.amounts:
        _glitter(setting)


def _glitter(setting: Setting) -> None:
    """The path of sun or moon upon water, broader towards the viewer."""
    canvas, mood, rng, horizon = setting.canvas, setting.mood, setting.rng, setting.horizon
    sheet = canvas.shapes()
    for row in range(GLINTS):
        share = (row + 0.5) / GLINTS
        half = (0.03 + 0.09 * share) * rng.uniform(0.7, 1.2)
        x = setting.light_x + rng.uniform(-0.015, 0.015)
        sheet.ellipse(x, horizon + (1 - horizon) * share, half, 0.006 + 0.008 * share)
    tint = MOON_GLINT if mood.name == "night" else mood.rim
    canvas.lay(sheet.mask(0.004) * 0.85, tint)


def lake(setting: Setting) -> None:
    """The lowest part becomes water that mirrors what stands above the shore, in broken bands."""
    canvas, mood, rng = setting.canvas, setting.mood, setting.rng
    shore = SHORE + rng.uniform(-0.03, 0.03)
    top = int(shore * canvas.height)
    rows = canvas.height - top
    depth = np.arange(rows)
    source = np.clip(top - 1 - (depth * 1.6).astype(int), 0, top - 1)
    sway = np.sin(depth * 0.9 + rng.uniform(0, 6)) * (0.4 + depth / rows * 2.2)
    across = np.arange(canvas.width)[None, :] + np.round(sway).astype(int)[:, None]
    mirror = canvas.pixels[source[:, None], np.clip(across, 0, canvas.width - 1)]
    share = (0.22 + 0.3 * depth / rows)[:, None, None].astype(np.float32)
    canvas.pixels[top:] = mirror + (mood.lit(LAKE) - mirror) * share
    canvas.pixels[top : top + 2] = mix(mood.horizon, mood.rim, 0.3)
    bands = canvas.shapes()
    for _ in range(RIPPLES):
        y = shore + (1 - shore) * rng.uniform(0.1, 0.95)
        bands.ellipse(rng.uniform(0, 1), y, rng.uniform(0.06, 0.16), 0.005)
    canvas.lay(bands.mask() * 0.45, mix(mood.sky[1], mood.rim, 0.35))


def waterfall(setting: Setting) -> None:
    """A cliff at one side, overgrown above, with white water falling from it into spray.

    More of it is broader; "snow" lies on the cliff. The side is no part of its form.
    """
    canvas, mood, rng = setting.canvas, setting.mood, setting.rng
    way, amount = int(setting.lots.choice((-1, 1))), setting.amount("waterfall")
    edge, reach = 0.5 + way * 0.5, 0.24 + 0.06 * amount
    top = setting.horizon - rng.uniform(0.2, 0.28)
    foot = min(1.0, setting.horizon + 0.2)

    def inwards(share: float) -> float:
        """The x that lies that share of the cliff's reach away from the picture's edge."""
        return edge - way * reach * share

    cliff = [
        (edge, top - 0.05), (inwards(0.6), top - 0.02), (inwards(0.86), top + 0.02),
        (inwards(0.94), (top + foot) / 2), (edge - way * (reach + 0.05), foot + 0.06),
        (edge, foot + 0.1),
    ]  # fmt: skip
    canvas.lay(canvas.shapes().polygon(cliff).mask(), mood.lit(jitter(rng, CLIFF)))
    crown = [
        (edge, top - 0.07), (inwards(0.62), top - 0.04), (inwards(0.88), top + 0.03),
        (edge, top + 0.03),
    ]  # fmt: skip
    growth = mood.snow if setting.amount("snow") > 0.6 else mood.lit(GRASS)
    canvas.lay(canvas.shapes().polygon(crown).mask(), growth)
    _fall(setting, (inwards(0.52), top), foot, 0.024 + 0.034 * amount)


def _fall(setting: Setting, brink: Point, foot: float, half: float) -> None:
    """White water with two streaks, from the brink to the foot (y); half: half its width."""
    canvas, mood = setting.canvas, setting.mood
    x, top = brink
    outline = [(x - half * 0.8, top), (x + half * 0.8, top), (x + half, foot), (x - half, foot)]
    water = canvas.shapes().polygon(outline).mask()
    white = mix(mood.lit(FOAM), WHITE, 0.35)
    canvas.lay(water, white)
    streaks = canvas.shapes()
    for share in (-0.45, 0.3):
        above = [(x + half * (share + aside), top + 0.03) for aside in (-0.1, 0.1)]
        below = [(x + half * (share + aside), foot) for aside in (0.16, -0.16)]
        streaks.polygon(above + below)
    canvas.lay(streaks.mask() * water, mix(white, mood.lit(STREAK), 0.55))
    spray = canvas.shapes().ellipse(x, foot, half * 2.6, 0.045)
    canvas.lay(spray.mask(0.014) * 0.9, white)
