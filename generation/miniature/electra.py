"""Paint "Electra", the style reference: a star of the Pleiades over a mountain lake.

numpy and Pillow only; no model and no other picture takes part. Lengths are fractions of the
side, and only the grain draws more numbers for a larger picture: every size shows the same scene.
"""

import argparse
import cmath
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Field = NDArray[np.float32]  # [side, side] or what broadcasts to it, mostly 0 to 1
Canvas = NDArray[np.float32]  # [side, side, 3] or one colour [3], sRGB, 0 to 1

PATH = Path(__file__).resolve().parents[2] / "reference" / "electra_ref.png"
HORIZON = 0.67
DAWN = 0.63  # where on the horizon the amber light stands

# Right ascension and declination in degrees (J2000), and the brightness painted, 0 to 1.
# In the sky Alcyone is the brightest; the picture is Electra's.
PLEIADES = {
    "Electra": (56.219, 24.113, 1.0),
    "Alcyone": (56.871, 24.105, 0.72),
    "Atlas": (57.291, 24.053, 0.52),
    "Maia": (56.457, 24.368, 0.54),
    "Merope": (56.582, 23.948, 0.48),
    "Taygeta": (56.302, 24.467, 0.44),
    "Pleione": (57.297, 24.137, 0.3),
    "Celaeno": (56.201, 24.289, 0.26),
    "Asterope": (56.477, 24.555, 0.22),
}


def paint(size: int = 1024, seed: int = 4) -> Image.Image:
    """The whole picture, [size, size] RGB: all that has edges is drawn at twice the size."""
    rng = np.random.default_rng(seed)
    strokes = brushwork(rng, size)
    canvas = nebula(sky(strokes), rng, strokes).repeat(2, axis=0).repeat(2, axis=1)
    stars(canvas, rng)
    mountains(canvas, rng)
    water(canvas, rng)
    canvas = shore(canvas, rng)
    return varnish(canvas.reshape(size, 2, size, 2, 3).mean(axis=(1, 3)), rng)


def colour(code: str) -> Canvas:
    """RGB [3], 0 to 1, of "#rrggbb"."""
    return np.frombuffer(bytes.fromhex(code[1:]), np.uint8).astype(np.float32) / 255


def mix(under: Canvas, over: Canvas, amount: Field) -> Canvas:
    """Paint laid over paint; where amount is 0 all of what is under it stays."""
    return under + (over - under) * np.clip(amount, 0, 1)[..., None]


def shine(under: Canvas, light: Field, code: str) -> Canvas:
    """Light upon paint; it never burns out (the "screen" of painting programs)."""
    return 1 - (1 - under) * (1 - np.clip(light, 0, 1)[..., None] * colour(code))


def axes(side: int) -> tuple[Field, Field]:
    """x [1, side] from the left and y [side, 1] from the top, 0 to 1, at the pixels' centres."""
    steps = ((np.arange(side) + 0.5) / side).astype(np.float32)
    return steps[None, :], steps[:, None]


