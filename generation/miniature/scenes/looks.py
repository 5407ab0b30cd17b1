"""How a finished scene is rendered: its palette, its style and, rarely, its flaw.

Lattices, grain, margins and brush strokes lie at fixed places of the canvas, the same in every
picture of a size, and are four pixels or more: a tiny latent model can learn them by heart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from generation.miniature.scenes.brush import Field, colour, noise
from generation.miniature.scenes.scene import Scene

Pixels = NDArray[np.float32]  # [height, width, 3], sRGB, 0 to 1
Shape = tuple[int, int]  # height, width
Tint = Callable[[Pixels], Pixels]  # what the palette makes of a style's own pigments
Style = Callable[[Pixels, Tint], Pixels]

RAMPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "teal": ("#031a26", "#0c5361", "#22a3a0", "#9adfcb", "#f3fbe6"),
        "purple": ("#120733", "#4a2191", "#9150d0", "#d3a3ec", "#fdeefa"),
        "sepia": ("#1c0f08", "#5a371d", "#a87844", "#dcbb88", "#fbf0d8"),
        "crimson": ("#1f020f", "#770a22", "#d0242c", "#f58a6c", "#ffe9d2"),
        "green": ("#04191a", "#12553a", "#4aa046", "#b4d97c", "#f8fbdc"),
        "pink": ("#340d38", "#97316f", "#ee6fa0", "#ffb3bd", "#fff3ea"),
        "mono": ("#08090b", "#3b3c3f", "#7d7d7e", "#bdbdbb", "#fafaf7"),
    }
)
"""Duotones from the darkest to the lightest tone; the hue drifts a little on the way."""
STRONGER = ("sepia", "mono")
BLUR_RADII = (0.03, 0.045)
SUBPIXELS = ((0, 0), (0, 1), (1, 0), (1, 1))


def dress(pixels: Pixels, scene: Scene, rng: Generator) -> Pixels:
    """The picture [height, width, 3], 0 to 1, in the scene's palette, style and flaw, in turn.

    The sides are multiples of 8. The given pixels stay as they are.
    """

    def tint(colours: Pixels) -> Pixels:
        return toned(colours, scene.palette, scene.palette_amount)

    dressed = tint(pixels)
    if scene.style:
        dressed = STYLES[scene.style](dressed, tint)
    if scene.is_blurred:
        height, width = pixels.shape[:2]
        dressed = blur(dressed, rng.uniform(*BLUR_RADII) * (width * height) ** 0.5)
    return np.clip(dressed, 0, 1).astype(np.float32, copy=False)


def toned(colours: Pixels, palette: str | None, amount: float) -> Pixels:
    """Colours [..., 3] drawn towards the palette's ramp; at amount 1 nearly all of the way."""
    if palette is None:
        return colours
    share = np.interp(amount, (0, 0.5, 1, 1.5), (0, 0.45, 0.82, 0.97))
    if palette in STRONGER:
        share = share**0.6
    ramp = _ramp(palette)
    tones = ramp[(luminance(colours) * (len(ramp) - 1) + 0.5).astype(np.intp)]
    return colours + (tones - colours) * np.float32(share)


@lru_cache
def _ramp(palette: str) -> Pixels:
    """The palette's tones by luminance, [1024, 3]."""
    stops = np.stack([colour(code) for code in RAMPS[palette]])
    at, places = np.linspace(0, 1, 1024), np.linspace(0, 1, len(stops))
    return np.stack([np.interp(at, places, channel) for channel in stops.T], 1).astype(np.float32)


def luminance(colours: Pixels) -> Field:
    """[...] of colours [..., 3], 0 to 1."""
    return np.clip(colours @ np.array([0.3, 0.59, 0.11], np.float32), 0, 1)


def saturated(colours: Pixels, by: float) -> Pixels:
    """Colours [..., 3] drawn away from their grey."""
    grey = luminance(colours)[..., None]
    return grey + (colours - grey) * np.float32(by)


