"""The five lights: what they make of the sky, and of every colour under it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from generation.miniature.scenes.brush import WHITE, Colour, colour, jitter, mix
from generation.miniature.scenes.scene import Scene

SNOW = colour("#f7faff")


@dataclass(frozen=True, slots=True)
class Sun:
    """radius: of its disc, in units; high: between which shares of the sky it stands, from above.

    halo: the colour of the air around it.
    """

    radius: float
    high: tuple[float, float]
    halo: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood:
    """One light. sky: from the zenith to the horizon, three colours.

    ambient: what a white wall looks like under it; every local colour is multiplied by it.
    rim: the light's own colour; cloud: of the clouds' bodies; sun: None where it is hidden.
    is_dark: windows are lit.
    """

    name: str
    sky: tuple[Colour, Colour, Colour]
    ambient: Colour
    rim: Colour
    cloud: Colour
    is_dark: bool
    sun: Sun | None = None

    @property
    def horizon(self) -> Colour:
        """The haze that distance fades into."""
        return self.sky[2]

    @property
    def facing(self) -> Colour:
        """What a white wall looks like that faces the light."""
        return self.rim * self.ambient

    @property
    def snow(self) -> Colour:
        """White under this light, never quite as dark as rock is."""
        return mix(self.lit(SNOW), WHITE, 0.42)

    def lit(self, local: Colour) -> Colour:
        """A thing's own colour under this light."""
        return np.clip(local * self.ambient, 0, 1).astype(np.float32)

    def bright(self, local: Colour, own: float) -> Colour:
        """A gaudy thing's colour, of which it keeps that share whatever the light."""
        return mix(self.lit(local), local, own)

    def hazy(self, local: Colour, haze: float) -> Colour:
        """A thing's own colour under this light, that far on the way to the horizon's haze."""
        return mix(self.lit(local), self.horizon, haze)


MOODS: Mapping[str, Mood] = {
    mood.name: mood
    for mood in (
        Mood(
            name="day",
            sky=(colour("#2f7fd6"), colour("#7fbcf0"), colour("#d8ecf7")),
            ambient=colour("#ffffff"),
            rim=colour("#fffbe0"),
            cloud=colour("#ffffff"),
            is_dark=False,
            sun=Sun(0.05, (0.12, 0.3), halo=colour("#fffbe0")),
        ),
        Mood(
            name="sunset",
            sky=(colour("#3f2a72"), colour("#d9553f"), colour("#ffc55c")),
            ambient=colour("#d98a70"),
            rim=colour("#ffd27a"),
            cloud=colour("#f2806a"),
            is_dark=True,
            sun=Sun(0.085, (0.62, 0.86), halo=colour("#ff9a3c")),
        ),
        Mood(
            name="night",
            sky=(colour("#050a26"), colour("#0e1b4a"), colour("#27407c")),
            ambient=colour("#3a4778"),
            rim=colour("#dfe8ff"),
            cloud=colour("#22325e"),
            is_dark=True,
        ),
        Mood(
            name="dawn",
            sky=(colour("#6f8fd0"), colour("#d3a6cf"), colour("#ffd9c4")),
            ambient=colour("#d5bccf"),
            rim=colour("#fff0dc"),
            cloud=colour("#fbe0e6"),
            is_dark=False,
            sun=Sun(0.06, (0.62, 0.86), halo=colour("#fff0dc")),
        ),
        Mood(
            name="storm",
            sky=(colour("#23272f"), colour("#474e59"), colour("#79828c")),
            ambient=colour("#6f7884"),
            rim=colour("#c9d6ff"),
            cloud=colour("#31363f"),
            is_dark=True,
        ),
    )
}
PLAIN_SKY = (colour("#5f93cf"), colour("#a5c8e6"), colour("#dbe6ec"))
PLAIN_AMBIENT = colour("#eef0f2")
"""A light that nobody would name: faint ones lean to it."""
LEAST_NAMED = 0.35
"""How much of a light would be left of it at strength 0."""


def mood_of(scene: Scene, rng: Generator) -> Mood:
    """The scene's light at its strength: faint ones lean to a plain day, strong ones beyond."""
    full, strength = MOODS[scene.light], scene.strength
    share = LEAST_NAMED + (1 - LEAST_NAMED) * strength if strength < 1 else strength**0.6

    def blend(plain: Colour, named: Colour) -> Colour:
        return np.clip(mix(plain, named, share), 0.005, 1)

    skies = zip(PLAIN_SKY, full.sky, strict=True)
    top, middle, bottom = (jitter(rng, blend(plain, named), 0.025) for plain, named in skies)
    return replace(full, sky=(top, middle, bottom), ambient=blend(PLAIN_AMBIENT, full.ambient))
