"""The painter's tools: a canvas of floats, soft-edged shapes, glows and noise.

Places are fractions of the canvas (x to the right, y downwards); sizes are fractions of its unit,
the side of a square with as many pixels, so that things keep their size in every format.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Field = NDArray[np.float32]  # [height, width], mostly 0 to 1
Colour = NDArray[np.float32]  # [3], sRGB, 0 to 1
Point = tuple[float, float]  # x to the right, y downwards
Points = Iterable[Point]
Outline = Sequence[Point]  # the corners of a polygon, in turn
OVERSAMPLING = 3
WHITE, BLACK = np.ones(3, np.float32), np.zeros(3, np.float32)


def colour(code: str) -> Colour:
    """RGB of "#rrggbb"."""
    return np.frombuffer(bytes.fromhex(code[1:]), np.uint8).astype(np.float32) / 255


def mix(one: Colour, other: Colour, amount: float) -> Colour:
    """`one` at 0, `other` at 1."""
    return (one + (other - one) * np.float32(amount)).astype(np.float32)


def jitter(rng: Generator, of: Colour, by: float = 0.03) -> Colour:
    """A shade near it."""
    return np.clip(of + rng.uniform(-by, by, 3), 0, 1).astype(np.float32)


class Canvas:
    """What is painted so far, and the tools that need a size.

    pixels: [height, width, 3], 0 to 1; x, y: of each pixel's middle, [1, width] and [height, 1];
    unit: in pixels. Masks are Fields, or columns [height, 1] that are the same all across.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.unit = (width * height) ** 0.5
        self.pixels = np.zeros((height, width, 3), np.float32)
        self.x = ((np.arange(width, dtype=np.float32) + 0.5) / width)[None, :]
        self.y = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]

    def lay(self, mask: Field, paint: Colour | Field) -> None:
        """Opaque paint, a colour or a picture [height, width, 3], where the mask is 1."""
        self.pixels += (paint - self.pixels) * mask[..., None]

    def shine(self, light: Field, tint: Colour) -> None:
        """Light upon what is there; it never burns out ("screen")."""
        self.pixels = 1 - (1 - self.pixels) * (1 - np.clip(light, 0, 1)[..., None] * tint)

    def shade(self, mask: Field, by: float) -> None:
        """Darken by that share where the mask is 1."""
        self.pixels *= 1 - by * mask[..., None]

    def far(self, x: float, y: float) -> Field:
        """Each pixel's distance from a place, in units."""
        across = (self.x - x) * (self.width / self.unit)
        down = (self.y - y) * (self.height / self.unit)
        return np.sqrt(across * across + down * down)

    def glow(self, x: float, y: float, radius: float, tint: Colour, strength: float) -> None:
        """A soft light around a place."""
        self.shine(np.exp(-((self.far(x, y) / radius) ** 2)) * strength, tint)

    def disc(self, x: float, y: float, radius: float) -> Field:
        """The mask of a disc with a smooth edge."""
        return np.clip((radius - self.far(x, y)) * self.unit + 0.5, 0, 1)

    def below(self, edge: Field) -> Field:
        """The mask of all that lies under a line; edge: [width], fractions of the height."""
        return np.clip((self.y - edge[None, :]) * self.height + 0.5, 0, 1)

    def at(self, x: float, y: float, offsets: Points, scale: float = 1.0) -> list[Point]:
        """Points given as offsets (in units times scale) around a place, as fractions."""
        across, down = scale * self.unit / self.width, scale * self.unit / self.height
        return [(x + dx * across, y + dy * down) for dx, dy in offsets]

    def shapes(self) -> "Shapes":
        """An empty sheet to draw a mask on."""
        return Shapes(self)


