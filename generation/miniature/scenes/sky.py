"""Everything that hangs in the sky: its gradient, sun, moon, stars, aurora, clouds and bolts."""

from collections.abc import Mapping

import numpy as np

from generation.miniature.scenes.brush import WHITE, Frame, Point, colour, jitter, mix, noise, swell
from generation.miniature.scenes.moods import Sun
from generation.miniature.scenes.setting import Painter, Setting, paint_things

MOON, CRATER, MOONLIGHT = colour("#f6f2dc"), colour("#d6d0b4"), colour("#a9bfff")
CRATERS = ((-0.35, -0.2, 0.3), (0.3, 0.25, 0.24), (0.2, -0.45, 0.17))
"""Where they lie on the moon's disc, and their radii, all in its radii."""
STAR = colour("#f4f7ff")
STAR_FIELD = 0.088
"""The side of the fields of which each has one star at most, in units."""
CURTAINS = (colour("#38f0a0"), colour("#54e0d0"), colour("#8a5cff"))
PUFFS = (-1.25, -0.65, 0.0, 0.6, 1.2)
"""Where along a cloud its round heaps are, in cloud sizes; those in the middle are larger."""
BOLT, BOLT_GLOW = colour("#f7f8ff"), colour("#8fa8ff")
HUES = np.stack(
    [colour(code) for code in ("#e8323c", "#ff9a2a", "#ffe14a", "#4fc95a", "#3f8cf0", "#8a4fd0")]
)
"""The rainbow's bands, [6, 3], the outermost first."""
RAINBOW_WIDTH = 0.17
FOG = colour("#f2f4f6")


def sky(setting: Setting) -> None:
    """The whole sky down to the horizon: the gradient, lights, clouds and what comes of them."""
    _gradient(setting)
    paint_things(setting, LIGHTS)
    if "moon" not in setting.amounts and setting.mood.sun:
        _sun(setting.part("sun"), setting.mood.sun)
    if setting.mood.name == "storm":
        _thunderheads(setting.part("thunderheads"))
    paint_things(setting, WEATHER)


def _gradient(setting: Setting) -> None:
    height = np.clip(setting.canvas.y[:, 0] / setting.horizon, 0, 1)
    bands = np.transpose(setting.mood.sky)
    column = [np.interp(height, (0, 0.55, 1), band) for band in bands]
    setting.canvas.pixels[:] = np.stack(column, axis=-1)[:, None, :]


def _sun(setting: Setting, sun: Sun) -> None:
    """A pale disc, high by day, in its own light and a wide halo."""
    canvas, x = setting.canvas, setting.light_x
    y = setting.rng.uniform(*sun.high) * setting.horizon
    canvas.glow(x, y, 0.42, sun.halo, 0.45)
    canvas.glow(x, y, 0.18, setting.mood.rim, 0.6)
    disc = canvas.disc(x, y, sun.radius * setting.rng.uniform(0.9, 1.15))
    canvas.lay(disc, mix(setting.mood.rim, WHITE, 0.55))


def _moon(setting: Setting) -> None:
    """A full moon with three dark patches; more of it is larger."""
    canvas, x = setting.canvas, setting.light_x
    y = setting.rng.uniform(0.2, 0.36) * setting.horizon
    radius = 0.035 + 0.045 * setting.amount("moon")
    canvas.glow(x, y, radius * 3.2, MOONLIGHT, 0.5)
    disc = canvas.disc(x, y, radius)
    canvas.lay(disc, MOON)
    frame = Frame(canvas, x, y, radius)
    for dx, dy, size in CRATERS:
        ((at_x, at_y),) = frame.place([(dx, dy)])
        canvas.lay(canvas.disc(at_x, at_y, radius * size) * disc, CRATER)


def _stars(setting: Setting) -> None:
    """One star at most in each field of a chequerboard, so that they spread as real ones seem to.

    None is smaller than four pixels of a 256 px picture: an eightfold VAE keeps nothing finer.
    """
    canvas, rng, sheet = setting.canvas, setting.rng, setting.canvas.shapes()
    share = 0.5 * setting.amount("stars") ** 1.4
    sides = canvas.width, canvas.height
    across, down = (round(side / canvas.unit / STAR_FIELD) for side in sides)
    for row in range(max(1, int(down * setting.horizon * 0.92))):
        for column in range(across):
            if rng.random() > share:
                continue
            x = (column + 0.5 + rng.uniform(-0.3, 0.3)) / across
            y = (row + 0.5 + rng.uniform(-0.3, 0.3)) / down
            size = 0.0078 + 0.006 * rng.random() ** 2
            if rng.random() < 0.3:
                sheet.polygon(canvas.at(x, y, _rays(size)))
            else:
                sheet.ellipse(x, y, size, size)
    canvas.lay(sheet.mask(), STAR)


def _rays(size: float) -> list[Point]:
    """A star with four rays around (0, 0); size in units."""
    reach, waist = 2.3 * size, size * 0.5
    half = [(0, -reach), (waist, -waist), (reach, 0), (waist, waist)]
    return half + [(-dx, -dy) for dx, dy in half]