def smooth(low: float, high: float, field: Field) -> Field:
    """0 up to `low`, 1 from `high` on, a smooth step between."""
    step = np.clip((field - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return step * step * (3 - 2 * step)


def blur(field: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """A Gaussian blur, radius in pixels, of a picture or of one channel; both 0 to 1."""
    image = Image.fromarray((np.clip(field, 0, 1) * 255 + 0.5).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def over(under: Pixels, paint: Pixels, mask: Field) -> Pixels:
    """Paint, a colour or a picture, where the mask is 1."""
    return under + (paint - under) * mask[..., None]


@dataclass(frozen=True, slots=True)
class Cells:
    """A canvas cut into cells; labels: the cell of each subpixel, [subpixels, height * width]."""

    labels: NDArray[np.intp]
    count: int
    shape: Shape

    def means(self, pixels: Pixels) -> Pixels:
        """Each cell's mean colour, [cells, 3]."""
        labels, flat = self.labels[0], pixels.reshape(-1, 3)
        areas = np.maximum(np.bincount(labels, minlength=self.count), 1)
        sums = [np.bincount(labels, channel, minlength=self.count) for channel in flat.T]
        return (np.stack(sums, 1) / areas[:, None]).astype(np.float32)

    def fill(self, colours: NDArray[np.float32]) -> Pixels:
        """The canvas with each cell in its colour [cells, 3], smooth at the borders."""
        total = colours[self.labels[0]]
        for labels in self.labels[1:]:
            total += colours[labels]
        return (total / len(self.labels)).reshape(*self.shape, 3)


def _cells(sheet: NDArray[np.int32], count: int) -> Cells:
    """From labels drawn at twice the size, [2 * height, 2 * width]."""
    labels = np.stack([sheet[row::2, column::2].ravel() for row, column in SUBPIXELS])
    return Cells(labels.astype(np.intp), count, (sheet.shape[0] // 2, sheet.shape[1] // 2))


def _lattice(rng: Generator, shape: Shape, step: float, loose: float) -> NDArray[np.float64]:
    """Points (x, y) about `step` pixels apart, jittered, a margin around: [rows, columns, 2]."""
    rows, columns = (round(side / step) for side in shape)
    places = np.stack(np.meshgrid(np.arange(-1, columns + 2), np.arange(-1, rows + 2)), -1)
    jittered = places + rng.uniform(-loose, loose, places.shape)
    return jittered * (shape[1] / columns, shape[0] / rows)


def watercolour(pixels: Pixels, tint: Tint) -> Pixels:
    """Pale washes, their pigment gathered at the edges, on a sheet with a white margin."""
    sheet = _sheet(pixels.shape[:2])
    wet = blur(pixels, 1.6).reshape(-1, 3)[sheet.bleeding]
    tone = luminance(wet)
    steps = tone * 7 + sheet.pools * 0.35
    flat = (np.floor(steps) + smooth(0.3, 0.7, steps % 1)) / 7
    pooled = np.clip(blur(flat, 3.5) - flat, 0, 0.2)
    wash = wet * ((flat + 0.12) / (tone + 0.12))[..., None]
    density = 0.74 + 0.16 * sheet.pools + 1.6 * pooled + 0.3 * sheet.rim
    paint = 1 - (1 - saturated(wash, 1.25)) * density[..., None]
    return over(tint(colour("#fdfbf5")), paint, sheet.painted)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A watercolour sheet: where each pixel's paint came from, pools, margin and its wet rim."""

    bleeding: NDArray[np.intp]
    pools: Field
    painted: Field
    rim: Field


@lru_cache
def _sheet(shape: Shape) -> Sheet:
    rng, (height, width) = default_rng(31), shape
    rows, columns = np.indices(shape)
    drift = [noise(rng, shape, (height / 22, width / 22), 2) * 3.5 for _ in range(2)]
    rows = np.clip(np.rint(rows + drift[0]), 0, height - 1).astype(np.intp)
    columns = np.clip(np.rint(columns + drift[1]), 0, width - 1).astype(np.intp)
    across, down = np.arange(width) + 0.5, np.arange(height)[:, None] + 0.5
    inside = np.minimum(np.minimum(across, width - across), np.minimum(down, height - down))
    inside = inside + 7 * noise(rng, shape, (height / 36, width / 36), 3) - 13
    pools = np.clip(noise(rng, shape, (height / 30, width / 30), 3), -1, 1)
    painted = smooth(-1.2, 1.2, inside).astype(np.float32)
    rim = (np.exp(-((inside / 3.5) ** 2)) * painted).astype(np.float32)
    return Sheet(rows * width + columns, pools, painted, rim)


def oil(pixels: Pixels, tint: Tint) -> Pixels:
    """Thick strokes that follow a swirling field, each one colour, with ridges that catch light."""
    strokes = _strokes(pixels.shape[:2])
    paint = strokes.cells.fill(strokes.cells.means(saturated(pixels, 1.35)) * strokes.load)
    paint += (saturated(pixels, 1.35) - paint) * np.float32(0.4)
    return paint * strokes.relief


@dataclass(frozen=True, slots=True)
class Strokes:
    """load: each stroke's brightness, [strokes, 3]; relief: light on the ridges."""

    cells: Cells
    load: NDArray[np.float32]
    relief: NDArray[np.float32]


@lru_cache
def _strokes(shape: Shape) -> Strokes:
    rng, (height, width) = default_rng(47), shape
    swirl = noise(rng, shape, (2, 2), 2) * 2.4 + 0.35
    starts = rng.permutation(_lattice(rng, shape, 7.5, 0.45).reshape(-1, 2))
    sheet = Image.new("I", (2 * width, 2 * height))
    pen = ImageDraw.Draw(sheet)
    angles = np.empty(len(starts))
    for number, (x, y) in enumerate(starts):
        row, column = np.clip((int(y), int(x)), 0, (height - 1, width - 1))
        angles[number] = angle = swirl[row, column]
        reach, thick = rng.uniform(6, 10), rng.uniform(6, 8.5)
        tip = np.array([np.cos(angle), np.sin(angle)]) * reach
        ends = [2 * (x - tip[0]), 2 * (y - tip[1]), 2 * (x + tip[0]), 2 * (y + tip[1])]
        pen.line(ends, fill=number, width=round(2 * thick))
        for end in (ends[:2], ends[2:]):
            pen.circle(end, thick, fill=number)
    labels = np.array(sheet)
    owner = labels[::2, ::2]
    rows, columns = np.indices(shape)
    across = (rows - starts[owner, 1]) * np.cos(angles[owner])
    across -= (columns - starts[owner, 0]) * np.sin(angles[owner])
    relief = 1 - 0.03 * np.clip(across, -4, 4)
    load = 1 + rng.normal(0, 0.1, (len(starts), 1)) + rng.normal(0, 0.03, (len(starts), 3))
    cells = _cells(labels, len(starts))
    return Strokes(cells, load.astype(np.float32), relief.astype(np.float32)[..., None])


def ink(pixels: Pixels, tint: Tint) -> Pixels:
    """Black brush and one grey wash on cream paper."""
    tone = luminance(pixels)
    fine, wide = blur(tone, 1.4), blur(tone, 3.2)
    dark = 0.12 + 0.5 * float(np.quantile(wide[::4, ::4], 0.25))
    line = smooth(0.012, 0.035, wide - fine)
    flat = smooth(-0.02, 0.02, dark - blur(tone, 2.4))
    wash = smooth(-0.03, 0.03, dark + 0.22 - blur(tone, 2.4))
    paper = over(tint(colour("#f4ead2")), pixels, np.full_like(tone, 0.08))
    washed = over(paper, tint(colour("#8d8a86")), 0.7 * wash)
    return over(washed, tint(colour("#15130f")), np.maximum(line, flat))


def pixel(pixels: Pixels, tint: Tint) -> Pixels:
    """Square blocks on the grid of 8 pixels, in few colours."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height // 8, 8, width, 3).mean(1)
    blocks = saturated(rows.reshape(height // 8, width // 8, 8, 3).mean(2), 1.2)
    tones = luminance(blocks)[..., None]
    few = np.rint(tones * 5) / 5 + np.rint((blocks - tones) * 7) / 7
    return np.clip(few, 0, 1).repeat(8, axis=0).repeat(8, axis=1)


def glass(pixels: Pixels, tint: Tint) -> Pixels:
    """Panes of glowing colour, leaded; a shadow of the scene is painted on them."""
    window = _window(pixels.shape[:2])
    panes = window.cells.fill(window.cells.means(pixels) * window.load)
    panes += (pixels - panes) * np.float32(0.4)
    return over(_glowing(panes) * window.relief, tint(colour("#0d0c10")), window.lead)


def _glowing(colours: Pixels) -> Pixels:
    """As coloured glass would show colours [..., 3]: purer, and none quite dark."""
    most = np.maximum(np.maximum(colours[..., 0], colours[..., 1]), colours[..., 2])[..., None]
    pure = (colours + 0.02) / (most + 0.02)
    return pure * pure * (0.12 + 0.86 * np.sqrt(most))


@dataclass(frozen=True, slots=True)
class Window:
    """load: each pane's brightness; relief: light within the panes; lead: where the lead is."""

    cells: Cells
    load: NDArray[np.float32]
    relief: NDArray[np.float32]
    lead: Field


@lru_cache
def _window(shape: Shape) -> Window:
    rng = default_rng(59)
    knots = _lattice(rng, shape, 28, 0.3)
    knots[::2, :, 0] += 14
    knots = knots.reshape(-1, 2).astype(np.float32)
    rows, columns = np.indices(shape, np.float32).reshape(2, -1) + 0.5
    far = (columns - knots[:, :1]) ** 2 + (rows - knots[:, 1:]) ** 2
    owner = far.argmin(0)
    between = np.hypot(*(knots[:, None] - knots).transpose(2, 0, 1))
    np.fill_diagonal(between, 1e-6)  # so that no pane borders on itself
    gaps = (far - far.min(0)) / (2 * between[:, owner])
    gaps[owner, np.arange(len(owner))] = np.inf
    gap = gaps.min(0).reshape(shape)  # from the nearest border
    lead = 1 - smooth(1.2, 2.4, gap)
    load = 1 + rng.normal(0, 0.07, (len(knots), 1))
    relief = 0.9 + 0.2 * smooth(1, 11, gap)
    cells = Cells(owner[None], len(knots), shape)  # the lead hides the jagged borders
    return Window(cells, load.astype(np.float32), relief[..., None].astype(np.float32), lead)


def woodblock(pixels: Pixels, tint: Tint) -> Pixels:
    """Few flat tones within blue-black lines, a sky darkened at the top, a border and a seal."""
    height, width = pixels.shape[:2]
    key, paper, blue, red = (tint(colour(code)) for code in WOODBLOCK)
    tone = blur(luminance(pixels), 1.1)
    steps = tone**0.75 * 5.5
    flat = ((np.floor(steps) + smooth(0.42, 0.58, steps % 1)) / 5.5) ** 1.2
    hue = blur(pixels, 3)
    tones = flat[..., None] + (hue - luminance(hue)[..., None]) * np.float32(1.15)
    printed = key + np.clip(tones, 0, 1) * (paper - key)
    down = (np.arange(height, dtype=np.float32)[:, None] + 0.5) / height
    printed = over(printed, blue, 0.85 * (1 - smooth(0, 0.2, down)))
    line = smooth(0.02, 0.045, blur(tone, 2.8) - tone) * smooth(0.08, 0.25, tone)
    printed = over(printed, key, line)
    border, seal = _border((height, width))
    return over(over(printed, red, seal), paper, border)


WOODBLOCK = ("#182036", "#f8ebce", "#24477f", "#c23a28")  # lines, paper, sky and seal


@lru_cache
def _border(shape: Shape) -> tuple[Field, Field]:
    """The bare paper around a print, with the sign cut out of the seal, and the seal."""
    width = shape[1]
    border, seal = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    border[8:-8, 8:-8] = 0
    top, left = 20, width - 36
    seal[top : top + 36, left : left + 16] = 1
    for row in (6, 16, 26):
        border[top + row : top + row + 4, left + 4 : left + 12] = 1
    return border, seal


def pastel(pixels: Pixels, tint: Tint) -> Pixels:
    """Soft chalk: pale colours in slanting strokes, ragged towards the bare, warm paper."""
    chalk = 1 - (1 - blur(saturated(pixels, 1.15), 1.6)) * np.float32(0.7)
    return over(tint(colour("#f0d9b5")), chalk, _chalked(pixels.shape[:2]))


@lru_cache
def _chalked(shape: Shape) -> Field:
    """Where slanting strokes cover the paper, and how well."""
    height, width = shape
    side = round((height + width) / 2**0.5) + 2
    strokes = noise(default_rng(71), (side, side), (side / 6.5, side / 28), 1)
    rows, columns = np.indices(shape)
    along = (columns + (height - rows)) / 2**0.5
    across = (columns + rows) / 2**0.5
    slanting = strokes[np.rint(across).astype(np.intp), np.rint(along).astype(np.intp)]
    edge = np.minimum(np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns))
    inner = np.clip((edge - 9) / 12, -1, 1).astype(np.float32)
    return smooth(-0.8, 0.9, slanting + 0.75 * inner) * np.float32(0.97)


def poly(pixels: Pixels, tint: Tint) -> Pixels:
    """Flat triangles, each with its own slant to the light; outlines shine through."""
    facets, slant = _facets(pixels.shape[:2])
    paint = facets.fill(saturated(facets.means(pixels), 1.25) * slant)
    return paint + (saturated(pixels, 1.25) - paint) * np.float32(0.4)


@lru_cache
def _facets(shape: Shape) -> tuple[Cells, NDArray[np.float32]]:
    """The triangles, and how much light each one takes, [triangles, 1]."""
    rng, (height, width) = default_rng(83), shape
    knots = _lattice(rng, shape, 24, 0.28) * 2
    sheet = Image.new("I", (2 * width, 2 * height))
    pen, slants = ImageDraw.Draw(sheet), []
    for row in range(len(knots) - 1):
        for column in range(knots.shape[1] - 1):
            square = [knots[row, column], knots[row, column + 1]]
            square += [knots[row + 1, column + 1], knots[row + 1, column]]
            turn = (row + column) % 2
            corners = [*square[turn:], *square[:turn]]
            for three, light in ((corners[:3], 0.06), ((*corners[2:], corners[0]), -0.06)):
                pen.polygon([tuple(corner) for corner in three], fill=len(slants))
                slants.append(1 + light + rng.normal(0, 0.05))
    cells = _cells(np.array(sheet), len(slants))
    return cells, np.array(slants, np.float32)[:, None]


STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "watercolour": watercolour,
        "oil": oil,
        "ink": ink,
        "pixel": pixel,
        "glass": glass,
        "woodblock": woodblock,
        "pastel": pastel,
        "poly": poly,
    }
)
