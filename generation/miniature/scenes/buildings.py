"""What castles, cities and elves are built of: coloured cut-outs, lit from the left."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from generation.miniature.scenes.brush import (
    OVERSAMPLING,
    Canvas,
    Colour,
    Field,
    Points,
    colour,
    mix,
)
from generation.miniature.scenes.moods import Mood

COARSE = 4  # how much smaller soft light is computed
WARM = colour("#ffd27a")
ROUND = (0.55, 0.95, 1.0, 0.75, 0.45, 0.2)
"""How much light each strip of a round tower catches, from its left edge to its right."""


def lit(local: Colour, mood: Mood, share: float) -> Colour:
    """A local colour in that light: in the shade at 0, facing the light at 1."""
    shown = local * mood.ambient * np.float32(0.55 + 0.45 * share)
    rim = mood.rim * np.float32(0.24 * share * float(mood.ambient.mean()) ** 0.5)
    seen: Colour = np.clip(1 - (1 - shown) * (1 - rim), 0, 1).astype(np.float32)
    return seen


def white(local: Colour, mood: Mood, share: float) -> Colour:
    """The same for snow and marble: they stay pale, or nobody would know them."""
    ambient = mix(mood.ambient, np.full(3, mood.ambient.max(), np.float32), 0.6) ** 0.6
    return np.clip(local * ambient * np.float32(0.8 + 0.3 * share), 0, 1)


class Cutouts:
    """Coloured shapes, the later over the earlier, laid on the canvas in one go.

    Points are offsets from a place of the canvas, in its units times scale; y points UPWARDS.
    """

    def __init__(self, canvas: Canvas, x: float, y: float, scale: float = 1.0) -> None:
        width, height = canvas.width * OVERSAMPLING, canvas.height * OVERSAMPLING
        self._canvas = canvas
        self._left, self._base = x * width, y * height
        self._step = scale * canvas.unit * OVERSAMPLING
        # Not "RGBA": what is reduced stays premultiplied, without slow conversions.
        self._sheet = Image.new("RGBX", (width, height))
        self._pen = ImageDraw.Draw(self._sheet)

    def polygon(self, points: Points, tint: Colour) -> None:
        self._pen.polygon(
            [(self._left + x * self._step, self._base - y * self._step) for x, y in points],
            fill=_ink(tint),
        )

    def box(self, left: float, bottom: float, right: float, top: float, tint: Colour) -> None:
        self.polygon([(left, bottom), (left, top), (right, top), (right, bottom)], tint)

    def ellipse(self, x: float, y: float, across: float, down: float, tint: Colour) -> None:
        """Half axes in units times scale."""
        left, right = (self._left + (x + side * across) * self._step for side in (-1, 1))
        top, bottom = (self._base - (y + side * down) * self._step for side in (1, -1))
        self._pen.ellipse((left, top, right, bottom), fill=_ink(tint))

    def column(
        self,
        x: float,
        halves: tuple[float, float],
        ends: tuple[float, float],
        tints: Sequence[Colour],
    ) -> None:
        """A round shaft or cone in strips; half widths and heights at its foot and its top."""
        (foot, head), (bottom, top) = halves, ends
        edges = np.linspace(-1, 1, len(tints) + 1)
        for left, right, tint in zip(edges, edges[1:], tints, strict=False):
            self.polygon(
                [
                    (x + left * foot, bottom),
                    (x + left * head, top),
                    (x + right * head, top),
                    (x + right * foot, bottom),
                ],
                tint,
            )

    def arch(self, x: float, y: float, half: float, tall: float, tint: Colour) -> None:
        """A window or a gate with a round head; y: its foot."""
        self.box(x - half, y, x + half, y + tall - half, tint)
        self.ellipse(x, y + tall - half, half, half, tint)

    def lay(self) -> Field:
        """Put them on the canvas; returns the mask of all of them."""
        small = self._sheet.reduce(OVERSAMPLING)
        mask = np.zeros((self._canvas.height, self._canvas.width), np.float32)
        if bounds := small.getbbox():
            left, top, right, bottom = bounds
            within = slice(top, bottom), slice(left, right)
            picture = np.asarray(small.crop(bounds), np.float32) / 255
            mask[within] = picture[..., 3]
            self._canvas.pixels[within] *= 1 - picture[..., 3:]
            self._canvas.pixels[within] += picture[..., :3]
        return mask

    def shed(self, radius: float, strength: float) -> None:
        """Let them throw light of their colours around; radius in units."""
        small = self._sheet.reduce(OVERSAMPLING * COARSE).convert("RGB")
        small = small.filter(ImageFilter.GaussianBlur(radius * self._canvas.unit / COARSE))
        size = self._canvas.width, self._canvas.height
        light = np.asarray(small.resize(size, Image.Resampling.BILINEAR), np.float32)
        dimmed = 1 - np.clip(light * np.float32(strength / 255), 0, 1)
        self._canvas.pixels = 1 - (1 - self._canvas.pixels) * dimmed


def shades(local: Colour, mood: Mood) -> list[Colour]:
    """The strips of a round shaft or cone."""
    return [lit(local, mood, share) for share in ROUND]


def mist(canvas: Canvas, mask: Field, mood: Mood, rise: tuple[float, float], amount: float) -> None:
    """Haze upon what the mask shows: none at rise[0], that amount at rise[1] (y, fractions)."""
    top, foot = rise
    rows = slice(round(top * canvas.height), None)
    depth = np.clip((canvas.y[rows] - top) / (foot - top), 0, 1)
    share = (mask[rows] * depth * depth * np.float32(amount))[..., None]
    canvas.pixels[rows] += (mood.horizon - canvas.pixels[rows]) * share


def range_of_hills(
    canvas: Canvas, line: Field, rock: Colour, mood: Mood, haze: tuple[float, float]
) -> None:
    """All below a line [width]; haze: its share at the line's top and a quarter further down."""
    top = float(line.min())
    share = np.clip((canvas.y - top) / 0.25, 0, 1)[..., None]
    column = rock + (mood.horizon - rock) * (haze[0] + (haze[1] - haze[0]) * share)
    canvas.lay(canvas.below(line), column.astype(np.float32).repeat(canvas.width, axis=1))


def panes(sheet: Cutouts, places: Points, half: float, tint: Colour) -> None:
    """Upright windows around these places, a little higher than broad."""
    for x, y in places:
        sheet.box(x - half, y - 1.2 * half, x + half, y + 1.2 * half, tint)


def _ink(tint: Colour) -> tuple[int, ...]:
    return (*(tint * 255 + 0.5).astype(np.uint8).tolist(), 255)