class Shapes:
    """Polygons, lines and ellipses of one mask, smooth by drawing them larger."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        size = canvas.width * OVERSAMPLING, canvas.height * OVERSAMPLING
        self._sheet = Image.new("L", size)
        self._pen = ImageDraw.Draw(self._sheet)

    def _pixels(self, points: Points) -> list[Point]:
        width, height = self._sheet.size
        return [(x * width, y * height) for x, y in points]

    def polygon(self, points: Points) -> "Shapes":
        """An area with corners in fractions of the canvas."""
        self._pen.polygon(self._pixels(points), fill=255)
        return self

    def line(self, points: Points, width: float) -> "Shapes":
        """A stroke through points in fractions of the canvas; width in units."""
        thick = max(1, round(width * self._canvas.unit * OVERSAMPLING))
        self._pen.line(self._pixels(points), fill=255, width=thick, joint="curve")
        return self

    def ellipse(self, x: float, y: float, across: float, down: float) -> "Shapes":
        """Its middle in fractions of the canvas, its half axes in units."""
        corners = self._canvas.at(x, y, [(-across, -down), (across, down)])
        start, end = self._pixels(corners)
        self._pen.ellipse((*start, *end), fill=255)
        return self

    def box(self, start: Point, end: Point) -> "Shapes":
        """A rectangle from its upper left corner to its lower right, in fractions of the canvas."""
        start, end = self._pixels([start, end])
        self._pen.rectangle((*start, *end), fill=255)
        return self

    def mask(self, blur: float = 0.0) -> Field:
        """What was drawn, 0 to 1; blur in units."""
        small = self._sheet.reduce(OVERSAMPLING)
        if blur:
            small = small.filter(ImageFilter.GaussianBlur(blur * self._canvas.unit))
        return np.asarray(small, np.float32) / 255


@dataclass(frozen=True, slots=True)
class Frame:
    """A thing's own coordinates: offsets from (x, y), in units of the canvas times scale.

    way: -1 to mirror it left to right; tilt: how far down it leans per step to the right.
    """

    canvas: Canvas
    x: float
    y: float
    scale: float
    way: int = 1
    tilt: float = 0.0

    def place(self, offsets: Points) -> list[Point]:
        """Where they are, in fractions of the canvas."""
        turned = [(self.way * dx, dy + self.tilt * dx) for dx, dy in offsets]
        return self.canvas.at(self.x, self.y, turned, self.scale)

    def mask(self, *outlines: Outline, blur: float = 0.0) -> Field:
        """Polygons as one mask; blur in units."""
        sheet = self.canvas.shapes()
        for outline in outlines:
            sheet.polygon(self.place(outline))
        return sheet.mask(blur)

    def lay(self, tint: Colour, *outlines: Outline) -> None:
        """Polygons of one colour onto the canvas."""
        self.canvas.lay(self.mask(*outlines), tint)


def noise(rng: Generator, shape: Sequence[int], cells: tuple[float, float], octaves: int) -> Field:
    """Fractal noise, about -1 to 1; cells: how many bumps down and across."""
    height, width = shape
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        lattice = rng.standard_normal([max(2, round(count * 2**octave)) for count in cells])
        layer = Image.fromarray(lattice.astype(np.float32)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        total += np.asarray(layer) * 0.5 ** (octave + 1)
    return total


def crest(rng: Generator, width: int, bumps: float, octaves: int, gain: float) -> Field:
    """A jagged line [width], 0 to 1: straight between ever more, ever smaller peaks."""
    line, x = np.zeros(width), np.linspace(0, 1, width)
    for octave in range(octaves):
        knots = rng.random(max(3, round(bumps * 2**octave) + 2)) * gain**octave
        line += np.interp(x, np.linspace(0, 1, len(knots)), knots)
    return _unit_range(line)


def swell(rng: Generator, width: int, bumps: float) -> Field:
    """A smooth line [width], 0 to 1: three waves, the longest `bumps` * 0.6 times as short."""
    x, line = np.linspace(0, 1, width), np.zeros(width)
    for order in (1, 2, 3):
        line += np.sin(2 * np.pi * (x * bumps * order * 0.6 + rng.random())) / order
    return _unit_range(line)


def _unit_range(line: NDArray[np.float64]) -> Field:
    line = line - line.min()
    return (line / max(float(line.max()), 1e-6)).astype(np.float32)
