"""What every painter of a part of a scene is given, and the haze that they share."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator, default_rng

from generation.miniature.scenes.brush import Canvas
from generation.miniature.scenes.moods import Mood

FORMS = 3
"""In how many forms each part of a scene is painted.

A small model learns three castles by heart, and never a castle that is different every time. The
forms of a scene's parts are drawn apart, so that scenes still hardly ever repeat.
"""
KNOWN_FORMS = range(FORMS)
"""Their numbers. Any other number is a form too, one that no trainer has seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A scene that is being painted.

    lots: draws each part's form out of forms. rng: of the choices within the part that is being
    painted. amounts: of the things that the scene shows, by name, 0.4 to 1.6.
    horizon: y of the line where land or water meets the sky; light_x: x of sun or moon.
    """

    canvas: Canvas
    mood: Mood
    lots: Generator
    rng: Generator
    amounts: Mapping[str, float]
    horizon: float
    light_x: float
    forms: range = KNOWN_FORMS

    def part(self, name: str) -> "Setting":
        """For painting one part, in one of its forms."""
        form = self.forms[int(self.lots.integers(len(self.forms)))]
        return replace(self, rng=default_rng((zlib.crc32(name.encode()), form)))

    def amount(self, thing: str) -> float:
        """How much of it is seen, 0 for nothing."""
        return self.amounts.get(thing, 0.0)

    def count(self, thing: str, *steps: float) -> int:
        """How many of it are seen: one, and one more from each of these amounts on."""
        return 1 + sum(self.amount(thing) >= step for step in steps)

    def way(self) -> int:
        """To the left (-1) or to the right (1), by lot."""
        return int(self.rng.choice((-1, 1)))


Painter = Callable[[Setting], None]


def paint_things(setting: Setting, painters: Mapping[str, Painter]) -> None:
    """Those of the things that the scene shows, in the table's order."""
    for thing, painter in painters.items():
        if thing in setting.amounts:
            painter(setting.part(thing))


def mist(setting: Setting, foot: float, reach: float, strength: float) -> None:
    """Haze that thins out from a foot line upwards; what is painted later stands before it.

    foot, reach: fractions of the height; strength: its share at the foot and below, 0 to 1.
    """
    canvas = setting.canvas
    above = np.clip((foot - canvas.y) / reach, 0, 1)
    canvas.lay((1 - above) ** 1.5 * strength, setting.mood.horizon)
