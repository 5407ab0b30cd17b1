"""A city of skyscrapers on a river."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from generation.miniature.scenes.brush import Canvas, Colour, colour, jitter, mix
from generation.miniature.scenes.buildings import WARM, Cutouts, lit, mist, panes
from generation.miniature.scenes.moods import Mood

GLASS = ("#5484b4", "#47809e", "#6c84b4", "#587c98")
SKYLIGHT, WATER = colour("#dcf0ff"), colour("#2f5272")
NEON = tuple(colour(code) for code in ("#ff1fa8", "#10dcff", "#8f36ff"))
TOPS = ("flat", "steps", "slant", "mast")
PANE = 0.0105  # half a window's width: less is lost in the latents
PITCH = 0.046


@dataclass(frozen=True, slots=True)
class Row:
    """A row of skyscrapers: heights (shares of the room above the bank), widths in units."""

    tall: tuple[float, float]
    broad: tuple[float, float]
    haze: float
    has_windows: bool = True
    is_near: bool = False


ROWS = (
    Row((0.5, 0.85), (0.08, 0.12), 0.68, has_windows=False),
    Row((0.42, 0.78), (0.11, 0.15), 0.36),
    Row((0.3, 0.64), (0.15, 0.2), 0.0, is_near=True),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A skyscraper in units: its edges, its height, how it ends above, and its glass."""

    left: float
    right: float
    tall: float
    top: str
    glass: Colour

    @property
    def corner(self) -> float:
        """Where its front meets its shaded side."""
        return self.left + 0.66 * (self.right - self.left)


@dataclass(frozen=True, slots=True)
class Sign:
    """A bar of neon: its middle, half its width and height, and its light."""

    x: float
    y: float
    across: float
    up: float
    tint: Colour


def city(canvas: Canvas, mood: Mood, rng: Generator, amounts: Mapping[str, float]) -> None:
    """Paint over the sky: three rows of skyscrapers and a river; knows the amount of "neon"."""
    bank = rng.uniform(0.74, 0.79)
    glass = colour(str(rng.choice(GLASS)))
    near: list[Block] = []
    for row in ROWS:
        near = _draw_row(canvas, row, bank, glass, rng)
        sheet = Cutouts(canvas, 0, bank)
        for block in near:
            _block(sheet, block, row, mood, rng)
        mist(canvas, sheet.lay(), mood, (0.25, bank + 0.05), 0.16 + 0.6 * row.haze)
    signs, phase = _draw_signs(near, rng), rng.uniform(0, 6)
    if "neon" in amounts:
        _neon(canvas, signs, bank, amounts["neon"], 1.7 if mood.is_dark else 0.8)
    _river(canvas, mood, bank, phase)


def _draw_row(canvas: Canvas, row: Row, bank: float, glass: Colour, rng: Generator) -> list[Block]:
    """Side by side from edge to edge; the nearest row is low in the middle."""
    end, room = canvas.width / canvas.unit, bank * canvas.height / canvas.unit
    blocks, left = [], -rng.uniform(0, 0.08)
    while left < end:
        right = left + rng.uniform(*row.broad)
        aside = min(1.0, abs((left + right) / end - 1) * 1.3)
        tall = room * rng.uniform(*row.tall)
        tall *= 0.55 + 0.65 * aside if row.is_near else 1.1 - 0.3 * aside
        blocks.append(Block(left, right, tall, str(rng.choice(TOPS)), jitter(rng, glass, 0.04)))
        left = right + rng.uniform(0, 0.04)
    return blocks


def _block(sheet: Cutouts, block: Block, row: Row, mood: Mood, rng: Generator) -> None:
    """Two faces of glass, a top and the windows."""
    dusk = 0.4 if mood.is_dark else 0.0
    front, side = (
        mix(mix(lit(block.glass, mood, share), mood.sky[0], dusk), mood.horizon, row.haze)
        for share in (0.9, 0.1)
    )
    _top(sheet, block, front, side)
    sheet.box(block.left, -0.02, block.corner, block.tall, front)
    sheet.box(block.corner, -0.02, block.right, block.tall, side)
    if row.has_windows:
        pane = mix(front, SKYLIGHT * mood.ambient, 0.45)
        if mood.is_dark:
            pane = mix(WARM, mood.horizon, 0.6 * row.haze)
        _windows(sheet, block, pane, 0.7 if mood.is_dark else 1.0, rng)