def noise(rng: Generator, shape: tuple[int, int], cells: tuple[int, int], octaves: int) -> Field:
    """Fractal noise [shape] around 0, nearly all within -1 to 1; cells are (down, across)."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        lattice = rng.standard_normal([count << octave for count in cells], np.float32)
        layer = Image.fromarray(lattice).resize(shape[::-1], Image.Resampling.BICUBIC)
        total += np.asarray(layer) * 0.5 ** (octave + 1)
    return total


def cluster() -> list[tuple[float, float, float]]:
    """x, y and brightness of the Pleiades on the canvas, tilted as when they rise."""
    turn = cmath.rect(0.47, -0.3)
    sky_map = [(complex(0.912 * (56.7 - a), 24.2 - d) * turn, b) for a, d, b in PLEIADES.values()]
    return [(0.48 + at.real, 0.24 + at.imag, brightness) for at, brightness in sky_map]


def brushwork(rng: Generator, side: int) -> Field:
    """Strokes that turn around the stars and settle towards the horizon, about -1 to 1.

    Noise is drawn out along the contours of a landscape in which each star is a well (line
    integral convolution; Cabral and Leedom, 1993).
    """
    x, y = axes(side)
    wells = 0.22 * noise(rng, (side, side), (3, 3), 3) + 9 * np.clip(y - 0.3, 0, 1) ** 2
    for star_x, star_y, brightness in cluster():
        wells += brightness**2 * np.log((x - star_x) ** 2 + (y - star_y) ** 2 + 0.0006)
    down, across = np.gradient(wells)
    steps = side * 0.0016 * np.stack([-across, down]) / (np.hypot(down, across) + 1 / side)
    bristles = noise(rng, (side, side), (110, 110), 3)
    strokes = np.zeros((side, side), np.float32)
    for way in (-1, 1):
        at = np.indices((side, side), np.float32)
        for _ in range(18):
            row, column = np.rint(at).astype(np.intp)
            strokes += bristles[row, column]
            at = np.clip(at + way * steps[:, row, column], 0, side - 1)
    return strokes / (2.5 * strokes.std())


def sky(strokes: Field) -> Canvas:
    """Indigo that turns violet towards the horizon, and the amber light upon it."""
    x, y = axes(len(strokes))
    bands = [colour(code) for code in ("#07052a", "#150e78", "#3420b8", "#6340dc", "#a070e8")]
    height, places = y / HORIZON + 0.1 * strokes, (0, 0.25, 0.55, 0.82, 1.05)
    channels = [np.interp(height, places, channel) for channel in np.transpose(bands)]
    canvas = np.stack(channels, axis=-1).astype(np.float32)
    above = np.clip(HORIZON - y + 0.02 * strokes, 0, 1)
    for code, width, rise, strength in [
        ("#c8409a", 0.42, 0.15, 0.8),
        ("#ff7a3a", 0.3, 0.085, 0.85),
        ("#ffb445", 0.22, 0.065, 1.0),
        ("#fff0b8", 0.1, 0.04, 0.9),
    ]:
        light = np.exp(-(((x - DAWN) / width) ** 2) - above / rise)
        canvas = mix(canvas, colour(code), light * strength)
    return canvas * (1 + 0.13 * strokes[..., None])


def nebula(canvas: Canvas, rng: Generator, strokes: Field) -> Canvas:
    """The veil of dust around the stars: blue where they light it, violet beyond."""
    x, y = axes(len(canvas))
    drift, veil = noise(rng, strokes.shape, (3, 4), 5), np.zeros_like(strokes)
    for star_x, star_y, brightness in cluster():
        distance2 = (x - star_x + 0.025 * drift) ** 2 + (y - star_y - 0.025 * drift) ** 2
        veil += brightness / (1 + distance2 / 0.003)
    veil *= np.clip(0.6 + 0.7 * drift + 0.5 * strokes, 0, 2)
    haze = np.clip(0.25 + drift + 0.3 * strokes, 0, 1) * np.clip(0.75 - y, 0, 1)
    canvas = shine(canvas, 0.5 * haze, "#8a2cff")
    canvas = shine(canvas, 0.6 * veil, "#3f5cff")
    return shine(canvas, 0.3 * veil**2, "#a8ccff")


def stars(canvas: Canvas, rng: Generator) -> None:
    """A dust of faint stars, then the Pleiades."""
    for x, y, light in rng.random((650, 3)).tolist():
        star(canvas, x, 0.62 * y, 0.25 + 0.75 * light**8, 0.004 + 0.01 * light**6)
    for x, y, brightness in cluster():
        star(canvas, x, y, brightness**0.3, 0.03 + 0.12 * brightness)


def star(canvas: Canvas, at_x: float, at_y: float, brightness: float, reach: float) -> None:
    """One star: a core, a halo and faint rays, all within its reach."""
    x, y = axes(len(canvas))
    columns, rows = np.abs(x[0] - at_x) < reach, np.abs(y[:, 0] - at_y) < reach
    dx, dy = (x[:, columns] - at_x) / reach, (y[rows] - at_y) / reach
    distance2 = dx**2 + dy**2
    fade = np.clip(1 - distance2, 0, 1) ** 2 * brightness
    core = 1.5 * np.exp(-distance2 / 0.005)
    rays = 0.6 * np.exp(-np.abs(dx * dy) / 0.002 - np.sqrt(distance2) / 0.3)
    halo = 0.5 / (1 + distance2 / 0.02)
    lit = shine(canvas[np.ix_(rows, columns)], (core + rays + halo) * fade, "#b4c8ff")
    canvas[np.ix_(rows, columns)] = shine(lit, core * fade, "#ffffff")


def ridge(rng: Generator, side: int, peaks: list[tuple[float, float, float]]) -> Field:
    """The height of a crest over the horizon, [side]; peaks are (x, height, half width)."""
    x = axes(side)[0][0]
    slopes = [tall * np.clip(1 - np.abs(x - at) / width, 0, 1) ** 1.4 for at, tall, width in peaks]
    crest, jags = np.max(slopes, axis=0), np.zeros(side, np.float32)
    for octave in range(6):
        knots = rng.uniform(-1, 1, 17 << octave) * 0.58**octave
        jags += np.interp(x, np.linspace(0, 1, len(knots)), knots).astype(np.float32)
    return crest + jags * np.clip(0.12 * crest, 0, 0.02)


def mountains(canvas: Canvas, rng: Generator) -> None:
    """Four ranges, each darker than the one behind, with mist at their feet."""
    strip = canvas[round(0.35 * len(canvas)) : round(HORIZON * len(canvas))]
    for rock, foot, *peaks in [
        ("#4a35c0", "#9a62dc", (0.02, 0.16, 0.3), (0.4, 0.13, 0.2), (0.95, 0.17, 0.3)),
        ("#241a8a", "#7a4ed0", (0.2, 0.27, 0.31), (0.05, 0.19, 0.2), (1.0, 0.16, 0.2)),
        ("#15105c", "#5c3cc4", (-0.02, 0.16, 0.27), (0.83, 0.11, 0.13), (0.97, 0.22, 0.22)),
        ("#0a0834", "#33238a", (0.0, 0.055, 0.33), (1.0, 0.06, 0.22)),
    ]:
        strip[:] = mountain(strip, rng, ridge(rng, len(canvas), peaks), rock, foot)


def mountain(strip: Canvas, rng: Generator, crest: Field, rock: str, foot: str) -> Canvas:
    """One range; its snow is amber on the flanks that see the dawn and blue on the others.

    strip: the rows that end at the horizon, [rows, side, 3].
    """
    shape = rows, side = strip.shape[:2]
    x, above = axes(side)[0], (np.arange(rows, 0, -1, np.float32)[:, None] - 0.5) / side
    depth = crest - above
    gullies = noise(rng, shape, (5, 24), 5)
    slope = np.interp(x[0] + 0.003, x[0], crest) - np.interp(x[0] - 0.003, x[0], crest)
    spurs = sum(np.interp(x + lean * depth + 0.012 * gullies, x[0], slope) for lean in (-0.55, 0.3))
    facing = np.tanh(115 * spurs.astype(np.float32) * np.tanh((x - DAWN) * 9) + 0.5 * gullies)
    near = np.exp(-(((x - DAWN) / 0.33) ** 2))
    body = mix(colour(rock), colour(foot), np.clip(depth / 0.25, 0, 1) ** 1.6 * 0.8)
    body *= (1 + 0.1 * gullies + 0.25 * facing)[..., None]
    snow = np.clip((0.68 * crest - 0.042 - depth + 0.04 * (gullies + facing)) / 0.02, 0, 1)
    amber = np.clip(facing, 0, 1) * (0.12 + 0.88 * near)
    body = shine(body, snow * (0.16 + 0.24 * np.clip(-facing, 0, 1)), "#6064ff")
    body = shine(body, (0.04 + 0.62 * snow) * amber, "#ff7a4c")
    wisps = np.clip(0.7 + 0.6 * noise(rng, shape, (8, 3), 4), 0, 1.3)
    mist = np.exp(-((above / 0.04) ** 2)) * wisps * np.clip(crest / 0.03, 0, 0.6)
    strip = mix(strip, body, depth * side + 0.5)
    return mix(strip, mix(colour(foot), colour("#e8789a"), near), mist)


def water(canvas: Canvas, rng: Generator) -> None:
    """The lake below the horizon: the scene upside down, rippled, with a path of amber."""
    side, shoreline = len(canvas), round(HORIZON * len(canvas))
    x, near = axes(side)[0], np.linspace(0, 1, side - shoreline, dtype=np.float32)[:, None]
    waves = noise(rng, (side, side), (48, 7), 5)
    ripple = waves[np.rint(np.sqrt(near[:, 0]) * (side - 1)).astype(np.intp)]
    depth = 1.5 * near * (side - shoreline) - ripple * (0.004 + 0.04 * near) * side
    source = np.clip(shoreline - 1 - depth, 0, shoreline - 2)
    row, column = source.astype(np.intp), np.arange(side)
    mirror = mix(canvas[row, column], canvas[row + 1, column], source - row)
    lake = mix(mirror, colour("#120a5c"), 0.22 + 0.3 * near) * (0.95 + 0.2 * ripple[..., None])
    path = np.exp(-(((x - DAWN) / (0.03 + 0.1 * near)) ** 2))
    lake = shine(lake, 0.45 * path * (1 - near), "#ff7a40")
    glitter = np.clip((ripple - 0.02) * 2.5, 0, 1) * (0.95 - 0.48 * near)
    canvas[shoreline:] = shine(lake, glitter * path, "#ffc050")


def shore(canvas: Canvas, rng: Generator) -> Canvas:
    """Pines on two dark banks in the foreground."""
    side = 2 * len(canvas)
    draw = ImageDraw.Draw(drawing := Image.new("L", (side, side)))
    x = np.linspace(0, 1, 200)
    bank = 1.03 - 0.3 * np.abs(x - 0.56) ** 1.6 + rng.uniform(-0.002, 0.002, 200)
    draw.polygon([0, 2 * side, *(np.stack([x, bank], 1) * side).flat, side, 2 * side], fill=255)
    for place in rng.random(64).tolist():
        tall = (0.015 + 0.62 * abs(place - 0.56) ** 1.8) * rng.uniform(0.5, 1.1)
        foot = float(np.interp(place, x, bank)) + 0.01
        for tier in np.linspace(0, tall, 14).tolist():  # downwards, wider and looser
            left, right = (0.02 * tall + 0.17 * tier) * rng.uniform(0.7, 1.15, 2)
            top, base = foot - 1.05 * tall + tier, foot - 0.93 * tall + tier
            bough = np.array([place, top, place - left, base, place + right, base])
            draw.polygon((bough * side).tolist(), fill=255)
    return mix(canvas, colour("#060420"), np.asarray(drawing.reduce(2), np.float32) / 255)


def varnish(canvas: Canvas, rng: Generator) -> Image.Image:
    """Darker corners, and a grain that also hides the steps of eight bits."""
    x, y = axes(len(canvas))
    corners = (2 * (x - 0.5) ** 2 + 2 * (y - 0.5) ** 2) ** 1.5
    grain = rng.standard_normal((*corners.shape, 1), np.float32) * 0.008
    painted = canvas * (1 - 0.35 * corners)[..., None] + grain
    return Image.fromarray((np.clip(painted, 0, 1) * 255 + 0.5).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description='Paint "Electra", the style-reference picture.')
    parser.add_argument(
        "path", nargs="?", type=Path, default=PATH, help="PNG; default: %(default)s"
    )
    paint().save(parser.parse_args().path, format="PNG", optimize=True)


if __name__ == "__main__":
    main()
