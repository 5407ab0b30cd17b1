"""What a picture shows, before it is painted: drawn by lot, the same for the same number."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from generation.spec.world import LIGHTS, PALETTES, PLACES, STYLES

SHAPES = ((256, 256), (256, 256), (320, 192), (192, 320))
"""Width and height of the pictures, taken in turn: half of them square."""
LIGHT_ODDS = (0.24, 0.24, 0.26, 0.14, 0.12)
"""How often each of LIGHTS shines."""
WORLD = 2026
"""Another number draws other scenes."""

ODDS: Mapping[str, Mapping[str, float]] = {
    "snow": {"mountains": 0.45, "forest": 0.4, "castle": 0.35},
    "neon": {"city": 0.55},
    "ship": {"sea": 0.5},
    "lighthouse": {"sea": 0.45},
    "pyramid": {"desert": 0.5},
    "waterfall": {"mountains": 0.2, "forest": 0.15, "elves": 0.6},
    "islands": {"mountains": 0.12, "sea": 0.12, "elves": 0.6},
    "lake": {"mountains": 0.35, "forest": 0.3, "castle": 0.3, "city": 0.3},
}
"""The places where a thing may stand, and how often it does."""
LIGHT_THINGS: Mapping[str, Mapping[str, float]] = {
    "stars": {"night": 0.6},
    "moon": {"night": 0.5},
    "aurora": {"night": 0.25},
    "lightning": {"storm": 0.55},
    "clouds": {"day": 0.45, "sunset": 0.4, "dawn": 0.4},
    "rainbow": {"day": 0.22, "storm": 0.18},
}
"""The lights in which a thing is seen, and how often."""
ANYWHERE: Mapping[str, float] = {"fog": 0.17, "dragon": 0.2, "birds": 0.12, "balloon": 0.14}
"""What is seen in any place and light, and how often."""
FLYING = ("dragon", "birds", "balloon")
"""At most one of these is seen, the first; no balloon rises in a storm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One picture's contents.

    things: amounts by name, 0.4 (a little) to 1.6 (a lot) in steps of 0.2; others are absent.
    strength: how much of its light, 0.4 (faint) to 1.6 (all of it). palette_amount: likewise.
    seed: of the painter's own choices: each part's form, shades, where sun and horizon lie.
    """

    light: str
    place: str
    seed: int
    width: int = 256
    height: int = 256
    strength: float = 1.0
    things: Mapping[str, float] = field(default_factory=dict)
    palette: str | None = None
    palette_amount: float = 1.0
    style: str | None = None
    is_blurred: bool = False

    @property
    def amounts(self) -> dict[str, float]:
        """Every concept of spec.world that this picture shows, with its amount."""
        shown = {self.light: self.strength, self.place: 1.0, **self.things}
        if self.palette:
            shown[self.palette] = self.palette_amount
        if self.style:
            shown[self.style] = 1.0
        if self.is_blurred:
            shown["blur"] = 1.0
        return shown


def draw_scene(number: int) -> Scene:
    """The scene of that number; even millions of them are all different."""
    rng = np.random.default_rng((number, WORLD))
    width, height = SHAPES[number % len(SHAPES)]
    light = str(rng.choice(LIGHTS, p=LIGHT_ODDS))
    place = str(rng.choice(PLACES))
    has_palette, has_style = rng.random() < 0.25, rng.random() < 0.4
    return Scene(
        light=light,
        strength=_amount(rng, 0.4, 1.6) if rng.random() < 0.4 else 1.0,
        place=place,
        things=_draw_things(rng, light, place),
        palette=str(rng.choice(PALETTES)) if has_palette else None,
        palette_amount=_amount(rng, 0.4, 1.4) if rng.random() < 0.5 else 1.0,
        style=str(rng.choice(STYLES)) if has_style else None,
        is_blurred=bool(rng.random() < 0.06),
        width=width,
        height=height,
        seed=int(rng.integers(1 << 31)),
    )


def _draw_things(rng: Generator, light: str, place: str) -> dict[str, float]:
    odds = {name: by_place.get(place, 0.0) for name, by_place in ODDS.items()}
    odds |= {name: by_light.get(light, 0.0) for name, by_light in LIGHT_THINGS.items()}
    odds |= ANYWHERE
    if light == "storm":
        odds["balloon"] = 0.0
    things = {name: _amount(rng, 0.35, 1.7) for name, odd in odds.items() if rng.random() < odd}
    flying = [name for name in FLYING if name in things]
    for name in flying[1:]:
        del things[name]
    if "ship" in things and "lighthouse" in things and rng.random() < 0.5:
        del things["lighthouse"]
    return things


def _amount(rng: Generator, least: float, most: float) -> float:
    """At least half of all amounts are the plain one: a word without a weight means it."""
    return 1.0 if rng.random() < 0.5 else round(float(rng.uniform(least, most)) * 5) / 5