def _top(sheet: Cutouts, block: Block, front: Colour, side: Colour) -> None:
    left, right, tall, corner = block.left, block.right, block.tall, block.corner
    inset, middle = 0.18 * (right - left), (left + right) / 2
    if block.top == "steps":
        sheet.box(left + inset, tall, corner, tall + 0.045, front)
        sheet.box(corner, tall, right - inset, tall + 0.045, side)
    elif block.top == "slant":
        sheet.polygon([(left, tall), (left, tall + 0.07), (corner, tall)], front)
        sheet.polygon([(left, tall + 0.07), (corner, tall), (right, tall)], side)
    elif block.top == "mast":
        sheet.box(middle - inset, tall, middle + inset, tall + 0.03, side)
        sheet.box(middle - 0.008, tall, middle + 0.008, tall + 0.12, side)


def _windows(sheet: Cutouts, block: Block, pane: Colour, share: float, rng: Generator) -> None:
    """Rows of large panes; that share of them is lit."""
    broad = block.right - block.left
    columns = max(2, int((broad - 0.012) / PITCH))
    floors = max(0, int(block.tall / (1.1 * PITCH) - 0.4))
    first = block.left + (broad - (columns - 1) * PITCH) / 2
    places = [
        (first + column * PITCH, block.tall - 0.036 - floor * 1.1 * PITCH)
        for floor, column in np.argwhere(rng.random((floors, columns)) < share).tolist()
    ]
    panes(sheet, places, PANE, pane)


def _draw_signs(blocks: list[Block], rng: Generator) -> list[Sign]:
    """All the signs there may be, each building's at its own heights; a little neon shows few."""
    signs = []
    for block in blocks:
        broad = block.right - block.left
        middle = (block.left + block.right) / 2
        one, other = rng.permutation(len(NEON))[:2].tolist()
        upright = Sign(
            block.corner, (0.62 + rng.uniform(0, 0.1)) * block.tall, 0.017, 0.062, NEON[one]
        )
        lying = Sign(middle, rng.uniform(0.14, 0.34) * block.tall, 0.36 * broad, 0.017, NEON[other])
        signs += [upright, lying]
    return [signs[place] for place in rng.permutation(len(signs)).tolist()]


def _neon(canvas: Canvas, signs: list[Sign], bank: float, amount: float, strength: float) -> None:
    """The signs and the glow around them."""
    sheet = Cutouts(canvas, 0, bank)
    for sign in signs[: round(len(signs) * min(1.0, 0.2 + 0.45 * amount))]:
        left, right = sign.x - sign.across, sign.x + sign.across
        sheet.box(left, sign.y - sign.up, right, sign.y + sign.up, sign.tint)
    sheet.shed(0.05, strength * (0.3 + 0.7 * amount))
    sheet.lay()
    sheet.shed(0.012, 0.25)


def _river(canvas: Canvas, mood: Mood, bank: float, phase: float) -> None:
    """The city upside down, drawn out and darker, with a few broad ripples."""
    shore = round(bank * canvas.height)
    depth = np.arange(canvas.height - shore, dtype=np.float32)
    near = depth / len(depth)
    ripple = 0.012 * canvas.height * np.sin(near * 18 + phase) * near
    mirror = np.zeros((len(depth), canvas.width, 3), np.float32)
    blurs = np.linspace(0, 0.06 * canvas.height, 8)
    for blur in blurs:
        source = np.clip(shore - 1 - 1.6 * depth - ripple - blur, 0, None)
        mirror += canvas.pixels[source.astype(np.intp)] / len(blurs)
    share = (0.2 + 0.4 * near)[:, None, None]
    canvas.pixels[shore:] = mirror + (lit(WATER, mood, 0.3) - mirror) * share
    quay = np.clip(2.5 - np.abs((canvas.y - bank) * canvas.height), 0, 1)
    canvas.shade(np.broadcast_to(quay, canvas.pixels.shape[:2]), 0.45)