def _aurora(setting: Setting) -> None:
    """Up to three curtains of light, sharp at their foot and fading upwards."""
    canvas, rng, horizon = setting.canvas, setting.rng, setting.horizon
    amount = setting.amount("aurora")
    for number, tint in enumerate(CURTAINS[: setting.count("aurora", 0.5, 1.5)]):
        foot = (0.42 + 0.12 * number + 0.2 * swell(rng, canvas.width, 0.9)) * horizon
        above = (foot[None, :] - canvas.y) / horizon
        folds = canvas.x * rng.uniform(16, 26) + 4 * swell(rng, canvas.width, 1.2)[None, :]
        curtain = 0.55 + 0.45 * np.sin(folds)
        veil = np.where(above > 0, np.exp(-above / 0.2), np.exp(above / 0.025)) * curtain
        canvas.shine(veil * min(1.0, 0.35 + 0.55 * amount), tint)


def _clouds(setting: Setting) -> None:
    """Heaps with a flat foot, lit from above."""
    canvas, mood, rng = setting.canvas, setting.mood, setting.rng
    for _ in range(max(1, round(3.2 * setting.amount("clouds")))):
        x, y = rng.uniform(0.05, 0.95), rng.uniform(0.12, 0.62) * setting.horizon
        size = rng.uniform(0.07, 0.12)
        sheet, bright = canvas.shapes(), canvas.shapes()
        for along in PUFFS:
            radius = size * (0.75 - 0.3 * abs(along)) * rng.uniform(0.85, 1.15)
            ((at_x, at_y),) = canvas.at(x, y, [(along * size, -radius * 0.5)])
            sheet.ellipse(at_x, at_y, radius, radius)
            bright.ellipse(at_x, at_y - radius * 0.18, radius * 0.85, radius * 0.8)
        foot = [(-1.7 * size, -0.16 * size), (1.65 * size, 0.14 * size)]
        sheet.box(*canvas.at(x, y, foot))
        body = sheet.mask(0.006)
        canvas.lay(body * 0.92, mix(mood.cloud, mood.sky[1], 0.3))
        canvas.lay(bright.mask(0.012) * body * 0.9, mood.cloud)


def _thunderheads(setting: Setting) -> None:
    """Dark patches of cloud, the darkest high above."""
    canvas = setting.canvas
    field = noise(setting.rng, (canvas.height, canvas.width), (2.2, 2.6), 3)
    deep = np.clip(0.5 + 1.3 * field, 0, 1) * np.clip(1.15 - canvas.y / setting.horizon, 0, 1)
    canvas.shade(deep, 0.55)


def _lightning(setting: Setting) -> None:
    """One to three jagged bolts from the top to the horizon, each with one fork, and their glow."""
    canvas, rng, horizon = setting.canvas, setting.rng, setting.horizon
    for _ in range(setting.count("lightning", 0.8, 1.3)):
        x, y = rng.uniform(0.15, 0.85), 0.0
        bolt = [(x, y)]
        while y < horizon:
            y += rng.uniform(0.05, 0.09)
            x += rng.uniform(-0.055, 0.055)
            bolt.append((x, min(y, horizon)))
        sheet = canvas.shapes().line(bolt, 0.016)
        fork = bolt[len(bolt) // 2]
        tip = (fork[0] + setting.way() * 0.12, fork[1] + 0.16)
        middle = ((fork[0] + tip[0]) / 2 + 0.02, (fork[1] + tip[1]) / 2)
        sheet.line([fork, middle, tip], 0.011)
        canvas.shine(sheet.mask(0.03), BOLT_GLOW)
        canvas.lay(sheet.mask(), BOLT)


def _rainbow(setting: Setting) -> None:
    """An arc of six flat bands that rises from the horizon."""
    canvas, rng = setting.canvas, setting.rng
    x, radius = rng.uniform(0.3, 0.7), rng.uniform(0.46, 0.56)
    inwards = (radius - canvas.far(x, setting.horizon + 0.04)) / RAINBOW_WIDTH
    bands = np.round(np.clip(inwards * len(HUES), 0, len(HUES) - 1)).astype(np.intp)
    mask = ((inwards >= 0) & (inwards <= 1)).astype(np.float32)
    canvas.lay(mask * min(0.9, 0.35 + 0.4 * setting.amount("rainbow")), HUES[bands])


def fog(setting: Setting) -> None:
    """Banks of mist around the horizon that swallow what stands in them."""
    canvas, mood, amount = setting.canvas, setting.mood, setting.amount("fog")
    haze = jitter(setting.rng, mix(mood.horizon, mood.lit(FOG), 0.5), 0.02)
    drift = 0.05 * noise(setting.rng, (canvas.height, canvas.width), (1.5, 2.5), 2)
    from_middle = (canvas.y - setting.horizon - 0.06 + drift) / (0.13 + 0.11 * amount)
    band = np.exp(-(from_middle**2))
    canvas.lay(np.clip(band * (0.35 + 0.6 * amount), 0, 0.96), haze)


LIGHTS: Mapping[str, Painter] = {"stars": _stars, "aurora": _aurora, "moon": _moon}
WEATHER: Mapping[str, Painter] = {"clouds": _clouds, "rainbow": _rainbow, "lightning": _lightning}
"""What is painted before and after the sun, the farthest first."""
